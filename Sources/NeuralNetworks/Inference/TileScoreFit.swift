/// The line that turns the log odds of the pixels with the largest probabilities of a nucleus into the log odds that a
/// tile has one.
///
/// A tile's score is the mean probability of these pixels. It is far above 0.5 in many tiles without nuclei, and how
/// far depends on the training. The line is fitted on training tiles by logistic regression (Platt 1999), with both
/// classes of equal weight.
package struct TileScoreFit: Codable, Equatable, Sendable {
    package let slope: Double
    package let offset: Double

    /// Nil unless the numbers are finite and a higher score means that a nucleus is more likely.
    package init?(slope: Double, offset: Double) {
        guard slope.isFinite, offset.isFinite, slope > 0 else { return nil }
        (self.slope, self.offset) = (slope, offset)
    }

    var isValid: Bool { TileScoreFit(slope: slope, offset: offset) != nil }

    func apply(_ logOdds: Float) -> Float { Float(slope * Double(logOdds) + offset) }
}
