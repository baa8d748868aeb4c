import Foundation

/// What a chart shows, not how it is drawn.
package struct Chart: Equatable, Sendable {
    package struct Point: Equatable, Sendable {
        package var x: Double
        /// Not a number: nothing was measured here; lines have a gap.
        package var y: Double

        package init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }
    }

    package struct Series: Equatable, Sendable {
        package enum Style: Equatable, Sendable {
            case line, linesWithPoints, points, dots
            /// Standing on zero; the width is in units of x.
            case bars(width: Double)
        }

        package var name: String
        package var style: Style
        package var points: [Point]
        /// Grey and behind the others: what is there for comparison.
        package var isMuted = false

        package init(_ name: String, _ style: Style, _ points: [Point]) {
            self.name = name
            self.style = style
            self.points = points
        }
    }

    package struct Axis: Equatable, Sendable {
        package var label: String
        /// nil: what the points need.
        package var range: ClosedRange<Double>?
        package var isLogarithmic: Bool
        /// Values are whole: no 2.5 among the marks of epochs.
        package var isWhole: Bool

        package init(
            _ label: String, _ range: ClosedRange<Double>? = nil, isLogarithmic: Bool = false, isWhole: Bool = false
        ) {
            self.label = label
            self.range = range
            self.isLogarithmic = isLogarithmic
            self.isWhole = isWhole
        }
    }

    /// A line of comparison; its label stands in the legend, where it covers nothing.
    package struct Mark: Equatable, Sendable {
        package var value: Double
        package var label: String

        package init(_ value: Double, _ label: String) {
            self.value = value
            self.label = label
        }
    }

    /// A lower, flat chart that shares the horizontal axis.
    package struct Strip: Equatable, Sendable {
        package var y: Axis
        package var series: [Series]

        package init(y: Axis, _ series: [Series]) {
            self.y = y
            self.series = series
        }
    }

    package enum Shape: String, Sendable {
        /// Two or three of these stand beside each other.
        case wide, square
        /// Stands alone.
        case large
    }

    package var title: String
    package var x: Axis
    package var y: Axis
    package var series: [Series]
    /// What a grey line where y = x stands for.
    package var diagonal: String?
    /// A grey horizontal line.
    package var level: Mark?
    /// A grey vertical line.
    package var mark: Mark?
    package var strip: Strip?
    package var shape = Shape.wide

    package init(_ title: String, x: Axis, y: Axis, _ series: [Series]) {
        self.title = title
        self.x = x
        self.y = y
        self.series = series
    }

    /// Whether there is anything to draw.
    package var isEmpty: Bool { !series.contains { $0.points.contains { $0.x.isFinite && $0.y.isFinite } } }
}

extension Chart {
    private static let rows = 50

    /// The points as a table: a row for each x where all series have the same, else for each point; thinned evenly to
    /// about fifty rows (of each series).
    package var numbers: Page.Table {
        let all = series + (strip?.series ?? [])
        let places = all.first?.points.map(\.x) ?? []
        guard all.allSatisfy({ $0.points.map(\.x) == places }) else { return listed(all) }
        let kept = Self.thinned(places.count)
        var rows = kept.map { row in
            [Self.number(places[row])] + all.map { Self.number($0.points[row].y) }
        }
        if kept.count < places.count { rows.append([Self.more(places.count - kept.count)]) }
        return Page.Table(title, [x.label] + all.map(\.name), rows)
    }

    private func listed(_ all: [Series]) -> Page.Table {
        let rows = all.flatMap { series in
            let kept = Self.thinned(series.points.count)
            let rows = kept.map { index in
                [series.name, Self.number(series.points[index].x), Self.number(series.points[index].y)]
            }
            return rows + (kept.count < series.points.count ? [[Self.more(series.points.count - kept.count)]] : [])
        }
        return Page.Table(title, ["", x.label, y.label], rows)
    }

    private static func thinned(_ count: Int) -> [Int] {
        count <= rows ? Array(0..<count) : (0..<rows).map { $0 * (count - 1) / (rows - 1) }
    }

    private static func more(_ count: Int) -> String { "and \(count) more between these" }

    private static func number(_ value: Double) -> String {
        value.isFinite ? String(format: "%.6g", value) : "-"
    }
}
