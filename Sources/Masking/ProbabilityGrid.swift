/// Probabilities of all windows of an image, and their average at every pixel.
///
/// The average over the windows that cover a pixel is constant within the cells that the windows' edges cut the image
/// into. So one number for each window is all that is kept, and averages are made when a row of cells is asked for.
package struct ProbabilityGrid {
    package let grid: WindowGrid
    /// By window row, then column; windows are filled in that order.
    package private(set) var values = [Float]()

    package init(_ grid: WindowGrid) {
        self.grid = grid
        values.reserveCapacity(grid.count)
    }

    package mutating func append(_ value: Float) {
        precondition(values.count < grid.count)
        values.append(value)
    }

    /// Averages in the cells of one row of cells, from left to right; nil where no window is.
    package func averages(ofCellRow row: Int) -> [Double?] {
        let windowRows = grid.rows.cells[row].windows
        let width = grid.columns.starts.count
        var sums = [Double](repeating: 0, count: width)
        for windowRow in windowRows {
            for column in 0..<width { sums[column] += Double(values[windowRow * width + column]) }
        }
        return grid.columns.cells.map { cell in
            let count = windowRows.count * cell.windows.count
            return count == 0 ? nil : sums[cell.windows].reduce(0, +) / Double(count)
        }
    }
}
