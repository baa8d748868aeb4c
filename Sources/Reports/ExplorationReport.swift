import Foundation

/// What a data set is like, as a page.
package struct ExplorationReport: Sendable {
    /// Pictures of tiles that belong together.
    package struct Album: Sendable {
        package var title: String
        package var text: String
        package var pictures: [Page.Picture]

        package init(_ title: String, _ text: String, _ pictures: [Page.Picture]) {
            self.title = title
            self.text = text
            self.pictures = pictures
        }
    }

    /// Shares of pixels by value, one channel.
    package struct Histogram: Sendable {
        package var channel: String
        /// Name of the class and 256 shares.
        package var classes: [(name: String, shares: [Double])]

        package init(channel: String, classes: [(name: String, shares: [Double])]) {
            self.channel = channel
            self.classes = classes
        }
    }

    package var title = ""
    package var subtitle = ""
    package var headline: [(value: String, name: String)] = []
    /// What to look into, the most serious first.
    package var remarks: [String] = []
    package var tables: [Page.Table] = []
    package var histograms: [Histogram] = []
    /// By class or unlabelled: first and second principal component.
    package var components: [(name: String, points: [Chart.Point])] = []
    /// Shares of the variance.
    package var explained: [Double] = []
    package var samples: [Album] = []
    package var findings: [Album] = []
    package var groups: Page.Table?

    package init() {}

    package var page: Page {
        var sections = [
            Page.Section(
                "To look into",
                remarks.isEmpty ? [.text("Nothing that this program knows to look for.")] : [.list(remarks)]
            ),
            Page.Section("Tiles", tables.map { .table($0) }),
        ]
        for album in samples { sections.append(section(album)) }
        if !histograms.isEmpty {
            sections.append(
                Page.Section(
                    "Pixel values",
                    [.figures(histograms.map(figure))]))
        }
        if !components.isEmpty { sections.append(Page.Section("Principal components", [.figures([scatter])])) }
        for album in findings { sections.append(section(album)) }
        if let groups { sections.append(Page.Section("Groups", [.table(groups)])) }
        return Page(title, subtitle: subtitle, headline: headline, sections)
    }

    private func section(_ album: Album) -> Page.Section {
        Page.Section(album.title, [.text(album.text), .pictures(album.pictures)])
    }

    private func figure(_ histogram: Histogram) -> Page.Figure {
        let series = histogram.classes.map { name, shares in
            Chart.Series(name, .line, shares.enumerated().map { .init(Double($0), $1 * 100) })
        }
        return .init(
            Chart(
                histogram.channel, x: .init("value", 0...255), y: .init("% of the pixels"), series),
            "How often each value of the \(histogram.channel) channel occurs. Classes that differ here can be told apart by colour alone."
        )
    }

    private var scatter: Page.Figure {
        func label(_ index: Int) -> String {
            explained.count > index
                ? String(format: "component %d (%.0f %% of the variance)", index + 1, explained[index] * 100)
                : "component \(index + 1)"
        }
        var chart = Chart(
            "Tiles by their pixels", x: .init(label(0)), y: .init(label(1)),
            components.map { .init($0.name, .dots, $0.points) })
        chart.isSquare = true
        return .init(
            chart,
            "Each mark is a tile. Clouds that lie apart are tiles that look different at a glance: by stain, by light, or by class."
        )
    }
}
