import Datasets
import NeuralNetworks
import Tensors

extension TrainingSettings {
    /// Checks settings from a file. Throws for the first number that is out of its range.
    package func check() throws(HyperparameterError) {
        for check in Hyperparameters.checks { try check(self) }
        try checkFrozenLayers()
        if let problem = augmentation?.problem {
            throw .outOfRange("augmentation.\(problem.name)", expected: problem.expected, found: problem.found)
        }
        try require(0.001...0.999, "split.testShare", split.testShare)
        try require(0...0.999, "split.validationShare", split.validationShare)
        try checkPixelLoss()
        if case .adam(let adam) = optimizer {
            try require(0...0.999_999, "optimizer.beta1", Double(adam.beta1))
            try require(0...0.999_999_9, "optimizer.beta2", Double(adam.beta2))
            try require(1e-30...1, "optimizer.epsilon", Double(adam.epsilon))
        }
    }

    private func checkPixelLoss() throws(HyperparameterError) {
        guard (pixelLoss != nil) == architecture.outlinesNuclei else {
            throw .outOfRange(
                "pixelLoss", expected: pixelLoss == nil ? "an object" : "null, for \(architecture.rawValue)",
                found: pixelLoss == nil ? "null, for \(architecture.rawValue)" : "an object")
        }
        guard let pixelLoss else { return }
        let weights = pixelLoss.classWeights.map(Double.init)
        let count = PixelClass.allCases.count
        guard weights.count == count, weights.allSatisfy({ 0...1e6 ~= $0 }), weights.contains(where: { $0 > 0 }) else {
            throw .outOfRange(
                "pixelLoss.classWeights", expected: "\(count) numbers of 0 to 1e6, one above 0", found: "\(weights)")
        }
        try require(0...1e6, "pixelLoss.diceWeight", Double(pixelLoss.diceWeight))
        try require(0...1e6, "pixelLoss.anyWeight", Double(pixelLoss.anyWeight))
        try require(0...1e6, "pixelLoss.absentWeight", Double(pixelLoss.absentWeight ?? 0))
        try require(1...1e6, "pixelLoss.scoredPixels", Double(pixelLoss.scoredPixels))
    }

    /// Throws for a name that stands for no layer of the architecture, and when no layer is left to train.
    package func checkFrozenLayers() throws(HyperparameterError) {
        guard let fineTuning, !fineTuning.frozen.isEmpty else { return }
        let graph = architecture.graph(classes: TileLabel.allCases.count, dropout: 0)
        guard let plan = try? NetworkPlan(graph, inputShape: [3, tileTarget.side, tileTarget.side], fineTuning) else {
            preconditionFailure("tiles too small for \(architecture.rawValue)")
        }
        if let unknown = plan.unknownName(in: fineTuning.frozen) {
            let names = plan.freezableNames.joined(separator: ", ")
            throw .outOfRange("freeze", expected: "layers of \(architecture.rawValue) (\(names))", found: unknown)
        }
        if !plan.isTrainable {
            let names = fineTuning.frozen.joined(separator: ", ")
            throw .outOfRange("freeze", expected: "a layer that is left to train", found: names)
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
        largestShift.check, initialModel.check, teachers.check, backboneRateFactor.check, micronsPerPixel.check,
    ]
}
