import Glibc
import NeuralNetworks

extension TemperatureScaling {
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
}

extension CycleRecord {
    /// The scaling that was fitted on the validation tiles; `identity` without them.
    package var scaling: TemperatureScaling { TemperatureScaling(temperature: temperature) }
}
