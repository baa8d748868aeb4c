import Charts
import Datasets
import Foundations

extension ExplorationReport {
    /// The largest number of points in the scatter plot, which keeps the page small.
    private static let scatterLimit = 3000

    /// Histograms of pixel values by class, one chart for each channel.
    var histogramFigures: [Page.Figure] {
        ["red", "green", "blue"].map { channel in
            let classes = exploration.pixels.filter { $0.name != "all" }.compactMap { part -> (String, [Double])? in
                let histogram = part.channels.first { $0.name == channel }!.values.histogram
                let total = Double(histogram.reduce(0, +))
                return total == 0 ? nil : (part.name, histogram.map { Double($0) / total })
            }
            return Page.Figure(
                Self.histogram(channel, classes),
                "Distribution of the \(channel) channel. Classes with different distributions can be told apart by color "
                    + "alone. Peaks at 0 and 255 (clipped light, glass) may exceed the frame.")
        }
    }

    /// The shares of 256 values in each class.
    package static func histogram(_ channel: String, _ classes: [(name: String, shares: [Double])]) -> Chart {
        let series = classes.map { name, shares in
            var series = Chart.Series(name, .line, shares.enumerated().map { Chart.Point(Double($0), $1 * 100) })
            series.isMuted = !TileLabel.names.contains(name)
            return series
        }
        // The peaks at both ends do not count, because they would flatten the rest.
        let highest = series.flatMap { $0.points.dropFirst().dropLast().map(\.y) }.filter(\.isFinite).max() ?? 0
        var chart = Chart(
            channel.prefix(1).uppercased() + channel.dropFirst(), x: Chart.Axis("value", 0...255),
            y: Chart.Axis("% of the pixels", highest > 0 ? 0...highest * 1.1 : nil), series)
        chart.shape = .square
        return chart
    }

    /// The first two principal components of all tiles. Nil without them.
    var scatterFigure: Page.Figure? {
        let components = exploration.components
        let classes = Self.classNames.map { name in
            let points = tiles(of: name).map { components.coordinates[$0] }.filter { $0.count >= 2 }
            return (name, points.map { Chart.Point(Double($0[0]), Double($0[1])) })
        }
        let total = classes.reduce(0) { $0 + $1.1.count }
        if total == 0 { return nil }
        let chart = Self.scatter(classes, explained: components.explained)
        let drawn = chart.series.reduce(0) { $0 + $1.points.count }
        let rest = drawn < total ? " Shows \(drawn) of \(total) tiles, evenly selected." : ""
        return Page.Figure(
            chart,
            "Each point is a tile. Separate clusters are tiles that look different, by stain, light or class.\(rest)")
    }

    /// Points by class, thinned evenly if there are too many. `explained` has the share of the variance of each axis.
    package static func scatter(_ classes: [(name: String, points: [Chart.Point])], explained: [Double]) -> Chart {
        func label(_ index: Int) -> String {
            let share =
                explained.count > index ? " (\(String(explained[index] * 100, decimals: 0)) % of the variance)" : ""
            return "component \(index + 1)\(share)"
        }
        let total = classes.reduce(0) { $0 + $1.points.count }
        let series = classes.map { name, points in
            // Rounding up keeps at least one point of a small class.
            let kept = total <= scatterLimit ? points.count : (points.count * scatterLimit + total - 1) / total
            var series = Chart.Series(name, .dots, (0..<kept).map { points[$0 * points.count / kept] })
            series.isMuted = name == unlabeled
            return series
        }
        var chart = Chart("Principal components", x: Chart.Axis(label(0)), y: Chart.Axis(label(1)), series)
        chart.shape = .large
        return chart
    }
}
