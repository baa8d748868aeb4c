import Datasets

/// Metrics with their bootstrap intervals, and the calibration, of probabilities for labeled tiles.
package struct MetricEstimates: Encodable, Sendable {
    package struct Estimate: Encodable, Equatable, Sendable {
        package let value: Double
        /// The 95 % bootstrap interval. Nil where there are too few groups.
        package let interval: Interval?
    }

    /// Estimates by the name of the metric, without those that are undefined for these tiles.
    package let metrics: [String: Estimate]
    /// Nil without tiles.
    package let brierScore: Double?
    package let reliability: Reliability
    /// The number of resampled groups. A tile without a group counts as a group.
    package let resampledGroups: Int

    /// The keys of the JSON report, which scripts read.
    private enum CodingKeys: String, CodingKey {
        case metrics = "figures"
        case brierScore, reliability, resampledGroups
    }

    /// Scores `tiles`, whose classes have the order of `TileLabel`. `groups` has the group of each tile, or nil.
    package init(_ tiles: LabeledProbabilities, groups: [String?], _ bootstrap: Bootstrap = Bootstrap()) {
        let numbers = Bootstrap.numbers(of: groups)
        let count = (numbers.max() ?? -1) + 1
        let weighted = WeightedMetrics(tiles, groups: numbers, positive: TileLabel.nuclei.rawValue)
        let values = weighted.values(Array(repeating: 1, count: count))
        let intervals = bootstrap.intervals(groups: count, weighted.values)
        var metrics = [String: Estimate]()
        for (index, metric) in Metric.allCases.enumerated() {
            guard let value = values[index] else { continue }
            metrics[metric.rawValue] = Estimate(value: value, interval: intervals[index])
        }
        self.metrics = metrics
        brierScore = Training.brierScore(probabilities: tiles.rows, classes: tiles.classes, targets: tiles.targets)
        reliability = tiles.reliability()
        resampledGroups = count
    }

    package subscript(metric: Metric) -> Estimate? { metrics[metric.rawValue] }
}
