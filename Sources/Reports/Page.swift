import Foundations
import Foundation

/// A page of HTML that needs nothing beside itself: style, drawings and pictures are in it.
package struct Page: Sendable {
    package struct Table: Equatable, Sendable {
        package var caption: String
        package var header: [String]
        /// The first cell names its row.
        package var rows: [[String]]
        /// How dark the background of each cell after the first is, 0 ... 1; empty for none.
        package var shades: [[Double]] = []

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
        /// A JPEG or PNG file's content.
        package var image: Data
        /// Below the picture; the first is its name.
        package var lines: [String]

        package init(image: Data, _ lines: [String]) {
            self.image = image
            self.lines = lines
        }

        /// nil for what is neither PNG nor JPEG.
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
        /// What a user types, kept as it is.
        case command(String)
        /// Beside each other where there is room.
        case tables([Table])
        /// Beside each other where there is room.
        case figures([Figure])
        case pictures([Picture])
        /// Pictures to compare: each set in a frame.
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
    /// The main result, as large figures with their names.
    package var headline: [(value: String, name: String)]
    package var sections: [Section]

    package init(_ title: String, subtitle: String, headline: [(value: String, name: String)], _ sections: [Section]) {
        self.title = title
        self.subtitle = subtitle
        self.headline = headline
        self.sections = sections
    }

    /// The page's text, which is HTML and XML at once. Where charts can't be drawn, their numbers stand open in tables,
    /// and the page says why.
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
