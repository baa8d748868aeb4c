/// One row of cells of a mask.
package struct MaskBand: Equatable, Sendable {
    /// Pixels that are black because no window over them was predicted, by the reason.
    package struct Unseen: Equatable, Sendable {
        package var background = 0
        package var outside = 0
        package var unreadable = 0
        package var uncovered = 0

        package init() {}

        package var all: Int { background + outside + unreadable + uncovered }

        mutating func add(_ other: Unseen, times count: Int) {
            background += other.background * count
            outside += other.outside * count
            unreadable += other.unreadable * count
            uncovered += other.uncovered * count
        }
    }

    /// Rows of the image.
    package let rows: Range<Int>
    /// White pixels of each of these rows, ascending; neighbours do not touch.
    package let white: [Range<Int>]
    /// Of each of these rows.
    package let unseen: Unseen

    /// White pixels of all these rows.
    package var area: Int { white.reduce(0) { $0 + $1.count } * rows.count }
}

extension ProbabilityField {
    /// A row of cells with white where the mean probability is above `threshold`.
    package func band(ofRow row: Int, threshold: Double) -> MaskBand {
        var (white, unseen) = ([Range<Int>](), MaskBand.Unseen())
        for (pixels, content) in zip(columns, contents(ofRow: row)) {
            switch content {
            case .average(let value):
                guard value > threshold else { continue }
                if let last = white.last, last.upperBound == pixels.lowerBound {
                    white[white.count - 1] = last.lowerBound..<pixels.upperBound
                } else {
                    white.append(pixels)
                }
            case .background: unseen.background += pixels.count
            case .outside: unseen.outside += pixels.count
            case .unreadable: unseen.unreadable += pixels.count
            case .uncovered: unseen.uncovered += pixels.count
            }
        }
        return MaskBand(rows: rows[row], white: white, unseen: unseen)
    }
}
