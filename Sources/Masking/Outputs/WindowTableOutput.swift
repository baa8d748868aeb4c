import FoundationEssentials
import Foundations

/// A CSV with a row for each window: position and size in pixels at full resolution, probability of nuclei (empty
/// without one), and state. A window may extend beyond an image that was padded.
final class WindowTableOutput: MaskOutput {
    static func estimatedBytes(_ image: OutputEstimate) -> Double { 40 * Double(image.workload.windows) }

    private let file: AtomicFile

    init(_ path: FilePath, _ job: OutputJob) throws { file = try AtomicFile(path) }

    func write(_ windows: ProbabilityGrid, _ field: ProbabilityField, _ progress: OutputProgress) throws {
        try windows.writeTable(to: file)
    }

    func finish(_ results: inout MaskResults) throws { try file.commit() }
}

extension ProbabilityGrid {
    /// Writes the table.
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
    }
}
