import Foundations
import Glibc

/// The density of hematoxylin in and around the nuclei of an image.
///
/// In an image whose stain is unlike those of its training, a network finds the nuclei that are like those it was
/// trained on, and only parts of the others. The extent of nuclei then follows from the density of their stain in this
/// image.
package struct StainContrast: Equatable, Sendable {
    /// Otsu's threshold between nuclei and what surrounds them.
    package let threshold: Float
    /// The standard deviation of the density of both.
    package let deviation: Float

    package init(threshold: Float, deviation: Float) { (self.threshold, self.deviation) = (threshold, deviation) }

    /// The logarithms of odds by which densities change the probability of a nucleus at most.
    static let limit: Float = 3.6

    /// The factor of the odds of a nucleus at a density.
    func oddsFactor(_ density: Float, weight: Float) -> Float {
        exp(min(max(weight * (density - threshold) / deviation, -Self.limit), Self.limit))
    }
}

/// Counts of densities of hematoxylin near nuclei.
package struct DensityHistogram {
    /// Steps of densities from 0 to 1. Larger densities are in the last step.
    static let steps = 1024

    private var counts = [Int](repeating: 0, count: steps)
    package private(set) var total = 0

    package init() {}

    static func step(of density: Float) -> Int { Int(min(max(density, 0), 0.999_999) * Float(steps)) }

    package mutating func add(_ density: Float) {
        counts[Self.step(of: density)] += 1
        total += 1
    }

    package static func += (sum: inout Self, other: Self) {
        for step in 0..<steps { sum.counts[step] += other.counts[step] }
        sum.total += other.total
    }

    /// Pixels without which a contrast would be chance: those of about fifteen nuclei.
    private static let fewest = 2000
    /// The least deviation, which noise has.
    private static let leastDeviation: Float = 0.02

    /// Nil where there are too few nuclei to tell, or no stain.
    package var contrast: StainContrast? {
        guard total >= Self.fewest, let otsu = otsuThreshold(counts) else { return nil }
        let (mean, square) = counts.enumerated().reduce((0.0, 0.0)) { sums, item in
            let density = (Double(item.offset) + 0.5) / Double(Self.steps)
            let share = Double(item.element) / Double(total)
            return (sums.0 + share * density, sums.1 + share * density * density)
        }
        let deviation = Float(max(0, square - mean * mean).squareRoot())
        return StainContrast(
            threshold: (Float(otsu) + 1) / Float(Self.steps), deviation: max(deviation, Self.leastDeviation))
    }
}
