/// Pixels that are black although nothing was found out about them, by why.
package struct BlankPixels: Equatable, Sendable {
    /// There is no tissue.
    package var background = 0
    /// The image has no pixels there.
    package var outside = 0
    /// They could not be decoded.
    package var unreadable = 0
    /// There is no window.
    package var uncovered = 0

    package init() {}

    package var total: Int { background + outside + unreadable + uncovered }

    mutating func add(_ other: BlankPixels, times count: Int = 1) {
        background += other.background * count
        outside += other.outside * count
        unreadable += other.unreadable * count
        uncovered += other.uncovered * count
    }
}

/// One row of cells of a mask.
package struct MaskBand: Equatable, Sendable {
    /// Rows of the image.
    package let rows: Range<Int>
    /// White pixels of each of these rows, ascending; neighbours do not touch.
    package let white: [Range<Int>]
    /// Of each of these rows.
    package let blank: BlankPixels

    /// White pixels of all these rows.
    package var area: Int { white.reduce(0) { $0 + $1.count } * rows.count }
}

extension ProbabilityField {
    /// A row of cells with white where the mean probability is above `threshold`.
    package func band(ofRow row: Int, threshold: Double) -> MaskBand {
        var (white, blank) = ([Range<Int>](), BlankPixels())
        for (pixels, content) in zip(columns, contents(ofRow: row)) {
            switch content {
            case .average(let average):
                guard average > threshold else { continue }
                if let last = white.last, last.upperBound == pixels.lowerBound {
                    white[white.count - 1] = last.lowerBound..<pixels.upperBound
                } else {
                    white.append(pixels)
                }
            case .background: blank.background += pixels.count
            case .outside: blank.outside += pixels.count
            case .unreadable: blank.unreadable += pixels.count
            case .uncovered: blank.uncovered += pixels.count
            }
        }
        return MaskBand(rows: rows[row], white: white, blank: blank)
    }
}
