import Foundations

/// What repeated measurements of one thing came to. All of them count; the median and the quartiles are not moved by
/// the few that something else on the machine has disturbed.
package struct Distribution: Equatable, Sendable {
    /// Ascending.
    package let values: [Double]

    /// Takes one measurement or more.
    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "a distribution of nothing")
        self.values = values.sorted()
    }

    /// The value below which a share of the others lies, between neighbors linearly (type 7 of Hyndman & Fan 1996).
    package func quantile(_ share: Double) -> Double {
        Foundations.quantile(share, ofSorted: values)
    }

    package var median: Double { quantile(0.5) }
    package var quartiles: ClosedRange<Double> { quantile(0.25)...quantile(0.75) }

    /// Half the distance of the quartiles, as a share of the median: half of all measurements are about that close.
    package var spread: Double {
        median == 0 ? 0 : (quartiles.upperBound - quartiles.lowerBound) / 2 / median
    }

    /// Whether the middle halves of two distributions have nothing in common, and the medians are apart by more than
    /// `least` of the smaller one: then noise alone does not explain the difference.
    package func differs(from other: Distribution, byMoreThan least: Double = 0.02) -> Bool {
        let (low, high) = (min(median, other.median), max(median, other.median))
        return !quartiles.overlaps(other.quartiles) && high - low > least * low
    }
}
