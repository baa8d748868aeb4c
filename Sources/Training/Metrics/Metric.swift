/// A number that measures a model.
package enum Metric: String, CaseIterable, Codable, Sendable {
    case loss, accuracy, precision, recall, f1, mcc, rocAUC
    /// Resamples have a larger calibration error on average than the tiles themselves, so its interval is biased upward.
    case calibrationError
}

/// The metrics of a set of tiles in which each group of tiles counts any number of times.
package struct WeightedMetrics: Sendable {
    private let classes: Int
    /// The group of each tile.
    private let groups: [Int]
    /// The cell of each tile in the confusion matrix, row by row.
    private let cells: [Int]
    private let losses: [Double]
    /// The bin of each tile's confidence.
    private let bins: [Int]
    /// Confidence minus 1 for a correct prediction, confidence for a wrong one.
    private let gaps: [Double]
    private let isPositive: [Bool]
    private let ranks: ScoreRanks

    /// `groups` has a number from 0 on for each tile. `positive` is the class of the ROC curve.
    package init(_ tiles: LabeledProbabilities, groups: [Int], positive: Int) {
        classes = tiles.classes
        self.groups = groups
        let predictions = tiles.predictions
        cells = zip(tiles.targets, predictions).map { [classes] in $0 * classes + $1 }
        losses = tiles.losses
        let confidences = tiles.confidences
        bins = confidences.map { Reliability.bin(of: $0, of: Reliability.defaultBinCount) }
        gaps = tiles.targets.indices.map { confidences[$0] - (predictions[$0] == tiles.targets[$0] ? 1 : 0) }
        isPositive = tiles.targets.map { $0 == positive }
        ranks = ScoreRanks(tiles.logOdds(of: positive))
    }

    /// The metrics in the order of `Metric.allCases`, with one weight for each group. An undefined metric is nil.
    package func values(_ weights: [Int]) -> [Double?] {
        var counts = Array(repeating: 0, count: classes * classes)
        var gapSums = Array(repeating: 0.0, count: Reliability.defaultBinCount)
        var lossSum = 0.0
        for tile in groups.indices {
            let weight = weights[groups[tile]]
            if weight == 0 { continue }
            counts[cells[tile]] += weight
            gapSums[bins[tile]] += Double(weight) * gaps[tile]
            lossSum += Double(weight) * losses[tile]
        }
        let confusion = ConfusionMatrix(
            counts: stride(from: 0, to: counts.count, by: classes).map { Array(counts[$0..<$0 + classes]) })
        let total = confusion.total
        guard total > 0 else { return Metric.allCases.map { _ in nil } }
        let weighted = confusion.weighted
        return Metric.allCases.map { metric in
            switch metric {
            case .loss: lossSum / Double(total)
            case .accuracy: confusion.accuracy
            case .precision: weighted.precision
            case .recall: weighted.recall
            case .f1: weighted.f1
            case .mcc: confusion.matthewsCorrelation
            case .rocAUC: ranks.areaUnderROC(isPositive) { weights[groups[$0]] }
            case .calibrationError: Reliability.expectedCalibrationError(gapSums: gapSums, tiles: total)
            }
        }
    }
}
