import Foundation

extension ExplorationReport {
    /// A page stays light to open with this many marks in the scatter.
    private static let mostPoints = 3000

    /// What needs a decision first, then what the data are like.
    package var page: Page {
        var sections = [
            Page.Section(
                "To look into",
                remarks.isEmpty ? [.text("Nothing that this program knows to look for.")] : [.list(remarks)])
        ]
        if !tables.isEmpty { sections.append(Page.Section("Tiles", [.tables(tables)])) }
        if !samples.isEmpty { sections.append(Page.Section("Samples", samples.flatMap(blocks))) }
        if !histograms.isEmpty { sections.append(Page.Section("Pixel values", [.figures(histograms.map(figure))])) }
        if components.contains(where: { !$0.points.isEmpty }) {
            sections.append(Page.Section("Principal components", [.figures([scatter])]))
        }
        if !findings.isEmpty { sections.append(Page.Section("Findings", findings.flatMap(blocks))) }
        if let groups { sections.append(Page.Section("Groups", [.table(groups)])) }
        return Page(title, subtitle: subtitle, headline: headline, sections)
    }

    private func blocks(_ album: Album) -> [Page.Block] {
        [.heading(album.title)] + (album.text.isEmpty ? [] : [.text(album.text)])
            + (album.pictures.isEmpty ? [] : [.pictures(album.pictures)])
            + (album.sets.isEmpty ? [] : [.pictureSets(album.sets)])
    }

    private func figure(_ histogram: Histogram) -> Page.Figure {
        let series = histogram.classes.map { name, shares in
            var series = Chart.Series(name, .line, shares.enumerated().map { .init(Double($0), $1 * 100) })
            series.isMuted = name == unlabelledName
            return series
        }
        let name = histogram.channel.prefix(1).uppercased() + histogram.channel.dropFirst()
        // Clipped light and glass pile up at the ends, and would flatten all the rest.
        let highest = series.flatMap { $0.points.dropFirst().dropLast().map(\.y) }.filter(\.isFinite).max() ?? 0
        let y = Chart.Axis("% of the pixels", highest > 0 ? 0...highest * 1.1 : nil)
        var chart = Chart(name, x: .init("value", 0...255), y: y, series)
        chart.shape = .square
        return .init(
            chart,
            "How often each value of the \(histogram.channel) channel occurs. Classes that differ here can be told "
                + "apart by colour alone. Peaks at 0 and 255 (clipped light, glass) may go beyond the frame.")
    }

    private var scatter: Page.Figure {
        func label(_ index: Int) -> String {
            explained.count > index
                ? String(format: "component %d (%.0f %% of the variance)", index + 1, explained[index] * 100)
                : "component \(index + 1)"
        }
        let total = components.reduce(0) { $0 + $1.points.count }
        let series = components.map { name, points in
            // Every class keeps its share, and a small one at least a mark.
            let kept = total <= Self.mostPoints ? points.count : (points.count * Self.mostPoints + total - 1) / total
            var series = Chart.Series(name, .dots, (0..<kept).map { points[$0 * points.count / kept] })
            series.isMuted = name == unlabelledName
            return series
        }
        var chart = Chart("Tiles by their pixels", x: .init(label(0)), y: .init(label(1)), series)
        chart.shape = .large
        let drawn = series.reduce(0) { $0 + $1.points.count }
        let rest = drawn < total ? " \(drawn) of \(total) tiles are drawn, evenly chosen." : ""
        return .init(
            chart,
            "Each mark is a tile. Clouds that lie apart are tiles that look different at a glance: by stain, by light, "
                + "or by class.\(rest)")
    }
}
