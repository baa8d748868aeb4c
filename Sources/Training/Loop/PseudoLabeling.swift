import Datasets
import Foundations

/// Settings of pseudo-labeling (Lee 2013). In each cycle, the network labels the unlabeled tiles, confident labels join
/// the training set, and training begins again with the initial weights.
package struct PseudoLabeling: Codable, Equatable, Sendable {
    package var cycles = 3
    /// The smallest calibrated probability of an accepted label.
    package var confidence = 0.95
    /// The largest increase of a class's share of the training tiles through accepted labels.
    package var largestShift = 0.05

    package init() {}

    /// Decides on every unlabeled tile of a cycle.
    ///
    /// Labels are accepted in descending order of confidence. A class accepts no more labels once its share of the
    /// training tiles exceeds its original share by `largestShift`.
    /// - Parameters:
    ///   - cycle: the number of the cycle that trains on the accepted labels
    ///   - tiles: the unlabeled tiles
    ///   - probabilities: calibrated probabilities of each tile, indexed by `TileLabel.rawValue`
    ///   - given: the number of labeled training tiles of each class, indexed by `TileLabel.rawValue`
    package func select(
        cycle: Int, tiles: [Tile], probabilities: [[Double]], given: [Int]
    ) -> [PseudoLabel] {
        var labels = zip(tiles, probabilities).map { tile, row in
            let label = TileLabel(rawValue: row.argmax!)!
            return PseudoLabel(
                cycle: cycle, filename: tile.filename, label: label, confidence: row[label.rawValue], verdict: .unsure)
        }
        let confident = labels.indices.filter { labels[$0].confidence >= confidence }
        let limits = limits(
            given: given,
            confident: TileLabel.allCases.map { label in confident.count { labels[$0].label == label } })
        for label in TileLabel.allCases {
            // Ties keep the order of the tiles.
            let ranked = confident.filter { labels[$0].label == label }
                .sorted { (labels[$0].confidence, $1) > (labels[$1].confidence, $0) }
            for (rank, index) in ranked.enumerated() {
                labels[index].verdict = rank < limits[label.rawValue] ? .kept : .classIsFull
            }
        }
        return labels
    }

    /// The largest number of accepted labels of each class. The share of one class depends on the counts of the others,
    /// so counts are lowered until all shares are within their bounds.
    func limits(given: [Int], confident: [Int]) -> [Int] {
        let total = Double(given.reduce(0, +))
        let bounds = given.map { min(Double($0) / total + largestShift, 1) }
        var limits = confident
        while true {
            let all = total + Double(limits.reduce(0, +))
            guard
                let tooMany = limits.indices.first(where: {
                    limits[$0] > 0 && Double(given[$0] + limits[$0]) > bounds[$0] * all + 1e-9
                })
            else { return limits }
            // Removing a label also lowers the total, so only one is removed at a time.
            limits[tooMany] -= 1
        }
    }
}

/// The decision on one unlabeled tile in one cycle.
package struct PseudoLabel: Codable, Equatable, Sendable {
    /// Raw values are the reasons in `pseudo_labels.csv`.
    package enum Verdict: String, Codable, CaseIterable, Sendable {
        case kept
        case unsure = "confidence below threshold"
        case classIsFull = "share of its class at its limit"
    }

    package var cycle: Int
    package var filename: String
    package var label: TileLabel
    /// Calibrated probability of the label.
    package var confidence: Double
    package var verdict: Verdict

    package init(cycle: Int, filename: String, label: TileLabel, confidence: Double, verdict: Verdict) {
        self.cycle = cycle
        self.filename = filename
        self.label = label
        self.confidence = confidence
        self.verdict = verdict
    }
}

/// The decisions of all cycles of pseudo-labeling.
package struct Ledger: Equatable, Sendable {
    /// Those on unlabeled tiles.
    package var tiles = [PseudoLabel]()
    /// Those on the pixels of tiles without outlines, for a network that outlines nuclei.
    package var pixels = [PixelLabelRecord]()

    package init(tiles: [PseudoLabel] = [], pixels: [PixelLabelRecord] = []) {
        (self.tiles, self.pixels) = (tiles, pixels)
    }

    /// The decisions that a cycle trains on.
    package func decisions(of cycle: Int) -> Ledger {
        Ledger(tiles: tiles.filter { $0.cycle == cycle }, pixels: pixels.filter { $0.cycle == cycle })
    }
}

/// The result of one cycle. Cycle 0 trains on the given labels only.
package struct CycleRecord: Codable, Equatable, Sendable {
    package var cycle: Int
    /// Accepted pseudo-labels by class name.
    package var accepted: [String: Int]
    package var epochs: Int
    package var bestEpoch: Int
    /// Score of the best epoch on the watched part, without calibration.
    package var watched: Score
    /// Cross-entropy of the calibrated probabilities on the watched part.
    package var calibratedLoss: Double
    /// Loss of the classes of pixels on the watched part; nil where none of its tiles has outlines.
    package var pixelLoss: Double?
    package var temperature: Double
    /// Whether the model of this cycle became the model of the run.
    package var isKept: Bool

    package init(
        cycle: Int, accepted: [String: Int], epochs: Int, bestEpoch: Int, watched: Score, calibratedLoss: Double,
        pixelLoss: Double? = nil, temperature: Double, isKept: Bool
    ) {
        self.cycle = cycle
        self.accepted = accepted
        self.epochs = epochs
        self.bestEpoch = bestEpoch
        self.watched = watched
        self.calibratedLoss = calibratedLoss
        self.pixelLoss = pixelLoss
        self.temperature = temperature
        self.isKept = isKept
    }
}
