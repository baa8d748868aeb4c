import Charts
import Foundation
import Foundations

/// A self-contained HTML page: style, drawings and pictures are embedded.
package struct Page: Sendable {
    package struct Table: Equatable, Sendable {
        package var caption: String
        package var header: [String]
        /// The first cell names its row.
        package var rows: [[String]]
        /// Darkness of the background of each cell after the first, in 0...1. Empty for no shading.
        package var shades: [[Double]] = []

        package init(_ caption: String, _ header: [String], _ rows: [[String]]) {
            self.caption = caption
            self.header = header
            self.rows = rows
        }
    }

    package struct Figure: Equatable, Sendable {
        package var chart: Chart
        /// How to read the chart.
        package var caption: String

        package init(_ chart: Chart, _ caption: String) {
            self.chart = chart
            self.caption = caption
        }
    }

    package struct Picture: Equatable, Sendable {
        /// The bytes of a JPEG or PNG file.
        package var image: Data
        /// The text below the picture. The first line is its name.
        package var lines: [String]

        package init(image: Data, _ lines: [String]) {
            self.image = image
            self.lines = lines
        }

        /// A data URL. Nil for an image that is neither PNG nor JPEG.
        var address: String? {
            let type =
                image.starts(with: [0x89, 0x50, 0x4E, 0x47]) ? "png" : image.starts(with: [0xFF, 0xD8]) ? "jpeg" : nil
            return type.map { "data:image/\($0);base64,\(image.base64EncodedString())" }
        }
    }

    package enum Block: Sendable {
        case heading(String)
        case text(String)
        case list([String])
        /// A command line, in monospaced type.
        case command(String)
        /// Tables, in a row if the page is wide enough.
        case tables([Table])
        /// Figures, in a row if the page is wide enough.
        case figures([Figure])
        case pictures([Picture])
        /// Sets of pictures to compare, each in a frame.
        case pictureSets([[Picture]])

        package static func table(_ table: Table) -> Block { .tables([table]) }
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
    /// The main results: large numbers with their names.
    package var headline: [(value: String, name: String)]
    package var sections: [Section]

    package init(_ title: String, subtitle: String, headline: [(value: String, name: String)], _ sections: [Section]) {
        self.title = title
        self.subtitle = subtitle
        self.headline = headline
        self.sections = sections
    }

    /// The text of the page, which is valid HTML and XML. If charts cannot be drawn, the page shows their numbers in tables
    /// and says why.
    package func html(_ gnuplot: Gnuplot = Gnuplot()) -> String {
        let charts = sections.flatMap { $0.blocks.flatMap(\.charts) }
        var (drawings, problem) = ([String](), String?.none)
        do {
            drawings = try gnuplot.svg(charts)
        } catch {
            problem = "Charts are shown as tables: \(error)"
        }
        return Self.template.render(content(drawings: drawings, problem: problem))
    }

    /// Throws `FileError` of kind `unwritable`.
    package func write(to path: FilePath, _ gnuplot: Gnuplot = Gnuplot()) throws(FileError) {
        try AtomicFile.write(html(gnuplot), to: path)
    }
}
