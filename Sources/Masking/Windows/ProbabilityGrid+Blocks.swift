import Imaging

extension ProbabilityGrid {
    /// The pixels under a window.
    package func region(of window: Int) -> PixelRegion {
        let (row, column) = window.quotientAndRemainder(dividingBy: grid.columns.starts.count)
        return PixelRegion(
            x: grid.columns.starts[column], y: grid.rows.starts[row], width: grid.tile, height: grid.tile)
    }

    /// All windows of a block, by row, then column.
    func windows(of block: WindowBlock) -> [Int] {
        block.rows.flatMap { row in block.columns.map { index(row: row, column: $0) } }
    }

    /// The pending windows of a block, by row, then column.
    func pendingWindows(of block: WindowBlock) -> [Int] {
        block.rows.flatMap { row in
            block.columns.lazy.map { self.index(row: row, column: $0) }.filter { self.store.state($0) == .pending }
        }
    }

    /// Marks the pending windows of a block that touch no tissue; returns how many stay pending.
    func markBackground(in block: WindowBlock, _ tissue: TissueMap?) -> Int {
        var pending = 0
        for row in block.rows {
            for column in block.columns {
                let window = index(row: row, column: column)
                if store.state(window) == .pending, let tissue, !tissue.touches(region(of: window)) {
                    store.setState(window, .background)
                }
                pending += store.state(window) == .pending ? 1 : 0
            }
        }
        return pending
    }

    /// Marks the windows that are unreadable or outside the image; returns the others.
    func markMissing(_ windows: [Int], in pixels: PixelBlock) -> [Int] {
        windows.filter { window in
            let region = region(of: window)
            if pixels.isUnreadable(region) {
                store.setState(window, .unreadable)
            } else if pixels.isOutside(region) {
                store.setState(window, .outside)
            } else {
                return true
            }
            return false
        }
    }

    /// The smallest rectangle around the pending windows of a block, or one as high as the block; nil if none is
    /// pending.
    func pendingRegion(of block: WindowBlock, asHighAsBlock: Bool) -> PixelRegion? {
        let windows = pendingWindows(of: block)
        let width = grid.columns.starts.count
        guard let first = windows.first, let last = windows.last else { return nil }
        let columns = windows.map { $0 % width }
        let rows = asHighAsBlock ? block.rows : first / width..<last / width + 1
        return WindowBlock.region(rows, columns.min()!..<columns.max()! + 1, of: grid)
    }
}
