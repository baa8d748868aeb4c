import CKernels

/// Overlapping windows in a feature map. Windows share their inner part; the border of each window is its own, because
/// it depends on the padding of convolutions.
package struct FeatureWindows {
    /// Position of a window in the map, and the indices of its borders in their strips.
    package struct Place: Sendable {
        package var y: Int
        package var x: Int
        package var row: Int
        package var column: Int
        package var corner: Int

        package init(y: Int, x: Int, row: Int = 0, column: Int = 0, corner: Int = 0) {
            (self.y, self.x, self.row, self.column, self.corner) = (y, x, row, column, corner)
        }
    }

    /// Number of border rows or columns at each end of a window.
    package struct Ends: Equatable, Sendable {
        package var leading = 0
        package var trailing = 0

        package init(leading: Int = 0, trailing: Int = 0) { (self.leading, self.trailing) = (leading, trailing) }

        package subscript(end: Int) -> Int { end == 0 ? leading : trailing }
    }

    /// Borders of all windows. Leading borders come first, then trailing ones.
    package struct Borders {
        /// Row strips x channels x border rows x map width, each.
        package var rows = [Tensor]()
        /// Channels x map height x column strips x border columns, each.
        package var columns = [Tensor]()
        /// Channels x border rows x corner strips x border columns: upper left, upper right, lower left, lower right.
        package var corners = [Tensor]()

        package init() {}
    }

    /// Shape of a window: C x H x W.
    package let shape: Shape
    /// C x map height x map width
    package let map: Tensor
    /// The map holds channels firstChannel ... firstChannel + C - 1 of `channels`. Borders and weights have all channels.
    package let firstChannel: Int
    package let channels: Int
    package let places: [Place]
    /// Rows and columns of a window that are read from its borders, not from the map.
    package let borderRows: Ends
    package let borderColumns: Ends
    package let borders: Borders

    package init(
        shape: Shape, map: Tensor, firstChannel: Int = 0, channels: Int? = nil, places: [Place],
        borderRows: Ends = Ends(), borderColumns: Ends = Ends(), borders: Borders = Borders()
    ) {
        let channels = channels ?? shape[0]
        precondition(firstChannel >= 0 && firstChannel + shape[0] <= channels)
        precondition(shape.dimensions.count == 3 && map.shape.dimensions.count == 3 && shape[0] == map.shape[0])
        precondition(
            places.allSatisfy {
                $0.y >= 0 && $0.x >= 0 && $0.y + shape[1] <= map.shape[1] && $0.x + shape[2] <= map.shape[2]
            }, "a window leaves its map")
        func most(_ index: (Place) -> Int) -> Int { (places.map(index).max() ?? -1) + 1 }
        precondition(places.allSatisfy { $0.row >= 0 && $0.column >= 0 && $0.corner >= 0 })
        for end in 0..<2 {
            let (rows, columns) = (borderRows[end], borderColumns[end])
            if rows > 0 {
                let room = borders.rows[end].count
                precondition(room >= most(\.row) * channels * rows * map.shape[2], "a strip of rows is missing")
            }
            if columns > 0 {
                let room = borders.columns[end].shape.dimensions
                precondition(
                    room.starts(with: [channels, map.shape[1]]) && room[2] >= most(\.column) && room[3] == columns,
                    "a strip of columns is missing")
            }
            for other in 0..<2 where rows > 0 && borderColumns[other] > 0 {
                let room = borders.corners[2 * end + other].shape.dimensions
                precondition(
                    room.starts(with: [channels, rows]) && room[2] >= most(\.corner) && room[3] == borderColumns[other],
                    "a corner is missing")
            }
        }
        (self.shape, self.map, self.places, self.borders) = (shape, map, places, borders)
        (self.firstChannel, self.channels) = (firstChannel, channels)
        (self.borderRows, self.borderColumns) = (borderRows, borderColumns)
    }

    func withDescription<R>(_ body: (inout ck_feature_windows) -> R) -> R {
        let places = places.map {
            ck_feature_place(
                y: Int64($0.y), x: Int64($0.x), row: Int64($0.row), column: Int64($0.column),
                corner: Int64($0.corner))
        }
        func pointer(_ tensors: [Tensor], _ index: Int) -> UnsafePointer<Float>? {
            index < tensors.count ? UnsafePointer(tensors[index].pointer) : nil
        }
        let b = borders
        return places.withUnsafeBufferPointer { places in
            var description = ck_feature_windows(
                n: Int64(places.count), c: Int64(shape[0]), h: Int64(shape[1]), w: Int64(shape[2]),
                first_channel: Int64(firstChannel), channels: Int64(channels),
                border_rows: (Int64(borderRows.leading), Int64(borderRows.trailing)),
                border_columns: (Int64(borderColumns.leading), Int64(borderColumns.trailing)), map: map.pointer,
                map_h: Int64(map.shape[1]), map_w: Int64(map.shape[2]),
                rows: (pointer(b.rows, 0), pointer(b.rows, 1)),
                columns: (pointer(b.columns, 0), pointer(b.columns, 1)),
                corners: (pointer(b.corners, 0), pointer(b.corners, 1), pointer(b.corners, 2), pointer(b.corners, 3)),
                column_strips: Int64(b.columns.first?.shape[2] ?? 0),
                corner_strips: Int64(b.corners.first?.shape[2] ?? 0), places: places.baseAddress)
            return body(&description)
        }
    }
}

