/// Probabilities of the windows of an image, with the grid that the windows form.
///
/// Only one number per window is kept. `ProbabilityField` averages them wherever windows overlap.
package final class ProbabilityGrid {
    package let grid: WindowGrid
    package let store: WindowStore
    /// The window that `append` sets next.
    private var next = 0

    /// Pending windows.
    package convenience init(_ grid: WindowGrid) {
        self.init(grid, WindowStore(count: grid.count))
    }

    package init(_ grid: WindowGrid, _ store: WindowStore) {
        precondition(store.count == grid.count)
        self.grid = grid
        self.store = store
    }

    /// The index of a window in the store.
    package func index(row: Int, column: Int) -> Int { row * grid.columns.starts.count + column }

    /// Probabilities by row, then column, of windows; 0 for windows without one.
    package var values: LazyMapCollection<Range<Int>, Float> {
        (0..<grid.count).lazy.map { [store] in store.probability($0) }
    }

    /// Sets the probability of the next window, by row, then column.
    package func append(_ value: Float) {
        precondition(next < grid.count)
        store.setProbability(next, value)
        next += 1
    }

    /// The number of windows in each state.
    package func counts() -> [WindowState: Int] {
        var counts = [Int](repeating: 0, count: WindowState.allCases.count)
        for window in 0..<grid.count { counts[Int(store.state(window).rawValue)] += 1 }
        return Dictionary(uniqueKeysWithValues: zip(WindowState.allCases, counts))
    }
}
