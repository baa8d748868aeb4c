import FoundationEssentials
import Foundations
import Glibc
import NeuralNetworks

/// Temperature scaling of logits: softmax(logits / temperature) (Guo et al., "On Calibration of Modern Neural Networks",
/// 2017). It changes probabilities, but no predicted class.
package struct TemperatureScaling: Codable, Equatable, Sendable {
    package static let range = 0.05...20.0
    /// A temperature of 1, which leaves probabilities uncalibrated.
    package static let identity = TemperatureScaling(temperature: 1)

    package var temperature: Double

    package init(temperature: Double) {
        self.temperature = temperature
    }

    /// Fits the temperature within `range` that minimizes the mean negative log-likelihood.
    ///
    /// `logits` has a row of `classes` numbers for each target. When every tile is classified correctly, the likelihood
    /// has no maximum: it keeps growing as the temperature falls. Targets are then softened to 1 - 1 / (tiles + 2),
    /// Laplace's estimate of the accuracy (compare Platt 1999). Returns `identity` when all logits of each row are equal.
    package static func fit(logits: [Float], classes: Int, targets: [Int]) -> TemperatureScaling {
        precondition(logits.count == classes * targets.count && targets.allSatisfy { 0..<classes ~= $0 })
        // Distances from the target's logit: the loss is the mean of log(sum(exp(distance / temperature))).
        var distances = logits.map(Double.init)
        var isSeparated = true
        for (row, target) in targets.enumerated() {
            let reference = Double(logits[row * classes + target])
            for index in row * classes..<(row + 1) * classes {
                distances[index] -= reference
                if distances[index] > 0 { isSeparated = false }
            }
        }
        let softening = isSeparated ? 1 / Double((targets.count + 2) * (classes - 1)) : 0
        let offset = softening * distances.reduce(0, +)

        /// The derivative of the summed loss with respect to 1 / temperature, in which the loss is convex.
        func slope(_ inverse: Double) -> Double {
            var sum = -offset
            for start in stride(from: 0, to: distances.count, by: classes) {
                let row = distances[start..<start + classes]
                let largest = row.max()!
                var (total, weighted) = (0.0, 0.0)
                for distance in row {
                    let weight = exp((distance - largest) * inverse)
                    total += weight
                    weighted += weight * distance
                }
                sum += weighted / total
            }
            return sum
        }
        guard distances.contains(where: { $0 != 0 }) else { return .identity }
        if slope(1 / range.upperBound) >= 0 { return TemperatureScaling(temperature: range.upperBound) }
        if slope(1 / range.lowerBound) <= 0 { return TemperatureScaling(temperature: range.lowerBound) }
        var (low, high) = (1 / range.upperBound, 1 / range.lowerBound)
        // Bisection until the interval contains no other number.
        while true {
            let middle = (low + high) / 2
            if middle <= low || middle >= high { return TemperatureScaling(temperature: 1 / middle) }
            if slope(middle) < 0 { low = middle } else { high = middle }
        }
    }

    /// Rows of `classes` probabilities for rows of logits.
    package func probabilities(_ logits: [Float], classes: Int) -> [Double] {
        precondition(logits.count.isMultiple(of: classes))
        var result = logits.map { Double($0) / temperature }
        for start in stride(from: 0, to: result.count, by: classes) {
            let row = start..<start + classes
            let largest = result[row].max()!
            for index in row { result[index] = exp(result[index] - largest) }
            let total = result[row].reduce(0, +)
            for index in row { result[index] /= total }
        }
        return result
    }
}

/// The calibration of a model, stored as a JSON record in its file.
package struct Calibration: Codable, Equatable, Sendable {
    /// The key of the record in a model's metadata.
    package static let key = "calibration"

    package let temperature: Double
    /// The part of the model's split that the temperature was fitted on.
    package let fittedOn: EvaluationSplit
    /// The number of tiles that the temperature was fitted on.
    package let tiles: Int

    package init(_ scaling: TemperatureScaling, fittedOn: EvaluationSplit, tiles: Int) {
        temperature = scaling.temperature
        self.fittedOn = fittedOn
        self.tiles = tiles
    }

    /// Reads the record in a model's metadata. Returns nil for a model without one, and throws `FileError` for an invalid
    /// one.
    package init?(_ model: Model, path: FilePath) throws(FileError) {
        guard let json = model.records[Self.key] else { return nil }
        guard let record = try? JSON.decode(Calibration.self, from: Data(json.utf8)),
            TemperatureScaling.range.contains(record.temperature), record.tiles > 0
        else {
            let (low, high) = (TemperatureScaling.range.lowerBound, TemperatureScaling.range.upperBound)
            throw FileError(
                path, expected: "a calibration with a temperature from \(low) to \(high) and a number of tiles",
                found: String(json.prefix(80)))
        }
        self = record
    }

    package var scaling: TemperatureScaling { TemperatureScaling(temperature: temperature) }
}
