/// What happens at the right and lower edge when windows at the stride do not end there.
package enum EdgeRule: String, CaseIterable, Codable, Sendable {
    /// One more window is moved back to touch the edge.
    case clamp
    /// The rest stays without a window.
    case none
}

/// Windows along one axis of an image, and the cells that their edges cut it into.
package struct WindowAxis: Equatable, Sendable {
    /// A run of pixels that the same windows cover.
    package struct Cell: Equatable, Sendable {
        package let pixels: Range<Int>
        /// Indices of the windows; empty where there is none.
        package let windows: Range<Int>
    }

    /// First pixel of each window, ascending.
    package let starts: [Int]
    package let cells: [Cell]

    /// Windows of `tile` pixels every `stride` pixels of an axis of `length` pixels, `length >= tile`.
    package init(length: Int, tile: Int, stride: Int, edges: EdgeRule) {
        precondition(length >= tile && tile >= 1 && 1...tile ~= stride)
        var starts = Array(Swift.stride(from: 0, through: length - tile, by: stride))
        if edges == .clamp, starts[starts.count - 1] != length - tile { starts.append(length - tile) }
        self.starts = starts
        let cuts = Set([0, length] + starts + starts.map { $0 + tile }).sorted()
        var (first, last) = (0, 0)
        cells = zip(cuts, cuts.dropFirst()).map { from, to in
            while last < starts.count, starts[last] <= from { last += 1 }
            while first < last, starts[first] + tile < to { first += 1 }
            return Cell(pixels: from..<to, windows: first..<last)
        }
    }
}

/// The windows of an image: every pair of a row and a column of windows.
package struct WindowGrid: Equatable, Sendable {
    package let tile: Int
    package let columns: WindowAxis
    package let rows: WindowAxis

    package init(width: Int, height: Int, tile: Int, stride: Int, edges: EdgeRule) {
        self.tile = tile
        columns = WindowAxis(length: width, tile: tile, stride: stride, edges: edges)
        rows = WindowAxis(length: height, tile: tile, stride: stride, edges: edges)
    }

    package var count: Int { columns.starts.count * rows.starts.count }
}
