extension Collection<Double> {
    /// The middle value, or the mean of the two middle values. Nil when empty.
    package var median: Double? {
        if isEmpty { return nil }
        let sorted = sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

/// A quantile of sorted values, by linear interpolation between neighbors. `share` is from 0 to 1.
///
/// Source: type 7 of Hyndman and Fan, "Sample quantiles in statistical packages", 1996.
package func quantile(_ share: Double, ofSorted values: [Double]) -> Double {
    let position = min(max(share, 0), 1) * Double(values.count - 1)
    let below = Int(position)
    let above = min(below + 1, values.count - 1)
    return values[below] + (position - Double(below)) * (values[above] - values[below])
}
