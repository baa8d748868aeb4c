import Charts
import Foundations

/// The values that the template inserts.
extension Page {
    /// `drawings` has a drawing for each chart of the page in order, or is empty.
    func content(drawings: [String], problem: String?) -> [String: Any] {
        var rest = drawings[...]
        let sections = self.sections.enumerated().map { index, section in
            [
                "title": section.title, "place": index + 1,
                "blocks": section.blocks.map { block in
                    let own = rest.prefix(block.charts.count)
                    rest = rest.dropFirst(own.count)
                    return block.content(drawings: Array(own))
                },
            ] as [String: Any]
        }
        var content: [String: Any] = [
            "title": title, "subtitle": subtitle, "style": Self.style, "sections": sections,
            "headline": headline.map { ["value": $0.value, "name": $0.name] },
        ]
        content["problem"] = problem
        return content
    }
}

extension Page.Block {
    var charts: [Chart] {
        if case .figures(let figures) = self { return figures.map(\.chart).filter { !$0.isEmpty } }
        return []
    }

    /// `drawings` has a drawing for each chart of the block, or is empty.
    func content(drawings: [String]) -> [String: Any] {
        switch self {
        case .heading(let text): return ["heading": text]
        case .text(let text): return ["text": text]
        case .list(let lines): return lines.isEmpty ? [:] : ["list": ["lines": lines]]
        case .command(let text): return ["command": text]
        case .tables(let tables): return ["tables": ["all": tables.map(\.content)]]
        case .pictures(let pictures):
            return pictures.isEmpty ? [:] : ["pictures": ["all": pictures.map(\.content)]]
        case .pictureSets(let sets):
            return sets.isEmpty ? [:] : ["sets": ["all": sets.map { ["all": $0.map(\.content)] }]]
        case .figures(let figures):
            var rest = drawings[...]
            let shape = figures.first?.chart.shape.rawValue ?? ""
            return [
                "figures": [
                    "shape": shape,
                    "all": figures.map { $0.content(drawing: $0.chart.isEmpty ? nil : rest.popFirst()) },
                ] as [String: Any]
            ]
        }
    }

    static func more(_ count: Int) -> String? { count > 0 ? "and \(count) more" : nil }
}

extension Page.Figure {
    func content(drawing: String?) -> [String: Any] {
        var content: [String: Any] = ["name": chart.title, "caption": caption, "shape": chart.shape.rawValue]
        if chart.isEmpty {
            content["nothing"] = "There is nothing to draw."
            return content
        }
        let (across, up) = (chart.x.label, chart.y.label)
        let names = chart.series.map(\.name).joined(separator: ", ")
        content["drawing"] = drawing
        content["alt"] = "\(chart.title): \(up) by \(across); \(names)."
        content["numbers"] = chart.numbers.content
        content["isOpen"] = drawing == nil
        return content
    }
}

extension Page.Picture {
    var content: [String: Any] {
        var content: [String: Any] = ["name": lines.first ?? "", "lines": Array(lines.dropFirst())]
        content["address"] = address
        return content
    }
}

extension Page.Table {
    private static let mostRows = 200
    /// The blue of Okabe and Ito.
    private static let shadeColor = "0, 114, 178"

    var content: [String: Any] {
        let columns = max(header.count, rows.map(\.count).max() ?? 0)
        let kinds = (0..<columns).map { column in
            let cells = rows.compactMap { $0.count == columns && !$0[column].isEmpty ? $0[column] : nil }
            return !cells.isEmpty && cells.allSatisfy(Self.isNumber) ? "number" : "words"
        }
        let shown = rows.prefix(Self.mostRows).enumerated().map { row, cells in
            let rest = cells.dropFirst().enumerated().map { column, text in
                let isShaded = shades.indices.contains(row) && shades[row].indices.contains(column)
                return [
                    "text": text, "kind": kinds[column + 1], "shade": isShaded ? Self.shade(shades[row][column]) : "",
                ]
            }
            return ["name": cells.first ?? "", "kind": kinds[0], "cells": rest] as [String: Any]
        }
        let names = header.enumerated().map { ["text": $1, "kind": kinds[$0]] }
        var content: [String: Any] = ["caption": caption, "header": names, "rows": shown]
        content["more"] = Page.Block.more(rows.count - Self.mostRows)
        return content
    }

    /// A background that is light enough to read the numbers.
    private static func shade(_ share: Double) -> String {
        "background: rgba(\(shadeColor), \(String(0.04 + 0.46 * min(max(share, 0), 1), decimals: 2)))"
    }

    /// Whether the cell is a number, an interval or a placeholder, which are right-aligned.
    private static func isNumber(_ text: String) -> Bool {
        let marks = Set("0123456789.,-+%–()e ")
        return text == "-"
            || text.replacing(" to ", with: " ").allSatisfy { marks.contains($0) || $0 == "×" }
    }
}
