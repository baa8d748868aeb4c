/// What a chart shows, not how it is drawn.
package struct Chart: Equatable, Sendable {
    package struct Point: Equatable, Sendable {
        package var x: Double
        package var y: Double

        package init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }
    }

    package struct Series: Equatable, Sendable {
        package enum Style: Equatable, Sendable {
            case line, linesWithPoints, points, dots, steps
        }

        package var name: String
        package var style: Style
        package var points: [Point]

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

        package init(_ label: String, _ range: ClosedRange<Double>? = nil, isLogarithmic: Bool = false) {
            self.label = label
            self.range = range
            self.isLogarithmic = isLogarithmic
        }
    }

    package struct Mark: Equatable, Sendable {
        package var x: Double
        package var label: String

        package init(_ x: Double, _ label: String) {
            self.x = x
            self.label = label
        }
    }

    package var title: String
    package var x: Axis
    package var y: Axis
    package var series: [Series]
    /// A grey line where y = x.
    package var hasDiagonal = false
    /// A vertical line with a label.
    package var mark: Mark?
    package var isSquare = false

    package init(_ title: String, x: Axis, y: Axis, _ series: [Series]) {
        self.title = title
        self.x = x
        self.y = y
        self.series = series
    }
}
