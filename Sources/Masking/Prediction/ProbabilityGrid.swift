/// Probabilities of the windows of an image, and their average at every pixel.
///
/// The average over the windows that cover a pixel is constant within the cells that the windows' edges cut the image
/// into. So one number for each window is all that is kept, and averages are made when a row of cells is asked for.
package final class ProbabilityGrid {
    package let grid: WindowGrid
    package let store: WindowStore
    /// The window that `append` fills next.
    private var next = 0

    /// Windows that are all pending.
    package convenience init(_ grid: WindowGrid) {
        self.init(grid, WindowStore(count: grid.count))
    }

    package init(_ grid: WindowGrid, _ store: WindowStore) {
        precondition(store.count == grid.count)
        self.grid = grid
        self.store = store
    }

    /// What is known of a cell: all its pixels are under the same windows.
    package enum Content: Equatable, Sendable {
        /// The mean probability of the windows that were predicted and of those without tissue, which have none. At
        /// least one was predicted.
        case average(Double)
        /// No window was predicted, and one that could not be read is among them.
        case unreadable
        /// There is no tissue in any window.
        case background
        /// The image has no pixels there.
        case outside
        /// There is no window.
        case uncovered
    }

    package func index(row: Int, column: Int) -> Int { row * grid.columns.starts.count + column }

    /// Probabilities by window row, then column; 0 where there is none.
    package var values: LazyMapCollection<Range<Int>, Float> {
        (0..<grid.count).lazy.map { [store] in store.probability($0) }
    }

    /// Fills windows by hand, in their order.
    package func append(_ value: Float) {
        precondition(next < grid.count)
        store.setProbability(next, value)
        next += 1
    }

    /// How many windows have each state.
    package func counts() -> [WindowState: Int] {
        var counts = [Int](repeating: 0, count: WindowState.allCases.count)
        for window in 0..<grid.count { counts[Int(store.state(window).rawValue)] += 1 }
        return Dictionary(uniqueKeysWithValues: zip(WindowState.allCases, counts))
    }

    /// Averages in the cells of one row of cells, from left to right; nil where nothing was looked at.
    package func averages(ofCellRow row: Int) -> [Double?] {
        contents(ofCellRow: row).map { if case .average(let value) = $0 { value } else { nil } }
    }

    /// What is known of the cells of one row of cells, from left to right.
    package func contents(ofCellRow row: Int) -> [Content] {
        let windowRows = grid.rows.cells[row].windows
        let width = grid.columns.starts.count
        /// For each column, what its windows in these rows come to.
        var columns = [Column](repeating: Column(), count: width)
        for windowRow in windowRows {
            for column in 0..<width {
                let window = windowRow * width + column
                switch store.state(window) {
                case .predicted:
                    columns[column].predicted += 1
                    columns[column].sum += Double(store.probability(window))
                case .background: columns[column].background += 1
                case .outside: columns[column].outside += 1
                case .unreadable, .pending: columns[column].unreadable += 1
                }
            }
        }
        return grid.columns.cells.map { cell in
            var all = Column()
            for column in columns[cell.windows] { all.add(column) }
            return all.content
        }
    }

    private struct Column {
        var sum = 0.0
        var predicted = 0
        var background = 0
        var outside = 0
        var unreadable = 0

        mutating func add(_ other: Column) {
            sum += other.sum
            predicted += other.predicted
            background += other.background
            outside += other.outside
            unreadable += other.unreadable
        }

        var content: Content {
            if predicted > 0 { return .average(sum / Double(predicted + background + outside)) }
            if unreadable > 0 { return .unreadable }
            if background > 0 { return .background }
            return outside > 0 ? .outside : .uncovered
        }
    }
}
