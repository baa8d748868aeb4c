/// What is said of a model in one number.
package enum Figure: String, CaseIterable, Codable, Sendable {
    case loss, accuracy, precision, recall, f1, mcc, rocAUC
    /// Of resamples it is larger on average than of the tiles themselves: its interval errs upwards.
    case calibrationError
}

/// The figures of tiles, of which each may count any number of times.
package struct WeightedFigures: Sendable {
    private let classes: Int
    private let groupOf: [Int]
    /// Place of a tile in the confusion matrix, row by row.
    private let cells: [Int]
    private let losses: [Double]
    private let bins: [Int]
    /// Confidence less hit: their sums over bins are what the calibration error adds up.
    private let gaps: [Double]
    private let isPositive: [Bool]
    /// Runs of tiles of equal score, from the lowest score on.
    private let ranks: [[Int]]
    private static let binCount = 15

    /// `positive`: the class whose ROC curve counts.
    package init(_ tiles: LabelledProbabilities, groups: [Int], positive: Int) {
        classes = tiles.classes
        groupOf = groups
        let predictions = tiles.predictions
        cells = zip(tiles.targets, predictions).map { [classes] in $0 * classes + $1 }
        losses = tiles.losses
        let confidences = tiles.confidences
        bins = confidences.map { Reliability.bin(of: $0, of: Self.binCount) }
        gaps = tiles.targets.indices.map { confidences[$0] - (predictions[$0] == tiles.targets[$0] ? 1 : 0) }
        isPositive = tiles.targets.map { $0 == positive }
        let scores = tiles.logOdds(of: positive)
        var ranks = [[Int]]()
        for tile in scores.indices.sorted(by: { scores[$0] < scores[$1] }) {
            if let last = ranks.last, scores[last[0]] == scores[tile] {
                ranks[ranks.count - 1].append(tile)
            } else {
                ranks.append([tile])
            }
        }
        self.ranks = ranks
    }

    /// The figures in the order of `Figure.allCases` when each group counts as often as its weight says; nil where a
    /// figure is not defined.
    package func values(_ weights: [Int]) -> [Double?] {
        var counts = Array(repeating: 0, count: classes * classes)
        var gapSums = Array(repeating: 0.0, count: Self.binCount)
        var lossSum = 0.0
        for tile in groupOf.indices {
            let weight = weights[groupOf[tile]]
            if weight == 0 { continue }
            counts[cells[tile]] += weight
            gapSums[bins[tile]] += Double(weight) * gaps[tile]
            lossSum += Double(weight) * losses[tile]
        }
        let confusion = ConfusionMatrix(
            counts: stride(from: 0, to: counts.count, by: classes).map { Array(counts[$0..<$0 + classes]) })
        let total = confusion.total
        guard total > 0 else { return Figure.allCases.map { _ in nil } }
        let weighted = confusion.weighted
        let hasOneClass = confusion.counts.count { $0.contains { $0 > 0 } } == 1
        return Figure.allCases.map { figure in
            switch figure {
            case .loss: lossSum / Double(total)
            case .accuracy: confusion.accuracy
            case .precision: weighted.precision
            case .recall: weighted.recall
            case .f1: weighted.f1
            case .mcc: hasOneClass ? nil : confusion.matthewsCorrelation
            case .rocAUC: areaUnderROC(weights)
            case .calibrationError: gapSums.reduce(0) { $0 + $1.magnitude } / Double(total)
            }
        }
    }

    /// Pairs of a positive and a negative in the right order, ties counted half, over all such pairs.
    private func areaUnderROC(_ weights: [Int]) -> Double? {
        var (positivesBelow, negativesBelow, twicePairs) = (0, 0, 0)
        for run in ranks {
            var (positives, negatives) = (0, 0)
            for tile in run {
                let weight = weights[groupOf[tile]]
                if isPositive[tile] { positives += weight } else { negatives += weight }
            }
            twicePairs += positives * (2 * negativesBelow + negatives)
            positivesBelow += positives
            negativesBelow += negatives
        }
        let pairs = positivesBelow * negativesBelow
        return pairs == 0 ? nil : Double(twicePairs) / Double(2 * pairs)
    }
}
