import Datasets
import Foundation
import Foundations
import NeuralNetworks
import Tensors

/// A run that cannot go on.
package struct TrainingError: Error, CustomStringConvertible {
    package let description: String
}

/// Teaches a model, epoch by epoch, and again from the start in each cycle of pseudo-labelling.
package struct Trainer {
    package let settings: TrainingSettings
    package let set: TileSet
    package let split: Split
    package let model: Model
    /// The pseudo-labels of this cycle count from 1; cycle 0 is training on the given labels alone.
    package private(set) var cycle = 0
    /// Indices of the tiles to learn, by class: given labels, and accepted pseudo-labels.
    package private(set) var examples = [[Int]]()
    /// What every tile is learnt as, by its index.
    private var targets = [Int: Int32]()
    /// Of this cycle.
    package internal(set) var history = [EpochRecord]()
    private let initial: Model?
    private let workspace: Workspace
    private let gradients: Gradients
    let optimizer: Optimizer
    private let predictor: Predictor
    private let loader: BatchLoader
    var plateau: ReduceLROnPlateau?

    /// All the memory that training takes, and a model at the start of cycle 0: with fresh weights, or with the weights
    /// and the normalisation of `initial`, a model of the same architecture.
    package init(_ settings: TrainingSettings, set: TileSet, split: Split, initial: Model? = nil) throws {
        self.settings = settings
        self.set = set
        self.split = split
        self.initial = initial
        let statistics =
            try initial?.description.statistics ?? set.channelStatistics(of: split.train + split.unlabeled)
        let description = ModelDescription(
            architecture: settings.architecture, tileSize: TileSet.tileSize, classes: TileLabel.names,
            statistics: statistics, micronsPerPixel: settings.micronsPerPixel, dropout: settings.dropout)
        model = try Model(description)
        workspace = Workspace(model.network, capacity: settings.batchSize, supportsBackward: true)
        predictor = Predictor(model, workspace)
        loader = BatchLoader(set, batchSize: settings.batchSize)
        gradients = Gradients(model.network)
        optimizer = Optimizer(settings.optimizer, layout: model.network.parameters.layout)
        try start(cycle: 0, pseudoLabels: [])
    }

    /// Goes back to weights that have learnt nothing; `pseudoLabels` that are kept are learnt like the given ones.
    package mutating func start(cycle: Int, pseudoLabels: [PseudoLabel]) throws {
        self.cycle = cycle
        history = []
        targets = [:]
        for index in split.train { targets[index] = Int32(set.tiles[index].label!.rawValue) }
        let accepted = pseudoLabels.filter { $0.verdict == .kept }.map { ($0.filename, $0.label) }
        let labels = Dictionary(uniqueKeysWithValues: accepted)
        for index in split.unlabeled {
            if let label = labels[set.tiles[index].filename] { targets[index] = Int32(label.rawValue) }
        }
        examples = TileLabel.allCases.map { label in
            targets.keys.filter { targets[$0] == Int32(label.rawValue) }.sorted()
        }
        try model.network.initialize(seed: settings.seed)
        if let initial { model.network.copyState(of: initial.network) }
        optimizer.reset()
        plateau = nil
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
    package var watchedTiles: [Int] { split.validation.isEmpty ? split.test : split.validation }

    /// The epoch whose weights are kept: that with the lowest watched loss so far or, as the settings say, the last one.
    package var best: EpochRecord? {
        settings.keepsLastEpoch ? history.last : history.min { $0.watchedLoss < $1.watchedLoss }
    }

    /// The part that chose among epochs or cycles; nil when nothing was chosen.
    package var chosenOn: EvaluationSplit? {
        settings.keepsLastEpoch && settings.pseudoLabelling == nil ? nil : watched
    }

    /// Whether there is nothing more to train.
    package var isDone: Bool {
        history.count >= settings.epochs || settings.earlyStopping?.stops(after: history.map(\.watchedLoss)) ?? false
    }

    /// Trains one more epoch and scores the watched part. `report` hears of every batch; it may throw to stop the run
    /// between two steps. Throws `TrainingError` when the loss is no longer a number.
    package mutating func trainEpoch(report: (TrainingEvent) throws -> Void) throws {
        let epoch = history.count + 1
        let start = ContinuousClock.now
        let order = order(ofEpoch: epoch)
        var (done, hits, lossSum) = (0, 0, 0.0)
        try loader.forEachBatch(of: order, seed: settings.seed, epoch: epoch, settings.augmentation) { batch in
            let seed = SplitMix64.derive(settings.seed, [0x7374_6570, UInt64(epoch), UInt64(batch.start)])
            if settings.schedule == .cosine {
                optimizer.learningRate = cosineRate(epoch, at: batch.start, of: order.count)
            }
            let (loss, batchHits) = try step(batch, seed: seed)
            guard loss.isFinite else { throw Self.divergence(in: epoch, loss: loss) }
            done += batch.tiles.count
            hits += batchHits
            lossSum += loss * Double(batch.tiles.count)
            try report(
                .batch(
                    epoch: epoch, done: done, of: order.count, loss: lossSum / Double(done),
                    accuracy: Double(hits) / Double(done)))
        }
        let trained = (ContinuousClock.now - start).seconds
        let score: Score
        do {
            score = try Evaluation.score(predict(watchedTiles, report: report))
        } catch is PredictionError {
            throw Self.divergence(in: epoch, loss: .nan)
        }
        let record = EpochRecord(
            cycle: cycle, epoch: epoch, learningRate: optimizer.learningRate, trainLoss: lossSum / Double(done),
            trainAccuracy: Double(hits) / Double(done), watchedLoss: score.loss, watchedAccuracy: score.accuracy,
            watchedF1: score.weighted.f1, seconds: (ContinuousClock.now - start).seconds,
            tilesPerSecond: Double(done) / trained)
        if let rate = plateau?.step(score.loss, rate: Double(optimizer.learningRate)) {
            optimizer.learningRate = Float(rate)
        }
        history.append(record)
        try report(.epoch(record, isBest: best == record && (isDone || !settings.keepsLastEpoch)))
    }

    /// The tiles of an epoch in the order in which they are learnt.
    private func order(ofEpoch epoch: Int) -> [Int] {
        var random = SplitMix64(seed: settings.seed, stream: 0x6F72_6465_72, UInt64(epoch))
        guard settings.balance == .sampling else { return examples.joined().sorted().shuffled(using: &random) }
        let largest = examples.map(\.count).max() ?? 0
        // A small class goes round and round, so that none of its tiles is drawn twice more often than another.
        let drawn = examples.map { tiles in
            var drawn = [Int]()
            while !tiles.isEmpty, drawn.count < largest {
                drawn += tiles.shuffled(using: &random).prefix(largest - drawn.count)
            }
            return drawn
        }
        return drawn.joined().shuffled(using: &random)
    }

    /// The learning rate of a step under the cosine schedule; `done` of the epoch's tiles are behind it.
    private func cosineRate(_ epoch: Int, at done: Int, of tiles: Int) -> Float {
        let progress = (Double(epoch - 1) + Double(done) / Double(tiles)) / Double(settings.epochs)
        let rise = 0.1
        let step = Double(settings.batchSize) / Double(tiles) / Double(settings.epochs)
        // The first step is not one of rate 0.
        let share =
            progress < rise
            ? min(1, (progress + step) / rise) : (1 + cos(.pi * (progress - rise) / (1 - rise))) / 2
        return Float(share) * settings.optimizer.learningRate
    }

    /// Class weights that make all classes count the same (scikit-learn's "balanced"); nil for none.
    private var classWeights: [Float]? {
        guard settings.balance == .weights else { return nil }
        let total = examples.reduce(0) { $0 + $1.count }
        return examples.map { Float(total) / Float(examples.count * max(1, $0.count)) }
    }

    private static func divergence(in epoch: Int, loss: Double) -> TrainingError {
        TrainingError(
            description: "the loss is \(loss) in epoch \(epoch): expected a finite number; "
                + "a lower --learning-rate helps most often")
    }

    /// Takes over the weights in a model file of the same architecture.
    package func restore(from path: FilePath) throws {
        try model.network.state.load(SafetensorsFile(path: path))
    }

    /// Logits of some tiles with the weights as they are, a row for each.
    package func logits(of tiles: [Int], report: (TrainingEvent) throws -> Void = { _ in }) throws -> [Float] {
        try withoutActuallyEscaping(report) { report in
            try set.withPixels {
                try predictor.logits($0, set.windows(of: tiles)) { try report(.prediction(done: $0, of: tiles.count)) }
            }
        }
    }

    /// Outputs for labelled tiles with the weights as they are.
    package func predict(
        _ tiles: [Int], report: (TrainingEvent) throws -> Void = { _ in }
    ) throws -> LabelledLogits {
        try withoutActuallyEscaping(report) { report in
            try Evaluation.predict(predictor, on: tiles, of: set) {
                try report(.prediction(done: $0, of: tiles.count))
            }
        }
    }

    /// One step of the optimizer; returns the batch's loss before it, and how many tiles were right.
    private func step(_ batch: TileBatch, seed: UInt64) throws -> (loss: Double, hits: Int) {
        workspace.setBatch(batch.tiles.count)
        try Kernels.normalize(workspace.input, batch.bytes, batch.windows, model.description.statistics)
        if !batch.erasures.isEmpty { try Kernels.erase(workspace.input, batch.erasures) }
        let targets = batch.tiles.map { self.targets[$0]! }
        let logits = try workspace.forward(.training(seed: seed))
        let crossEntropy = CrossEntropy(labelSmoothing: settings.labelSmoothing, classWeights: classWeights)
        let loss = try Kernels.crossEntropyForward(logits, targets: targets, crossEntropy)
        try Kernels.crossEntropyBackward(workspace.logitsGradient, logits, targets: targets, crossEntropy)
        try workspace.backward(into: gradients)
        try optimizer.step(model.network.parameters, gradients, clipNorm: settings.clipNorm)
        let classes = logits.shape[1]
        let values = logits.values
        let hits = targets.indices.count {
            Evaluation.largest(values[$0 * classes..<($0 + 1) * classes]) == Int(targets[$0])
        }
        return (loss, hits)
    }
}

extension Trainer {
    /// What the model that training starts from remembers of its tiles.
    var initialRecord: SplitRecord? { initial.flatMap { try? SplitRecord($0, path: "") } }

    /// What is wrong with scores of this run when the model that it starts from has learnt held-out tiles.
    package var initialModelWarning: String? {
        guard let initialRecord,
            case let met = initialRecord.learnt(in: set).intersection(split.test + split.validation),
            !met.isEmpty
        else { return nil }
        return "the initial model has learnt \(met.count) of the tiles held out here: scores flatter this run"
    }
}
