import Files
import Foundation
import Mustache

/// A page of HTML that needs nothing beside itself: style, drawings and pictures are in it.
package struct Page: Sendable {
    package struct Table: Equatable, Sendable {
        package var caption: String
        package var header: [String]
        package var rows: [[String]]

        package init(_ caption: String, _ header: [String], _ rows: [[String]]) {
            self.caption = caption
            self.header = header
            self.rows = rows
        }
    }

    package struct Figure: Equatable, Sendable {
        package var chart: Chart
        /// How to read it.
        package var caption: String

        package init(_ chart: Chart, _ caption: String) {
            self.chart = chart
            self.caption = caption
        }
    }

    package struct Picture: Equatable, Sendable {
        /// A JPEG file's content.
        package var jpeg: Data
        package var lines: [String]

        package init(jpeg: Data, _ lines: [String]) {
            self.jpeg = jpeg
            self.lines = lines
        }
    }

    package enum Block: Sendable {
        case text(String)
        case list([String])
        case table(Table)
        /// Beside each other where there is room.
        case figures([Figure])
        case pictures([Picture])
    }

    package struct Section: Sendable {
        package var title: String
        package var blocks: [Block]

        package init(_ title: String, _ blocks: [Block]) {
            self.title = title
            self.blocks = blocks
        }
    }

    package var title: String
    package var subtitle: String
    /// The main result, as large figures with their names.
    package var headline: [(value: String, name: String)]
    package var sections: [Section]

    package init(_ title: String, subtitle: String, headline: [(value: String, name: String)], _ sections: [Section]) {
        self.title = title
        self.subtitle = subtitle
        self.headline = headline
        self.sections = sections
    }

    /// The page's text. Where charts can't be drawn, their numbers stand in tables, and the page says why.
    package func html(_ gnuplot: Gnuplot = Gnuplot()) -> String {
        let charts = sections.flatMap { $0.blocks.flatMap(\.charts) }
        var (drawings, problem) = ([String](), String?.none)
        do {
            drawings = try gnuplot.svg(charts)
        } catch {
            problem = "Charts are shown as tables: \(error)"
        }
        var next = 0
        let sections = sections.map { section in
            [
                "title": section.title,
                "blocks": section.blocks.map { block in
                    let count = block.charts.count
                    defer { next += count }
                    return block.content(drawings: drawings.isEmpty ? nil : Array(drawings[next..<next + count]))
                },
            ] as [String: Any]
        }
        var content: [String: Any] = [
            "title": title, "subtitle": subtitle, "style": Self.style, "sections": sections,
            "headline": headline.map { ["value": $0.value, "name": $0.name] },
        ]
        content["problem"] = problem
        return Self.template.render(content)
    }

    package func write(to path: String, _ gnuplot: Gnuplot = Gnuplot()) throws(FileError) {
        try AtomicFile.write(html(gnuplot), to: path)
    }
}

extension Page.Block {
    var charts: [Chart] {
        if case .figures(let figures) = self { return figures.map(\.chart) }
        return []
    }

    /// What the template takes; `drawings` are those of the block's charts.
    func content(drawings: [String]?) -> [String: Any] {
        switch self {
        case .text(let text): ["text": text]
        case .list(let lines): ["list": ["lines": lines]]
        case .table(let table): ["table": table.content]
        case .pictures(let pictures):
            [
                "pictures": [
                    "all": pictures.map { picture in
                        [
                            "source": "data:image/jpeg;base64,\(picture.jpeg.base64EncodedString())",
                            "alt": picture.lines.joined(separator: ", "), "lines": picture.lines,
                        ] as [String: Any]
                    }
                ]
            ]
        case .figures(let figures):
            [
                "figures": [
                    "all": figures.enumerated().map { index, figure in
                        var content: [String: Any] = ["alt": figure.chart.title, "caption": figure.caption]
                        if let drawing = drawings?[index] {
                            let data = Data(drawing.utf8).base64EncodedString()
                            content["source"] = "data:image/svg+xml;base64,\(data)"
                        } else {
                            content["numbers"] = figure.chart.numbers.content
                        }
                        return content
                    }
                ]
            ]
        }
    }
}

extension Page.Table {
    var content: [String: Any] {
        ["caption": caption, "header": header, "rows": rows.map { ["cells": $0] }]
    }
}

extension Chart {
    /// The points as a table, at most fifty of each series.
    var numbers: Page.Table {
        let rows = series.flatMap { series in
            let step = max(1, (series.points.count + 49) / 50)
            return stride(from: 0, to: series.points.count, by: step).map { index in
                let point = series.points[index]
                return [series.name, String(format: "%.6g", point.x), String(format: "%.6g", point.y)]
            }
        }
        return Page.Table(title, ["", x.label, y.label], rows)
    }
}
