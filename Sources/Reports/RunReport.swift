/// What a training run was and what came of it. Whatever is left out is left out of the page.
package struct RunReport: Sendable {
    /// What the history has of an epoch; not a number or nil for what was not measured.
    package struct Epoch: Sendable {
        package var number: Int
        package var trainLoss: Double
        package var trainAccuracy: Double
        package var watchedLoss: Double?
        package var watchedAccuracy: Double?
        package var watchedF1: Double?
        package var learningRate: Double

        package init(
            number: Int, trainLoss: Double, trainAccuracy: Double, watchedLoss: Double?, watchedAccuracy: Double?,
            watchedF1: Double?, learningRate: Double
        ) {
            self.number = number
            self.trainLoss = trainLoss
            self.trainAccuracy = trainAccuracy
            self.watchedLoss = watchedLoss
            self.watchedAccuracy = watchedAccuracy
            self.watchedF1 = watchedF1
            self.learningRate = learningRate
        }
    }

    /// How often predictions are right, by how sure they were.
    package struct Reliability: Sendable {
        /// "before calibration", "calibrated".
        package var name: String
        /// Mean confidence and share of hits of each bin that has tiles.
        package var bins: [Chart.Point]
        /// Tiles in each of `bins`; empty when not known.
        package var counts: [Int]
        /// Expected calibration error.
        package var error: Double

        package init(_ name: String, bins: [Chart.Point], counts: [Int] = [], error: Double) {
            precondition(counts.isEmpty || counts.count == bins.count)
            self.name = name
            self.bins = bins
            self.counts = counts
            self.error = error
        }
    }

    /// A cycle of pseudo-labelling, scored on the watched tiles.
    package struct Cycle: Sendable {
        package var name: String
        /// In words, for the table.
        package var accepted: String
        /// Accepted tiles by class, and tiles turned down by reason, for the charts and the table.
        package var acceptedByClass: [(name: String, tiles: Int)]
        package var rejectedByReason: [(name: String, tiles: Int)]
        package var accuracy: Double
        package var f1: Double
        package var loss: Double
        /// "kept", or "rolled back" and why.
        package var outcome: String

        package init(
            name: String, accepted: String, acceptedByClass: [(name: String, tiles: Int)] = [],
            rejectedByReason: [(name: String, tiles: Int)] = [], accuracy: Double, f1: Double, loss: Double,
            outcome: String
        ) {
            self.name = name
            self.accepted = accepted
            self.acceptedByClass = acceptedByClass
            self.rejectedByReason = rejectedByReason
            self.accuracy = accuracy
            self.f1 = f1
            self.loss = loss
            self.outcome = outcome
        }
    }

    package var title = ""
    /// Data set, date, version, duration.
    package var subtitle = ""
    /// The main scores, for a reader in a hurry.
    package var headline: [(value: String, name: String)] = []
    /// Sentences that a reader has to know to understand the scores.
    package var remarks: [String] = []
    package var scores: Page.Table?
    package var groups: Page.Table?
    package var data: Page.Table?
    /// The command line, as typed.
    package var command = ""
    /// Name and value.
    package var settings: [[String]] = []
    /// Of the cycle whose model was kept.
    package var epochs: [Epoch] = []
    package var watched = "validation"
    package var bestEpoch: Int?
    package var classes: [String] = []
    /// counts[truth][prediction].
    package var confusion: [[Int]] = []
    /// False and true positive rates.
    package var roc: (points: [Chart.Point], area: Double)?
    /// Recalls and precisions.
    package var precisionRecall: (points: [Chart.Point], average: Double)?
    /// The class that ROC and precision-recall curves are about.
    package var positiveClass = "NUCLEI"
    /// Before and after calibration.
    package var reliability: [Reliability] = []
    /// The most confident first.
    package var mistakes: [Page.Picture] = []
    package var mistakeCount = 0
    package var cycles: [Cycle] = []

    package init() {}
}
