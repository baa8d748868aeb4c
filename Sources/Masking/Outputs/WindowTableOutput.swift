import FoundationEssentials
import Foundations

/// The columns of a table of windows.
package enum WindowColumns: String, CaseIterable, Codable, Sendable {
    /// `x,y,width,height,probability,state`, with a row for each window. For an ensemble, `disagreement` too.
    case all
    /// Those of wsinfer, `minx,miny,width,height,prob_NUCLEI`, with a row for each window that has a probability.
    case wsinfer

    /// The first line of the table.
    var header: String {
        switch self {
        case .all: "x,y,width,height,probability,state"
        case .wsinfer: "minx,miny,width,height,prob_\(TileClass.nuclei.rawValue)"
        }
    }

    /// The last column of the table of an ensemble, with `all`.
    static let disagreement = ",disagreement"
}

/// A CSV with a row for each window: position and size in pixels at full resolution, probability of nuclei, and state. A
/// window may extend beyond an image that was padded.
final class WindowTableOutput: MaskOutput {
    static func estimatedBytes(_ image: OutputEstimate) -> Double { 40 * Double(image.workload.windows) }

    private let file: AtomicFile

    private let columns: WindowColumns

    init(_ path: FilePath, _ job: OutputJob) throws {
        file = try AtomicFile(path)
        columns = job.request.formats.windowColumns
    }

    func write(_ windows: ProbabilityGrid, _ field: ProbabilityField, _ progress: OutputProgress) throws {
        let rows = windows.grid.rows.starts.count
        try windows.writeTable(columns, to: file) { try progress("table", $0, rows) }
    }

    func finish(_ results: inout MaskResults) throws { try file.commit() }
}

extension ProbabilityGrid {
    /// Writes the table. Probabilities are empty where there is none. `afterRow` receives the number of rows of windows
    /// that are written and may throw to cancel.
    package func writeTable(
        _ kind: WindowColumns = .all, to file: AtomicFile, afterRow: (Int) throws -> Void = { _ in }
    ) throws {
        let showsDeviation = kind == .all && store.hasDeviations
        var text = "\(kind.header)\(showsDeviation ? WindowColumns.disagreement : "")\n"
        let columns = grid.columns.starts.indices.map { grid.columns.imagePixels(ofWindow: $0) }
        for row in grid.rows.starts.indices {
            let y = grid.rows.imagePixels(ofWindow: row)
            for (column, x) in columns.enumerated() {
                let window = index(row: row, column: column)
                let state = store.state(window)
                if kind == .wsinfer, state != .predicted { continue }
                let value = state == .predicted ? "\(store.probability(window))" : ""
                text += "\(x.lowerBound),\(y.lowerBound),\(x.count),\(y.count),\(value)"
                if kind == .all { text += ",\(state)" }
                if showsDeviation { text += state == .predicted ? ",\(store.deviation(window))" : "," }
                text += "\n"
            }
            if text.utf8.count >= 1 << 16 {
                try file.write(Data(text.utf8))
                text = ""
            }
            try afterRow(row + 1)
        }
        try file.write(Data(text.utf8))
    }
}
