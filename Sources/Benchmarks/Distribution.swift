import Foundations

/// Distribution of repeated measurements, summarized by the median and quartiles, which a few disturbed measurements
/// hardly change.
package struct Distribution: Equatable, Sendable {
    /// Ascending.
    package let values: [Double]

    /// Traps without measurements.
    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "a distribution needs at least one value")
        self.values = values.sorted()
    }

    /// Quantile with linear interpolation (type 7 of Hyndman and Fan 1996), for a probability from 0 to 1.
    package func quantile(_ probability: Double) -> Double {
        Foundations.quantile(probability, ofSorted: values)
    }

    package var median: Double { quantile(0.5) }
    package var quartiles: ClosedRange<Double> { quantile(0.25)...quantile(0.75) }

    /// Half the interquartile range, relative to the median.
    package var spread: Double {
        median == 0 ? 0 : (quartiles.upperBound - quartiles.lowerBound) / 2 / median
    }

    /// Whether the interquartile ranges are disjoint and the medians differ by more than `least`, relative to the smaller
    /// one. Noise alone then does not explain the difference.
    package func differs(from other: Distribution, byMoreThan least: Double = 0.02) -> Bool {
        let (low, high) = (min(median, other.median), max(median, other.median))
        return !quartiles.overlaps(other.quartiles) && high - low > least * low
    }
}
