/// Counts of black pixels about which no window says anything, by reason.
package struct BlankPixels: Equatable, Sendable {
    /// No tissue.
    package var background = 0
    /// Outside the pixels of the image.
    package var outside = 0
    /// Cannot be decoded.
    package var unreadable = 0
    /// Not covered by a window.
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

/// Rows of a mask that are equal.
package struct MaskBand: Equatable, Sendable {
    /// Rows of the image.
    package let rows: Range<Int>
    /// White pixels of each of these rows, as ascending ranges that do not touch.
    package let white: [Range<Int>]
    /// Black pixels of each of these rows about which nothing is known.
    package let blank: BlankPixels

    /// Number of white pixels in all rows.
    package var area: Int { white.reduce(0) { $0 + $1.count } * rows.count }
}

extension ProbabilityField {
    /// The mask of a row of cells: white where the mean probability is above `threshold`.
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

/// Counts of the pixels of a mask.
package struct MaskSummary: Equatable, Sendable {
    package let width: Int
    package let height: Int
    package private(set) var nuclei = 0
    package private(set) var noNuclei = 0
    /// Black pixels about which nothing is known. With the two others they are all pixels of the image.
    package private(set) var blank = BlankPixels()

    package init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

    package mutating func add(_ band: MaskBand) {
        nuclei += band.area
        blank.add(band.blank, times: band.rows.count)
        noNuclei += band.rows.count * (width - band.blank.total) - band.area
    }
}
