/// How often predictions are right, by how sure they were: what a reliability diagram shows.
package struct Reliability: Codable, Equatable, Sendable {
    /// Predictions with a confidence in (index / bins, (index + 1) / bins].
    package struct Bin: Codable, Equatable, Sendable {
        package var count = 0
        /// Means over the bin's tiles; 0 for an empty bin.
        package var confidence = 0.0
        package var accuracy = 0.0
    }

    package let bins: [Bin]

    /// Bins of equal width for confidences of 0 to 1: the probability of what was predicted.
    package init(confidences: [Double], hits: [Bool], bins count: Int = 15) {
        precondition(confidences.count == hits.count && count > 0)
        var bins = Array(repeating: Bin(), count: count)
        for (confidence, hit) in zip(confidences, hits) {
            let index = Self.bin(of: confidence, of: count)
            bins[index].count += 1
            bins[index].confidence += confidence
            bins[index].accuracy += hit ? 1 : 0
        }
        for index in bins.indices where bins[index].count > 0 {
            bins[index].confidence /= Double(bins[index].count)
            bins[index].accuracy /= Double(bins[index].count)
        }
        self.bins = bins
    }

    static func bin(of confidence: Double, of count: Int) -> Int {
        max(0, min(count - 1, Int((confidence * Double(count)).rounded(.up)) - 1))
    }

    /// Expected calibration error (Naeini et al. 2015): the mean distance of confidence and accuracy; nil without tiles.
    package var expectedCalibrationError: Double? {
        let total = bins.reduce(0) { $0 + $1.count }
        let sum = bins.reduce(0) { $0 + Double($1.count) * ($1.confidence - $1.accuracy).magnitude }
        return total == 0 ? nil : sum / Double(total)
    }
}

/// Half the mean squared distance of rows of probabilities from the truth (Brier 1950), 0 ... 1; for two classes, the
/// mean squared error of one probability. nil without tiles.
package func brierScore(probabilities: [Double], classes: Int, targets: [Int]) -> Double? {
    precondition(probabilities.count == classes * targets.count)
    let sum = probabilities.indices.reduce(0.0) { sum, index in
        let distance = probabilities[index] - (targets[index / classes] == index % classes ? 1 : 0)
        return sum + distance * distance
    }
    return targets.isEmpty ? nil : sum / 2 / Double(targets.count)
}
