import Foundations
import SwiftCSV

/// The rows of a data set's `labels.csv`.
///
/// The header is `tile_id,label` (tiles are `tile_<id>.png`) or `filename,label`. An optional third column, `group`,
/// names the slide, patient or source image of a tile. An empty label means unlabeled. Other columns are ignored.
package struct LabelFile {
    package struct Row: Equatable {
        package let filename: String
        /// Nil for an unlabeled tile.
        package let label: TileLabel?
        package let group: String?
        /// The line of the row in the file, from 1.
        package let line: Int

        package init(filename: String, label: TileLabel?, group: String?, line: Int) {
            self.filename = filename
            self.label = label
            self.group = group
            self.line = line
        }
    }

    package let rows: [Row]
    /// Whether any row has a group.
    package let hasGroups: Bool

    /// Reads a file. Throws `FileError`, or `DatasetError` with every invalid row.
    init(path: FilePath) throws {
        guard let file = try? MappedFile(path) else {
            throw FileError(path, .unreadable, "expected the labels of a data set, found no readable file")
        }
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            throw FileError(path, expected: "UTF-8 text", found: "other bytes")
        }
        try self.init(text: text, path: path)
    }

    /// Parses the content of a file. `path` appears in error messages only.
    package init(text: String, path: FilePath) throws {
        let table: CSV<Enumerated>
        do {
            // Some spreadsheets begin a file with a byte order mark.
            let text = text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
            table = try CSV<Enumerated>(string: text, delimiter: .comma, loadColumns: false)
        } catch {
            throw FileError(path, expected: "comma-separated values", found: "\(error)")
        }
        let columns = try Columns(header: table.header.map(\.trimmed), path: path)
        var rows = [Row]()
        var problems = [FileError]()
        var lineOf = [String: Int]()
        for (index, cells) in table.rows.enumerated() {
            let line = index + 2
            func problem(_ expected: String, _ found: String) {
                problems.append(FileError("\(path):\(line)", expected: expected, found: found))
            }
            // An unclosed quote turns the rest of the file into one cell of this row.
            if cells.contains(where: { $0.contains(where: \.isNewline) }) {
                problem("cells within one line", "an unclosed quote")
                break
            }
            let cells = cells.map(\.trimmed)
            if cells.allSatisfy(\.isEmpty) { continue }
            guard cells.count == columns.count else {
                problem("\(columns.count) columns", "\(cells.count)")
                continue
            }
            let name = cells[columns.name]
            guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
                problem("the name of a file in the same folder", name.isEmpty ? "nothing" : name)
                continue
            }
            let filename = columns.namesAreIds ? "tile_\(name).png" : name
            if let first = lineOf[filename] {
                problem("each tile once", "\(name) again (first in line \(first))")
                continue
            }
            lineOf[filename] = line
            let label = TileLabel(name: cells[columns.label])
            if label == nil && !cells[columns.label].isEmpty {
                problem("\(TileLabel.names.joined(separator: ", ")) or nothing as label", cells[columns.label])
                continue
            }
            let group = columns.group.map { cells[$0] }.flatMap { $0.isEmpty ? nil : $0 }
            rows.append(Row(filename: filename, label: label, group: group, line: line))
        }
        guard problems.isEmpty else { throw DatasetError(problems) }
        self.rows = rows
        hasGroups = rows.contains { $0.group != nil }
    }

    /// Indices of the columns that are read.
    private struct Columns {
        let name: Int
        /// Whether names are ids of tiles rather than file names.
        let namesAreIds: Bool
        let label: Int
        let group: Int?
        /// The number of all columns.
        let count: Int

        /// Throws where a required column is missing or a column occurs twice.
        init(header: [String], path: FilePath) throws(FileError) {
            let known = header.filter { ["tile_id", "filename", "label", "group"].contains($0) }
            let isAmbiguous = Set(known).count < known.count || known.contains("tile_id") && known.contains("filename")
            let name = header.firstIndex(of: "tile_id") ?? header.firstIndex(of: "filename")
            guard !isAmbiguous, let name, let label = header.firstIndex(of: "label") else {
                throw FileError(
                    path, expected: "a header tile_id,label[,group] or filename,label[,group]",
                    found: header.isEmpty ? "no header" : header.joined(separator: ","))
            }
            (self.name, self.label, count) = (name, label, header.count)
            namesAreIds = header[name] == "tile_id"
            group = header.firstIndex(of: "group")
        }
    }
}

/// All problems of a data set, one line each.
package struct DatasetError: Error, CustomStringConvertible {
    package let problems: [FileError]
    /// The most problems that the description lists.
    private static let listedCount = 20

    init(_ problems: [FileError]) {
        self.problems = problems
    }

    /// Whether every problem is a file that is missing or may not be read.
    package var hasOnlyUnreadableFiles: Bool { problems.allSatisfy { $0.kind == .unreadable } }

    package var description: String {
        var lines = problems.prefix(Self.listedCount).map(\.description.escapingControls)
        if problems.count > Self.listedCount {
            lines.append("... and \(problems.count - Self.listedCount) more problems")
        }
        return lines.joined(separator: "\n")
    }
}
