import Imaging

/// Windows that are computed together, from pixels that are read together.
package struct WindowBlock: Hashable, Sendable {
    /// Indices of rows and columns of windows.
    package let rows: Range<Int>
    package let columns: Range<Int>

    /// The pixels under some rows and columns of windows.
    package static func region(_ rows: Range<Int>, _ columns: Range<Int>, of grid: WindowGrid) -> PixelRegion {
        let (x, y) = (grid.columns.starts[columns.lowerBound], grid.rows.starts[rows.lowerBound])
        return PixelRegion(
            x: x, y: y, width: grid.columns.starts[columns.upperBound - 1] + grid.tile - x,
            height: grid.rows.starts[rows.upperBound - 1] + grid.tile - y)
    }
}

/// The division of an image's windows into blocks, which are ordered by row of blocks, then from left to right.
package struct BlockPlan: Sendable {
    package let rowGroups: [Range<Int>]
    package let columnGroups: [Range<Int>]

    /// Blocks of at most the given size in pixels, but of at least one window. All windows of a block start at multiples
    /// of `phase` pixels from each other: the last row and column, which are moved back to the edge, may get blocks of
    /// their own.
    package init(_ grid: WindowGrid, largestWidth: Int, largestHeight: Int, phase: Int = 1) {
        columnGroups = Self.groups(grid.columns, grid.tile, largestWidth, phase)
        rowGroups = Self.groups(grid.rows, grid.tile, largestHeight, phase)
    }

    package var count: Int { rowGroups.count * columnGroups.count }

    package subscript(index: Int) -> WindowBlock {
        let (row, column) = index.quotientAndRemainder(dividingBy: columnGroups.count)
        return WindowBlock(rows: rowGroups[row], columns: columnGroups[column])
    }

    private static func groups(_ axis: WindowAxis, _ tile: Int, _ largest: Int, _ phase: Int) -> [Range<Int>] {
        let starts = axis.starts
        var regular = starts.count
        if regular > 1, (starts[regular - 1] - starts[0]) % phase != 0 { regular -= 1 }
        let step = starts.count > 1 ? starts[1] - starts[0] : tile
        let most = max(1, (largest - tile) / max(1, step) + 1)
        // Sizes are equal or differ by one. The first group is the largest, so memory for it suffices for all.
        let count = (regular + most - 1) / most
        func start(_ group: Int) -> Int { (group * regular + count - 1) / count }
        var groups = (0..<count).map { start($0)..<start($0 + 1) }
        if regular < starts.count { groups.append(regular..<starts.count) }
        return groups
    }
}
