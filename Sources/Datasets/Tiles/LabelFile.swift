import Foundations

/// The rows of a data set's `labels.csv`.
///
/// The header is `tile_id,label` (tiles are `tile_<id>.png`) or `filename,label`; a file name may lead into a
/// subfolder. More columns are optional, and so are their cells: `group` names the slide, patient or source image of a
/// tile, `mpp` has the microns per pixel of the file, `weight` says how often training draws it in an epoch (1), and
/// `mask` the path of a label image of the same size in the folder: 0 for background and n for nucleus n, or a mask
/// whose connected parts are nuclei. An empty label means unlabeled, or labeled by the mask. Other columns are ignored.
package struct LabelFile {
    package struct Row: Equatable {
        /// The path of the tile in the folder of the file.
        package let filename: String
        /// Nil for an unlabeled tile.
        package let label: TileLabel?
        package let group: String?
        /// Microns per pixel of the file; nil where unknown.
        package let micronsPerPixel: Double?
        /// How often training draws the tile in an epoch, on average.
        package let weight: Double
        /// The path of a label image in the folder of the file; nil where there is none.
        package let mask: String?
        /// The line of the row in the file, from 1; 0 for a tile that no file lists.
        package let line: Int

        package init(
            filename: String, label: TileLabel?, group: String? = nil, micronsPerPixel: Double? = nil,
            weight: Double = 1, mask: String? = nil, line: Int = 0
        ) {
            self.filename = filename
            self.label = label
            self.group = group
            self.micronsPerPixel = micronsPerPixel
            self.weight = weight
            self.mask = mask
            self.line = line
        }
    }

    package let rows: [Row]
    /// Whether any row has a group.
    package let hasGroups: Bool

    /// Reads a file. Throws `FileError`, or `DatasetError` with every invalid row.
    init(path: FilePath) throws {
        guard let file = try? FileBytes(path) else {
            throw FileError(path, .unreadable, "expected the labels of a data set, found no readable file")
        }
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            throw FileError(path, expected: "UTF-8 text", found: "other bytes")
        }
        try self.init(text: text, path: path)
    }

    /// Parses the content of a file. `path` appears in error messages only.
    package init(text: String, path: FilePath) throws {
        let table = CSVTable(text)
        let filled = table.rows.filter { row in row.cells.contains { !$0.trimmed.isEmpty } }
        let columns = try Columns(header: filled.first?.cells.map(\.trimmed) ?? [], path: path)
        var rows = [Row]()
        var problems = [FileError]()
        // Names are compared by their bytes, as file systems do.
        var lineOf = [FilePath: Int]()
        for row in filled.dropFirst() {
            do throws(RowProblem) {
                let found = try columns.row(row)
                if let first = lineOf.updateValue(row.line, forKey: FilePath(found.filename)) {
                    let name = row.cells[columns.name].trimmed
                    throw RowProblem(expected: "each tile once", found: "\(name) again (first in line \(first))")
                }
                rows.append(found)
            } catch {
                problems.append(FileError("\(path):\(row.line)", expected: error.expected, found: error.found))
            }
        }
        if let problem = table.problem {
            problems.append(
                FileError("\(path):\(problem.line)", expected: "a quoted cell that is closed", found: problem.found))
        }
        guard problems.isEmpty else { throw DatasetError(problems) }
        self.rows = rows
        hasGroups = rows.contains { $0.group != nil }
    }

    /// A problem of one row.
    private struct RowProblem: Error {
        let expected: String
        let found: String
    }

    /// Indices of the columns that are read.
    private struct Columns {
        let name: Int
        /// Whether names are ids of tiles rather than file names.
        let namesAreIds: Bool
        let label: Int
        let group: Int?
        let micronsPerPixel: Int?
        let weight: Int?
        let mask: Int?
        /// The number of all columns.
        let count: Int

        /// Upper and lower case are the same. Throws where a required column is missing or a column occurs twice.
        init(header names: [String], path: FilePath) throws(FileError) {
            let header = names.map { $0.lowercased() }
            let known = header.filter {
                ["tile_id", "filename", "label", "group", "mpp", "weight", "mask"].contains($0)
            }
            let twice = Dictionary(grouping: known) { $0 }.filter { $0.value.count > 1 }.keys.sorted().first
            let name = header.firstIndex(of: "tile_id") ?? header.firstIndex(of: "filename")
            let namesTwice = known.contains("tile_id") && known.contains("filename")
            guard twice == nil, !namesTwice, let name, let label = header.firstIndex(of: "label") else {
                let line = names.joined(separator: ",")
                throw FileError(
                    path, expected: "a header tile_id,label[,group] or filename,label[,group]",
                    found: header.isEmpty
                        ? "no header" : twice.map { "the column \($0) twice: \(line)" } ?? line)
            }
            (self.name, self.label, count) = (name, label, header.count)
            namesAreIds = header[name] == "tile_id"
            group = header.firstIndex(of: "group")
            micronsPerPixel = header.firstIndex(of: "mpp")
            weight = header.firstIndex(of: "weight")
            mask = header.firstIndex(of: "mask")
        }

        func row(_ row: CSVTable.Row) throws(RowProblem) -> Row {
            guard row.cells.count == count else {
                throw RowProblem(expected: "\(count) columns", found: "\(row.cells.count)")
            }
            let cells = row.cells.map(\.trimmed)
            for index in [name, label, group].compactMap({ $0 }) where cells[index].contains(where: \.isNewline) {
                throw RowProblem(expected: "a name, label and group within one line", found: "a line break")
            }
            let filename = try filename(cells[name])
            let label = TileLabel(name: cells[label])
            if label == nil && !cells[self.label].isEmpty {
                throw RowProblem(
                    expected: "\(TileLabel.names.joined(separator: ", ")) or nothing as label", found: cells[self.label]
                )
            }
            let group = group.map { cells[$0] }.flatMap { $0.isEmpty ? nil : $0 }
            return Row(
                filename: filename, label: label, group: group,
                micronsPerPixel: try micronsPerPixel.flatMap { index throws(RowProblem) in
                    try Self.micronsPerPixel(cells[index])
                },
                weight: try weight.map { index throws(RowProblem) in try Self.weight(cells[index]) } ?? 1,
                mask: try mask.flatMap { index throws(RowProblem) in
                    cells[index].isEmpty
                        ? nil : try Self.path(cells[index], expected: "the name of a mask in the folder, or nothing")
                }, line: row.line)
        }

        private static func micronsPerPixel(_ text: String) throws(RowProblem) -> Double? {
            if text.isEmpty { return nil }
            guard let number = Double(text), plausibleMicronsPerPixel.contains(number) else {
                let range = plausibleMicronsPerPixel
                throw RowProblem(
                    expected: "\(range.lowerBound) to \(range.upperBound) microns per pixel, or nothing, as mpp",
                    found: text)
            }
            return number
        }

        private static func weight(_ text: String) throws(RowProblem) -> Double {
            if text.isEmpty { return 1 }
            guard let number = Double(text), 0...1000 ~= number else {
                throw RowProblem(expected: "0 to 1000, or nothing, as weight", found: text)
            }
            return number
        }

        /// The path of a tile. Looks at bytes: a slash with a combining mark is one character, but still a separator.
        private func filename(_ name: String) throws(RowProblem) -> String {
            guard namesAreIds else { return try Self.path(name, expected: "the name of a file in the folder") }
            let expected = "the id of a tile"
            guard !name.utf8.contains(UInt8(ascii: "/")) else { throw RowProblem(expected: expected, found: name) }
            _ = try Self.path(name, expected: expected)
            return "tile_\(name).png"
        }

        /// A path that stays in the folder of the file.
        private static func path(_ name: String, expected: String) throws(RowProblem) -> String {
            let path = FilePath(name.utf8.contains(0) ? "" : name)
            let isInside =
                path.isRelative && !path.isEmpty
                && path.components.allSatisfy { $0.kind != .parentDirectory }
                && path.components.contains { $0.kind == .regular }
            guard isInside, !name.contains(where: \.isNewline) else {
                let found =
                    name.utf8.contains(0)
                    ? "a name with a NUL byte"
                    : name.isEmpty ? "nothing" : name.contains(where: \.isNewline) ? "a line break" : name
                throw RowProblem(expected: expected, found: found)
            }
            return path.lexicallyNormalized().string
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
