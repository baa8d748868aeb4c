/// The content of a chart, independent of how it is drawn.
package struct Chart: Equatable, Sendable {
    package struct Point: Equatable, Sendable {
        package var x: Double
        /// A missing value is not a number. Lines have a gap there.
        package var y: Double

        package init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }
    }

    package struct Series: Equatable, Sendable {
        package enum Style: Equatable, Sendable {
            case line, linesWithPoints, points, dots
            /// Bars from zero, with a width in units of x.
            case bars(width: Double)
        }

        package var name: String
        package var style: Style
        package var points: [Point]
        /// Whether the series is gray and behind the others, for comparison.
        package var isMuted = false

        package init(_ name: String, _ style: Style, _ points: [Point]) {
            self.name = name
            self.style = style
            self.points = points
        }
    }

    package struct Axis: Equatable, Sendable {
        package var label: String
        /// Nil for the range of the points.
        package var range: ClosedRange<Double>?
        package var isLogarithmic: Bool
        /// Whether values are whole numbers, so that tick marks are too.
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

    /// A reference line, labeled in the legend.
    package struct Mark: Equatable, Sendable {
        package var value: Double
        package var label: String

        package init(_ value: Double, _ label: String) {
            self.value = value
            self.label = label
        }
    }

    /// A flat panel below the chart that shares its horizontal axis.
    package struct Strip: Equatable, Sendable {
        package var y: Axis
        package var series: [Series]

        package init(y: Axis, _ series: [Series]) {
            self.y = y
            self.series = series
        }
    }

    package enum Shape: String, Sendable {
        /// Shapes for two or three charts in a row.
        case wide, square
        /// A shape for a single chart.
        case large
    }

    package var title: String
    package var x: Axis
    package var y: Axis
    package var series: [Series]
    /// Label of a gray line at y = x. Nil for no line.
    package var diagonal: String?
    /// A gray horizontal line.
    package var level: Mark?
    /// A gray vertical line.
    package var mark: Mark?
    package var strip: Strip?
    package var shape = Shape.wide

    package init(_ title: String, x: Axis, y: Axis, _ series: [Series]) {
        self.title = title
        self.x = x
        self.y = y
        self.series = series
    }

    /// Whether the chart has no point to draw.
    package var isEmpty: Bool { !series.contains { $0.points.contains { $0.x.isFinite && $0.y.isFinite } } }
}
