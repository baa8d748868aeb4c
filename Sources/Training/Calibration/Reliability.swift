/// Accuracy of predictions by their confidence: the content of a reliability diagram.
package struct Reliability: Codable, Equatable, Sendable {
    /// Predictions with a confidence in (index / bins, (index + 1) / bins].
    package struct Bin: Codable, Equatable, Sendable {
        package var count = 0
        /// The mean confidence of the bin's tiles; 0 for an empty bin.
        package var confidence = 0.0
        /// The share of the bin's tiles that are classified correctly; 0 for an empty bin.
        package var accuracy = 0.0
    }

    package static let defaultBinCount = 15

    package let bins: [Bin]

    /// Sorts predictions into bins of equal width by their confidence, the probability of the predicted class.
    package init(confidences: [Double], hits: [Bool], bins count: Int = defaultBinCount) {
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

    /// Expected calibration error (Naeini et al. 2015): the mean distance between confidence and accuracy. Nil without
    /// tiles.
    package var expectedCalibrationError: Double? {
        Self.expectedCalibrationError(
            gapSums: bins.map { Double($0.count) * ($0.confidence - $0.accuracy) },
            tiles: bins.reduce(0) { $0 + $1.count })
    }

    /// The expected calibration error from the sum of confidence minus hits in each bin. Nil without tiles.
    static func expectedCalibrationError(gapSums: [Double], tiles: Int) -> Double? {
        tiles == 0 ? nil : gapSums.reduce(0) { $0 + $1.magnitude } / Double(tiles)
    }
}

/// Half the mean squared distance between rows of probabilities and the truth, in 0...1 (Brier 1950). For two classes it
/// is the mean squared error of one probability. Nil without tiles.
package func brierScore(probabilities: [Double], classes: Int, targets: [Int]) -> Double? {
    precondition(probabilities.count == classes * targets.count)
    let sum = probabilities.indices.reduce(0.0) { sum, index in
        let distance = probabilities[index] - (targets[index / classes] == index % classes ? 1 : 0)
        return sum + distance * distance
    }
    return targets.isEmpty ? nil : sum / 2 / Double(targets.count)
}
