import Datasets
import NeuralNetworks

extension TrainingSettings {
    /// Checks settings from a file. Throws for the first number that is out of its range.
    package func check() throws(HyperparameterError) {
        for check in Hyperparameters.checks { try check(self) }
        if let problem = augmentation?.problem {
            throw .outOfRange("augmentation.\(problem.name)", expected: problem.expected, found: problem.found)
        }
        try require(0.001...0.999, "split.testShare", split.testShare)
        try require(0...0.999, "split.validationShare", split.validationShare)
        if case .adam(let adam) = optimizer {
            try require(0...0.999_999, "optimizer.beta1", Double(adam.beta1))
            try require(0...0.999_999_9, "optimizer.beta2", Double(adam.beta2))
            try require(1e-30...1, "optimizer.epsilon", Double(adam.epsilon))
        }
    }

    private func require(_ range: ClosedRange<Double>, _ name: String, _ value: Double) throws(HyperparameterError) {
        guard range.contains(value) else {
            throw .outOfRange(name, expected: "\(range.lowerBound) to \(range.upperBound)", found: "\(value)")
        }
    }
}

extension Hyperparameters {
    /// Range checks of all hyperparameters with a range.
    fileprivate static let checks: [@Sendable (TrainingSettings) throws(HyperparameterError) -> Void] = [
        epochs.check, batchSize.check, learningRate.check, weightDecay.check, momentum.check, dropout.check,
        labelSmoothing.check, clipNorm.check, patience.check, minimumDelta.check, cycles.check, confidence.check,
        largestShift.check, micronsPerPixel.check,
    ]
}
