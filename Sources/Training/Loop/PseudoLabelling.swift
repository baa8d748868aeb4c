import Datasets

/// How unlabelled tiles become training tiles (Lee 2013): in each cycle the network labels them, those it is sure of
/// join the given tiles, and a new network is trained from scratch on both.
package struct PseudoLabelling: Codable, Equatable, Sendable {
    package var cycles = 3
    /// The calibrated probability from which a label is accepted.
    package var confidence = 0.95
    /// How much the share of a class among all training tiles may grow by accepted labels.
    package var largestShift = 0.05

    package init() {}

    /// Decides on every unlabelled tile of a cycle.
    ///
    /// Of the tiles that are sure enough, the surest come first. A class takes no more once its share among given and
    /// accepted tiles would be more than `largestShift` above its share among the given ones.
    /// - Parameters:
    ///   - tiles: the unlabelled tiles
    ///   - probabilities: of each tile, by `TileLabel.rawValue`; calibrated
    ///   - given: how many given training tiles there are of each class, by `TileLabel.rawValue`
    package func select(
        cycle: Int, tiles: [Tile], probabilities: [[Double]], given: [Int]
    ) -> [PseudoLabel] {
        var labels = zip(tiles, probabilities).map { tile, row in
            let label = TileLabel.allCases.max { row[$0.rawValue] < row[$1.rawValue] }!
            return PseudoLabel(
                cycle: cycle, filename: tile.filename, label: label, confidence: row[label.rawValue], verdict: .unsure)
        }
        let sure = labels.indices.filter { labels[$0].confidence >= confidence }
        let limits = limits(
            given: given,
            sure: TileLabel.allCases.map { label in sure.count { labels[$0].label == label } })
        for label in TileLabel.allCases {
            // Equal confidences keep the order of the tiles.
            let ranked = sure.filter { labels[$0].label == label }
                .sorted { (labels[$0].confidence, $1) > (labels[$1].confidence, $0) }
            for (rank, index) in ranked.enumerated() {
                labels[index].verdict = rank < limits[label.rawValue] ? .kept : .classIsFull
            }
        }
        return labels
    }

    /// How many tiles of each class may be accepted. What one class may take depends on what the others do, so the
    /// counts are lowered in turns until all shares are within bounds.
    func limits(given: [Int], sure: [Int]) -> [Int] {
        let total = Double(given.reduce(0, +))
        let bounds = given.map { min(Double($0) / total + largestShift, 1) }
        var limits = sure
        while true {
            let all = total + Double(limits.reduce(0, +))
            guard
                let tooMany = limits.indices.first(where: {
                    limits[$0] > 0 && Double(given[$0] + limits[$0]) > bounds[$0] * all + 1e-9
                })
            else { return limits }
            // Taking tiles away lowers the total too, hence one at a time.
            limits[tooMany] -= 1
        }
    }
}

/// A line of the ledger: what became of an unlabelled tile in a cycle.
package struct PseudoLabel: Codable, Equatable, Sendable {
    package enum Verdict: String, Codable, CaseIterable, Sendable {
        case kept
        /// Its confidence is below the threshold.
        case unsure = "confidence below threshold"
        /// Its class has grown as much as it may.
        case classIsFull = "share of its class at its limit"
    }

    package var cycle: Int
    package var filename: String
    package var label: TileLabel
    /// Calibrated probability of the label.
    package var confidence: Double
    package var verdict: Verdict
}

/// What came of one cycle; cycle 0 is training on the given labels alone.
package struct CycleRecord: Codable, Equatable, Sendable {
    package var cycle: Int
    /// Accepted pseudo-labels by class name.
    package var accepted: [String: Int]
    package var epochs: Int
    package var bestEpoch: Int
    /// Of the best epoch on the watched part, its probabilities as they are.
    package var watched: Score
    /// Cross-entropy of the calibrated probabilities on the watched part, by which cycles are compared.
    package var calibratedLoss: Double
    package var temperature: Double
    /// Whether this cycle's model became the run's; if not, the model before it stays.
    package var isKept: Bool
}
