import Foundations
import Foundation

extension ProbabilityGrid {
    /// Writes a CSV with a row for each window: its place and size in level-0 pixels, its probability of nuclei, empty
    /// where it has none, and what became of it. A window may reach beyond an image that was padded.
    package func writeTable(to file: AtomicFile) throws(FileError) {
        var text = "x,y,width,height,probability,state\n"
        let columns = grid.columns.starts.indices.map { grid.columns.imagePixels(ofWindow: $0) }
        for row in grid.rows.starts.indices {
            let y = grid.rows.imagePixels(ofWindow: row)
            for (column, x) in columns.enumerated() {
                let window = index(row: row, column: column)
                let state = store.state(window)
                let value = state == .predicted ? "\(store.probability(window))" : ""
                text += "\(x.lowerBound),\(y.lowerBound),\(x.count),\(y.count),\(value),\(state)\n"
            }
            if text.utf8.count >= 1 << 16 {
                try file.write(Data(text.utf8))
                text = ""
            }
        }
        try file.write(Data(text.utf8))
        try file.commit()
    }
}
