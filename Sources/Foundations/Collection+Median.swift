extension Collection<Double> {
    /// The middle value, or the mean of the two middle values. Nil when empty.
    package var median: Double? {
        if isEmpty { return nil }
        let sorted = sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
