import Foundations
import Foundation
import SwiftCSV

/// What a tile shows.
package enum TileLabel: Int, Codable, CaseIterable, Sendable {
    case noNucleus = 0
    case nuclei = 1

    /// As label files and models spell it.
    package var name: String { self == .nuclei ? "NUCLEI" : "NO_NUCLEUS" }

    /// Names of all labels in the order of a model's outputs.
    package static let names = allCases.map(\.name)

    init?(name: String) {
        guard let label = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = label
    }
}

/// The rows of a data set's `labels.csv`.
///
/// The header is `tile_id,label` (tiles are `tile_<id>.png`) or `filename,label`, either with an optional third column
/// `group`: the slide, patient or source image that a tile comes from. An empty label means unlabeled. Other columns
/// are ignored.
package struct LabelFile {
    package struct Row: Equatable {
        package let filename: String
        package let label: TileLabel?
        package let group: String?
        package let line: Int

        package init(filename: String, label: TileLabel?, group: String?, line: Int) {
            self.filename = filename
            self.label = label
            self.group = group
            self.line = line
        }
    }

    package let rows: [Row]
    package let hasGroups: Bool

    /// Reads the file; throws all that is wrong with it at once.
    init(path: FilePath) throws {
        guard let data = FileManager.default.contents(atPath: path.string) else {
            throw FileError(path, .unreadable, "expected the labels of a data set, found no readable file")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw FileError(path, expected: "UTF-8 text", found: "other bytes")
        }
        try self.init(text: text, path: path)
    }

    package init(text: String, path: FilePath) throws {
        let table: CSV<Enumerated>
        do {
            // A byte order mark is what spreadsheets put in front.
            let text = text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
            table = try CSV<Enumerated>(string: text, delimiter: .comma, loadColumns: false)
        } catch {
            throw FileError(path, expected: "comma-separated values", found: "\(error)")
        }
        let header = table.header.map { $0.trimmingCharacters(in: .whitespaces) }
        let known = header.filter { ["tile_id", "filename", "label", "group"].contains($0) }
        let nameColumn = header.firstIndex(of: "tile_id") ?? header.firstIndex(of: "filename")
        let isAmbiguous = Set(known).count < known.count || known.contains("tile_id") && known.contains("filename")
        guard !isAmbiguous, let nameColumn, let labelColumn = header.firstIndex(of: "label") else {
            throw FileError(
                path, expected: "a header tile_id,label[,group] or filename,label[,group]",
                found: header.isEmpty ? "no header" : header.joined(separator: ","))
        }
        let namesAreIds = header[nameColumn] == "tile_id"
        let groupColumn = header.firstIndex(of: "group")

        var rows = [Row]()
        var problems = [FileError]()
        var lineOf = [String: Int]()
        for (index, cells) in table.rows.enumerated() {
            let line = index + 2
            func problem(_ expected: String, _ found: String) {
                problems.append(FileError("\(path):\(line)", expected: expected, found: found))
            }
            // A quote that is never closed would make the rest of the file one cell of this row.
            if cells.contains(where: { $0.contains(where: \.isNewline) }) {
                problems.append(
                    FileError("\(path):\(line)", expected: "cells within one line", found: "a quote that is still open")
                )
                break
            }
            let cells = cells.map { $0.trimmingCharacters(in: .whitespaces) }
            if cells.allSatisfy(\.isEmpty) { continue }
            guard cells.count == header.count else {
                problem("\(header.count) columns", "\(cells.count)")
                continue
            }
            let name = cells[nameColumn]
            guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
                problem("the name of a file in the same folder", name.isEmpty ? "nothing" : name)
                continue
            }
            let filename = namesAreIds ? "tile_\(name).png" : name
            if let first = lineOf[filename] {
                problem("each tile once", "\(name) again (first in line \(first))")
                continue
            }
            lineOf[filename] = line
            let label = TileLabel(name: cells[labelColumn])
            if label == nil && !cells[labelColumn].isEmpty {
                problem("\(TileLabel.names.joined(separator: ", ")) or nothing as label", cells[labelColumn])
                continue
            }
            let group = groupColumn.map { cells[$0] }.flatMap { $0.isEmpty ? nil : $0 }
            rows.append(Row(filename: filename, label: label, group: group, line: line))
        }
        guard problems.isEmpty else { throw DatasetError(problems) }
        self.rows = rows
        hasGroups = rows.contains { $0.group != nil }
    }
}

/// Everything that is wrong with a data set, a line each.
package struct DatasetError: Error, CustomStringConvertible {
    package let problems: [FileError]
    private static let shown = 20

    init(_ problems: [FileError]) {
        self.problems = problems
    }

    /// Whether nothing is wrong but that files are missing or may not be read.
    package var hasOnlyUnreadableFiles: Bool { problems.allSatisfy { $0.kind == .unreadable } }

    package var description: String {
        var lines = problems.prefix(Self.shown).map(\.description)
        if problems.count > Self.shown { lines.append("... and \(problems.count - Self.shown) more problems") }
        return lines.joined(separator: "\n")
    }
}
