import CKernels

/// Windows of features that overlap in a map of them, and what each has at its borders for itself.
package struct FeatureWindows {
    /// Where a window lies in the map, and the strips that hold its borders.
    package struct Place: Sendable {
        package var y: Int
        package var x: Int
        package var rowStrip: Int
        package var columnStrip: Int

        package init(y: Int, x: Int, rowStrip: Int, columnStrip: Int) {
            (self.y, self.x, self.rowStrip, self.columnStrip) = (y, x, rowStrip, columnStrip)
        }
    }

    /// What windows do not share; strips are `length` features high.
    package struct Borders {
        /// Rows and columns of features at the beginning and at the end of a window.
        package let leading: Int
        package let trailing: Int
        package let length: Int
        /// 2 * row strips x C x length x map width
        package let rows: Tensor
        /// 2 * column strips x C x length x map height
        package let columns: Tensor
        /// 4 * windows x C x length x length
        package let corners: Tensor

        package init(leading: Int, trailing: Int, length: Int, rows: Tensor, columns: Tensor, corners: Tensor) {
            (self.leading, self.trailing, self.length) = (leading, trailing, length)
            (self.rows, self.columns, self.corners) = (rows, columns, corners)
        }
    }

    /// Features of a window: C x H x W.
    package let shape: Shape
    /// C x map height x map width
    package let map: Tensor
    package let places: [Place]
    /// Nil where windows share all they have.
    package let borders: Borders?

    package init(shape: Shape, map: Tensor, places: [Place], borders: Borders?) {
        precondition(shape.dimensions.count == 3 && map.shape.dimensions.count == 3 && shape[0] == map.shape[0])
        precondition(
            places.allSatisfy {
                $0.y >= 0 && $0.x >= 0 && $0.y + shape[1] <= map.shape[1] && $0.x + shape[2] <= map.shape[2]
            }, "a window leaves its map")
        if let borders {
            func holds(_ strips: Tensor, _ count: Int, _ length: Int) -> Bool {
                strips.count >= count * shape[0] * borders.length * length
            }
            let rows = (places.map(\.rowStrip).max() ?? -1) + 1
            let columns = (places.map(\.columnStrip).max() ?? -1) + 1
            precondition(
                places.allSatisfy { $0.rowStrip >= 0 && $0.columnStrip >= 0 }
                    && holds(borders.rows, 2 * rows, map.shape[2]) && holds(borders.columns, 2 * columns, map.shape[1])
                    && holds(borders.corners, 4 * places.count, borders.length), "a strip is missing")
        }
        (self.shape, self.map, self.places, self.borders) = (shape, map, places, borders)
    }

    fileprivate func withDescription<R>(_ body: (inout ck_feature_windows) -> R) -> R {
        let places = places.map {
            ck_feature_place(y: Int64($0.y), x: Int64($0.x), row: Int64($0.rowStrip), column: Int64($0.columnStrip))
        }
        return places.withUnsafeBufferPointer { places in
            var description = ck_feature_windows(
                n: Int64(places.count), c: Int64(shape[0]), h: Int64(shape[1]), w: Int64(shape[2]),
                leading: Int64(borders?.leading ?? 0), trailing: Int64(borders?.trailing ?? 0),
                strip: Int64(borders?.length ?? 0), map: map.pointer, map_h: Int64(map.shape[1]),
                map_w: Int64(map.shape[2]), rows: borders?.rows.pointer, columns: borders?.columns.pointer,
                corners: borders?.corners.pointer, places: places.baseAddress)
            return body(&description)
        }
    }
}

extension Kernels {
    /// y[N][C][H][W]: every window by itself.
    package static func gather(_ y: Tensor, _ windows: FeatureWindows) throws(KernelError) {
        expect(y, windows.shape.batched(windows.places.count), "y")
        try KernelError.check(windows.withDescription { ck_gather_windows(y.pointer, &$0) })
    }

    /// Floats of scratch that `linearForward` of such windows needs.
    package static func linearScratchCount(_ windows: FeatureWindows, outputs: Int) -> Int {
        windows.withDescription { ck_linear_windows_scratch(&$0, Int64(outputs)) }
    }

    /// y[N][O] = windows * weight[O][C * H * W] transposed + bias[O].
    package static func linearForward(
        _ y: Tensor, _ windows: FeatureWindows, weight: Tensor, bias: Tensor?, scratch: Tensor
    ) throws(KernelError) {
        let outputs = weight.shape[0]
        expect(weight, [outputs, windows.shape.count], "weight")
        expect(y, [windows.places.count, outputs], "y")
        if let bias { expect(bias, [outputs], "bias") }
        try KernelError.check(
            windows.withDescription {
                ck_linear_windows_forward(
                    y.pointer, &$0, weight.pointer, bias?.pointer, Int64(outputs), scratch.pointer, scratch.count)
            })
    }

    /// planes[N][3][W][H]: what `normalize` makes, with rows and columns exchanged.
    package static func normalizeTransposed(
        _ planes: Tensor, _ bytes: UnsafeRawBufferPointer, _ windows: PixelWindows, _ statistics: ChannelStatistics
    ) throws(KernelError) {
        expect(planes, [windows.offsets.count, 3, windows.width, windows.height], "planes")
        var d = windows.checked(within: bytes)
        try KernelError.check(
            ck_normalize_windows_transposed(
                planes.pointer, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, windows.offsets,
                statistics.mean, statistics.deviation, &d))
    }
}
