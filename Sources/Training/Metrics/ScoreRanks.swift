/// Tiles ranked by score, for the area under the ROC curve with any weights.
struct ScoreRanks: Sendable {
    /// Indices of tiles with equal scores, from the lowest score to the highest.
    private let ties: [[Int]]

    init(_ scores: [Double]) {
        var ties = [[Int]]()
        for tile in scores.indices.sorted(by: { scores[$0] < scores[$1] }) {
            if let last = ties.last, scores[last[0]] == scores[tile] {
                ties[ties.count - 1].append(tile)
            } else {
                ties.append([tile])
            }
        }
        self.ties = ties
    }

    /// Area under the receiver operating characteristic: the probability that a positive scores higher than a negative,
    /// with ties counted half (Mann and Whitney 1947). Nil without positives or negatives.
    func areaUnderROC(_ positives: [Bool], weight: (Int) -> Int = { _ in 1 }) -> Double? {
        // Twice the pairs in the right order, so that the sum stays whole.
        var (positivesBelow, negativesBelow, twicePairs) = (0, 0, 0)
        for tie in ties {
            var (tiedPositives, tiedNegatives) = (0, 0)
            for tile in tie {
                if positives[tile] { tiedPositives += weight(tile) } else { tiedNegatives += weight(tile) }
            }
            twicePairs += tiedPositives * (2 * negativesBelow + tiedNegatives)
            positivesBelow += tiedPositives
            negativesBelow += tiedNegatives
        }
        let pairs = positivesBelow * negativesBelow
        return pairs == 0 ? nil : Double(twicePairs) / Double(2 * pairs)
    }
}

/// Area under the receiver operating characteristic, with ties counted half. Nil without positives or negatives.
package func areaUnderROC(scores: [Double], positives: [Bool]) -> Double? {
    ScoreRanks(scores).areaUnderROC(positives)
}
