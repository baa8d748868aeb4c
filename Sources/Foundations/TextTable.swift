/// Rows under headings, as lines of text in aligned columns. Control characters in cells are escaped.
package struct TextTable {
    package enum Alignment {
        case left, right
    }

    private let columns: [(heading: String, alignment: Alignment)]
    private var rows = [[String]]()

    package init(_ columns: [(heading: String, alignment: Alignment)]) {
        self.columns = columns
    }

    package mutating func append(_ row: [String]) {
        precondition(row.count == columns.count, "\(row.count) cells in \(columns.count) columns")
        rows.append(row.map(\.escapingControls))
    }

    package var isEmpty: Bool { rows.isEmpty }

    /// The headings and the rows. Columns are two spaces apart.
    package var lines: [String] {
        let all = [columns.map(\.heading)] + rows
        let widths = columns.indices.map { column in all.map { $0[column].columns }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let blanks = String(repeating: " ", count: widths[column] - cell.columns)
                line += (column > 0 ? "  " : "") + (columns[column].alignment == .left ? cell + blanks : blanks + cell)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
