/// One row of cells of a mask.
package struct MaskBand: Equatable, Sendable {
    /// Rows of the image.
    package let rows: Range<Int>
    /// White pixels of each of these rows, ascending; neighbours do not touch.
    package let white: [Range<Int>]
    /// Pixels of all these rows that are black because no window saw them.
    package let uncovered: Int

    /// White pixels of all these rows.
    package var area: Int { white.reduce(0) { $0 + $1.count } * rows.count }
}

extension ProbabilityField {
    /// A row of cells with white where the mean probability is above `threshold`.
    package func band(ofRow row: Int, threshold: Double) -> MaskBand {
        var (white, uncovered) = ([Range<Int>](), 0)
        for (pixels, average) in zip(columns, averages(ofRow: row)) {
            guard let average else {
                uncovered += pixels.count
                continue
            }
            guard average > threshold else { continue }
            if let last = white.last, last.upperBound == pixels.lowerBound {
                white[white.count - 1] = last.lowerBound..<pixels.upperBound
            } else {
                white.append(pixels)
            }
        }
        return MaskBand(rows: rows[row], white: white, uncovered: uncovered * rows[row].count)
    }
}