/// Parts of windows.
package struct FeaturePatches: Equatable, Sendable {
    package var firstRow: Int
    package var rows: Int
    /// Segments of `length` columns that start `step` columns apart.
    package var firstColumn: Int
    package var segments: Int
    package var step: Int
    package var length: Int
    /// The value of elements outside the window.
    package var padding: Float

    package init(
        firstRow: Int, rows: Int, firstColumn: Int, segments: Int = 1, step: Int = 0, length: Int, padding: Float = 0
    ) {
        (self.firstRow, self.rows, self.firstColumn) = (firstRow, rows, firstColumn)
        (self.segments, self.step, self.length, self.padding) = (segments, step, length, padding)
    }
}

extension Kernels {
    /// Copies parts of all windows: y[N][C][rows][segments * length] or, side by side, y[1][C][rows][N * segments *
    /// length].
    package static func gather(
        _ y: Tensor, _ windows: FeatureWindows, _ patches: FeaturePatches, sideBySide: Bool = false
    ) throws(KernelError) {
        let (count, width) = (windows.places.count, patches.segments * patches.length)
        expect(
            y,
            sideBySide
                ? [1, windows.shape[0], patches.rows, count * width]
                : [count, windows.shape[0], patches.rows, width], "y")
        var p = ck_patches(
            first_row: Int64(patches.firstRow), rows: Int64(patches.rows), first_column: Int64(patches.firstColumn),
            segments: Int64(patches.segments), step: Int64(patches.step), length: Int64(patches.length),
            padding: patches.padding)
        try KernelError.check(windows.withDescription { ck_gather_patches(y.pointer, &$0, &p, sideBySide) })
    }

    /// Copies all windows: y[N][C][H][W].
    package static func gather(_ y: Tensor, _ windows: FeatureWindows) throws(KernelError) {
        let (height, width) = (windows.shape[1], windows.shape[2])
        try gather(y, windows, FeaturePatches(firstRow: 0, rows: height, firstColumn: 0, length: width))
    }

    /// Floats of scratch for `linearForward` of these windows.
    package static func linearScratchCount(_ windows: FeatureWindows, outputs: Int) -> Int {
        windows.withDescription { ck_linear_windows_scratch(&$0, Int64(outputs)) }
    }

    /// Dense layer that reads windows in place: y[N][O] = windows * weight[O][channels * H * W] transposed + bias[O].
    /// Windows that start at the first channel overwrite y; others add to it.
    package static func linearForward(
        _ y: Tensor, _ windows: FeatureWindows, weight: Tensor, bias: Tensor?, scratch: Tensor
    ) throws(KernelError) {
        let outputs = weight.shape[0]
        expect(weight, [outputs, windows.channels * windows.shape[1] * windows.shape[2]], "weight")
        expect(y, [windows.places.count, outputs], "y")
        if let bias { expect(bias, [outputs], "bias") }
        try KernelError.check(
            windows.withDescription {
                ck_linear_windows_forward(
                    y.pointer, &$0, weight.pointer, bias?.pointer, Int64(outputs), scratch.pointer, scratch.count)
            })
    }
}
