/// The treatment of the right and lower edge where windows at the stride do not end there.
package enum EdgeRule: String, CaseIterable, Codable, Sendable {
    /// Adds a window that is moved back to touch the edge.
    case clamp
    /// Leaves the remainder without a window.
    case none
}

/// Windows along one axis of an image, and the cells that their edges divide it into.
///
/// Windows are laid on pixels at the resolution of the model, which may be finer or coarser than the full resolution.
/// Cells are in pixels at full resolution.
package struct WindowAxis: Equatable, Sendable {
    /// A range of pixels that the same windows cover.
    package struct Cell: Equatable, Sendable {
        package let pixels: Range<Int>
        /// Indices of the windows; empty if none covers the cell.
        package let windows: Range<Int>
    }

    /// First pixel of each window, ascending, at the resolution of the windows.
    package let starts: [Int]
    package let cells: [Cell]
    private let tile: Int
    private let scale: Scale

    /// The length of an axis in pixels, at full resolution and at the resolution of the windows.
    package struct Scale: Equatable, Sendable {
        package let image: Int
        package let laid: Int

        package init(image: Int, laid: Int) {
            precondition(image >= 1 && laid >= 1)
            (self.image, self.laid) = (image, laid)
        }

        /// The edge between pixels at full resolution that is nearest to one at the resolution of the windows.
        package func imageEdge(_ edge: Int) -> Int { (2 * edge * image + laid) / (2 * laid) }
    }

    /// Windows of `tile` pixels every `stride` pixels of an axis of `length` pixels, `length >= tile`. Without a scale,
    /// these are pixels at full resolution.
    package init(length: Int, tile: Int, stride: Int, edges: EdgeRule, scale: Scale? = nil) {
        precondition(length >= tile && tile >= 1 && 1...tile ~= stride)
        var starts = Array(Swift.stride(from: 0, through: length - tile, by: stride))
        if edges == .clamp, starts[starts.count - 1] != length - tile { starts.append(length - tile) }
        self.starts = starts
        self.tile = tile
        let scale = scale ?? Scale(image: length, laid: length)
        self.scale = scale
        let cuts = Set([0, length] + starts + starts.map { $0 + tile }).sorted()
        var (first, last) = (0, 0)
        cells = zip(cuts, cuts.dropFirst()).compactMap { from, to in
            while last < starts.count, starts[last] <= from { last += 1 }
            while first < last, starts[first] + tile < to { first += 1 }
            // Where windows are laid on finer pixels, several edges may coincide.
            let pixels = scale.imageEdge(from)..<scale.imageEdge(to)
            return pixels.isEmpty ? nil : Cell(pixels: pixels, windows: first..<last)
        }
    }

    /// Pixels at full resolution under a window.
    package func imagePixels(ofWindow index: Int) -> Range<Int> {
        scale.imageEdge(starts[index])..<scale.imageEdge(starts[index] + tile)
    }
}

/// The windows of an image: every pair of a row and a column of windows.
package struct WindowGrid: Equatable, Sendable {
    package let tile: Int
    package let columns: WindowAxis
    package let rows: WindowAxis

    package init(
        width: Int, height: Int, tile: Int, stride: Int, edges: EdgeRule, columnScale: WindowAxis.Scale? = nil,
        rowScale: WindowAxis.Scale? = nil
    ) {
        self.tile = tile
        columns = WindowAxis(length: width, tile: tile, stride: stride, edges: edges, scale: columnScale)
        rows = WindowAxis(length: height, tile: tile, stride: stride, edges: edges, scale: rowScale)
    }

    package var count: Int { columns.starts.count * rows.starts.count }
}
