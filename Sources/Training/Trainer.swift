import Datasets
import Foundation
import NeuralNetworks
import Tensors

/// What a training run tells its caller as it goes.
package enum TrainingEvent {
    /// Within an epoch: tiles done so far, and loss and accuracy over them.
    case batch(epoch: Int, done: Int, of: Int, loss: Double, accuracy: Double)
    case epoch(EpochRecord, isBest: Bool)
}

/// A run that cannot go on.
package struct TrainingError: Error, CustomStringConvertible {
    package let description: String
}

/// Teaches a model, epoch by epoch.
package struct Trainer {
    package let settings: TrainingSettings
    package let set: TileSet
    package let split: Split
    package let model: Model
    package internal(set) var history = [EpochRecord]()
    private let workspace: Workspace
    private let gradients: ParameterSet
    let optimizer: Optimizer
    private let predictor: Predictor
    var plateau: ReduceLROnPlateau?

    /// A model with fresh weights, and all the memory that training it takes.
    package init(_ settings: TrainingSettings, set: TileSet, split: Split) throws {
        self.settings = settings
        self.set = set
        self.split = split
        let description = ModelDescription(
            architecture: settings.architecture, tileSize: TileSet.tileSize, classes: TileLabel.names,
            statistics: try set.channelStatistics(of: split.train + split.unlabelled),
            micronsPerPixel: settings.micronsPerPixel, dropout: settings.dropout)
        model = try Model(description)
        try model.network.initialize(seed: settings.seed)
        workspace = Workspace(model.network, capacity: settings.batchSize, purpose: .training)
        predictor = Predictor(model, workspace)
        gradients = ParameterSet(model.network.parameters.layout)
        optimizer = Optimizer(settings.optimizer, layout: gradients.layout)
        if settings.schedule == .plateau {
            var plateau = ReduceLROnPlateau()
            plateau.factor = 0.5
            plateau.patience = 2
            plateau.minimumRate = 1e-6
            self.plateau = plateau
        }
    }

    /// The part whose loss is watched after each epoch: validation, or the test for want of one.
    package var watched: EvaluationSplit { split.validation.isEmpty ? .test : .validation }
    private var watchedTiles: [Int] { split.validation.isEmpty ? split.test : split.validation }

    /// The epoch with the lowest watched loss so far.
    package var best: EpochRecord? { history.min { $0.watchedLoss < $1.watchedLoss } }

    /// Whether there is nothing more to train.
    package var isDone: Bool {
        history.count >= settings.epochs || settings.earlyStopping?.stops(after: history.map(\.watchedLoss)) ?? false
    }

    /// Trains one more epoch and scores the watched part. `report` hears of every batch; it may throw to stop the run
    /// between two steps. Throws `TrainingError` when the loss is no longer a number.
    package mutating func trainEpoch(report: (TrainingEvent) throws -> Void) throws {
        let epoch = history.count + 1
        let start = ContinuousClock.now
        var random = SplitMix64(seed: settings.seed, stream: 0x6F72_6465_72, UInt64(epoch))
        let order = split.train.shuffled(using: &random)
        var (done, hits, lossSum) = (0, 0, 0.0)
        while done < order.count {
            let batch = Array(order[done..<min(done + settings.batchSize, order.count)])
            let seed = SplitMix64.derive(settings.seed, [0x7374_6570, UInt64(epoch), UInt64(done)])
            let (loss, batchHits) = try step(batch, seed: seed)
            guard loss.isFinite else { throw Self.divergence(in: epoch, loss: loss) }
            done += batch.count
            hits += batchHits
            lossSum += loss * Double(batch.count)
            try report(
                .batch(
                    epoch: epoch, done: done, of: order.count, loss: lossSum / Double(done),
                    accuracy: Double(hits) / Double(done)))
        }
        let trained = (ContinuousClock.now - start).seconds
        let score: Score
        do {
            score = try self.score(watchedTiles)
        } catch is PredictionError {
            throw Self.divergence(in: epoch, loss: .nan)
        }
        let record = EpochRecord(
            epoch: epoch, learningRate: optimizer.learningRate, trainLoss: lossSum / Double(done),
            trainAccuracy: Double(hits) / Double(done), watchedLoss: score.loss, watchedAccuracy: score.accuracy,
            watchedF1: score.weighted.f1, seconds: (ContinuousClock.now - start).seconds,
            tilesPerSecond: Double(done) / trained)
        if let rate = plateau?.step(score.loss, rate: Double(optimizer.learningRate)) {
            optimizer.learningRate = Float(rate)
        }
        history.append(record)
        try report(.epoch(record, isBest: best == record))
    }

    private static func divergence(in epoch: Int, loss: Double) -> TrainingError {
        TrainingError(
            description: "the loss is \(loss) in epoch \(epoch): expected a finite number; "
                + "a lower --learning-rate helps most often")
    }

    /// Takes over the weights in a model file of the same architecture.
    package func restore(from path: String) throws {
        try model.network.state.load(SafetensorsFile(path: path))
    }

    /// Scores some tiles with the weights as they are.
    package func score(_ tiles: [Int]) throws -> Score {
        try Evaluation.score(predictor, on: tiles, of: set)
    }

    /// One step of the optimizer; returns the batch's loss before it, and how many tiles were right.
    private func step(_ batch: [Int], seed: UInt64) throws -> (loss: Double, hits: Int) {
        workspace.setBatch(batch.count)
        try set.withPixels {
            try Kernels.normalize(workspace.input, $0, set.windows(of: batch), model.description.statistics)
        }
        let targets = batch.map { Int32(set.tiles[$0].label!.rawValue) }
        let logits = try workspace.forward(.training(seed: seed))
        let crossEntropy = CrossEntropy(labelSmoothing: settings.labelSmoothing)
        let loss = try Kernels.crossEntropyForward(logits, targets: targets, crossEntropy)
        try Kernels.crossEntropyBackward(workspace.logitsGradient, logits, targets: targets, crossEntropy)
        try workspace.backward(into: gradients)
        try optimizer.step(model.network.parameters, gradients: gradients, clipNorm: settings.clipNorm)
        let classes = logits.shape[1]
        let values = logits.values
        let hits = batch.indices.count {
            Evaluation.largest(values[$0 * classes..<($0 + 1) * classes]) == Int(targets[$0])
        }
        return (loss, hits)
    }
}

extension Duration {
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
