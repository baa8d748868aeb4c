import Datasets
import Foundations
import Glibc
import NeuralNetworks
import Tensors

/// A failure of training itself, such as divergence.
package struct TrainingError: Error, CustomStringConvertible {
    package let description: String
}

/// Trains a model epoch by epoch, and again from the initial weights in each cycle of pseudo-labeling.
package struct Trainer {
    package let settings: TrainingSettings
    package let set: TileSet
    package let split: Split
    package private(set) var model: Model
    /// The cycle of pseudo-labeling. Cycle 0 trains on the given labels only.
    package private(set) var cycle = 0
    /// Indices of the training tiles by class, accepted pseudo-labels included.
    package private(set) var examples = [[Int]]()
    /// The class of each training tile, by its index.
    private var targets = [Int: Int32]()
    /// Epochs of the current cycle.
    package internal(set) var history = [EpochRecord]()
    let initial: Model?
    /// The parts of the tiles, as model files record them.
    let splitRecord: SplitRecord
    /// Tiles held out here that the initial model or a teacher was trained on, as they are or as copies.
    private let leaked: Set<Int>
    private let hasTeachers: Bool
    private let distillation: Distillation?
    let workspace: Workspace
    private let gradients: Gradients
    let optimizer: Optimizer
    let predictor: Predictor
    let loader: BatchLoader
    let objective: any Objective
    var plateau: ReduceLROnPlateau?

    /// Allocates all memory of training, and starts cycle 0 with random weights or with those of `initial`, a model of
    /// the same architecture. The network also learns the outputs of the `teachers`, which have the shape of its own.
    package init(
        _ settings: TrainingSettings, set: TileSet, split: Split, initial: Model? = nil, teachers: [Model] = []
    ) throws {
        self.settings = settings
        self.set = set
        self.split = split
        self.initial = initial
        hasTeachers = !teachers.isEmpty
        let predecessors = ([initial].compactMap { $0 } + teachers).compactMap { try? SplitRecord($0, path: "") }
        leaked = predecessors.reduce(into: Set()) { $0.formUnion($1.learned(in: set)) }
            .intersection(split.test + split.validation)
        splitRecord = SplitRecord(
            split, of: set, settings.split, chosenOn: settings.chosenOn(split),
            learnsUnlabeled: settings.pseudoLabeling != nil, after: predecessors, leaked: leaked)
        let statistics =
            try initial?.description.statistics ?? set.channelStatistics(of: split.train + split.unlabeled)
        precondition(set.side == settings.architecture.tileSize, "tiles of \(set.side) pixels")
        let description = ModelDescription(
            architecture: settings.architecture, tileSize: set.side, classes: TileLabel.names,
            statistics: statistics, micronsPerPixel: settings.micronsPerPixel, dropout: settings.dropout)
        model = try Model(description, settings.fineTuning ?? FineTuning())
        workspace = Workspace(model.network, capacity: settings.batchSize, supportsBackward: true)
        predictor = Predictor(model, workspace)
        loader = BatchLoader(
            set, batchSize: settings.batchSize, wantsClassMaps: settings.architecture.outlinesNuclei)
        objective = settings.objective(
            workspace, hasOutlines: split.train.contains { set.tiles[$0].hasOutlinedNuclei })
        distillation = teachers.isEmpty ? nil : try Distillation(teachers, workspace)
        gradients = Gradients(model.network)
        optimizer = Optimizer(settings.optimizer, layout: model.network.parameters.layout)
        try start(cycle: 0, pseudoLabels: [], pixelLabels: [:])
    }

    /// Returns to the initial weights, and adds the accepted pseudo-labels to the training tiles. `pixelLabels` are
    /// those of tiles without outlines, by index.
    mutating func start(cycle: Int, pseudoLabels: [PseudoLabel], pixelLabels: [Int: PixelLabels]) throws {
        self.cycle = cycle
        history = []
        targets = [:]
        loader.pixelTargets = PixelTargets()
        setTileScoreFit(nil)
        setFixedPoint(nil)
        for index in split.train { targets[index] = Int32(set.tiles[index].label!.rawValue) }
        for (index, label) in accepted(pseudoLabels) {
            targets[index] = Int32(label.rawValue)
            loader.pixelTargets.labels[index] = label
        }
        loader.pixelTargets.maps = pixelLabels.filter { $0.value.nuclei > 0 }.mapValues(\.map)
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

    /// Sets what the model needs to compute in fixed point.
    mutating func setFixedPoint(_ record: FixedPointRecord?) { model.description.fixedPoint = record }

    /// Sets how scores of tiles follow from pixels, for a network that outlines nuclei.
    mutating func setTileScoreFit(_ fit: TileScoreFit?) {
        model.description.tileScoreFit = fit
        predictor.tileScoreFit = fit
    }

    package var watched: EvaluationSplit { split.watched }
    package var watchedTiles: [Int] { split.validation.isEmpty ? split.test : split.validation }

    /// The epoch whose weights are kept: the one with the lowest watched loss so far or, depending on the settings, the
    /// last one.
    package var best: EpochRecord? {
        settings.keepsLastEpoch ? history.last : history.min { $0.watchedLoss < $1.watchedLoss }
    }

    package var chosenOn: EvaluationSplit? { settings.chosenOn(split) }

    /// A warning when the initial model or a teacher was trained on tiles that this run holds out. Nil otherwise.
    package var leakWarning: String? {
        if leaked.isEmpty { return nil }
        let names = [initial == nil ? nil : "the initial model", hasTeachers ? "a teacher" : nil].compactMap { $0 }
        return names.joined(separator: " or ")
            + " was trained on \(leaked.count) of the tiles held out here or on copies of them: scores in training are "
            + "optimistic, and evaluate leaves these tiles out"
    }

    /// Whether the current cycle has all its epochs.
    package var isDone: Bool {
        history.count >= settings.epochs || settings.earlyStopping?.stops(after: history.map(\.watchedLoss)) ?? false
    }

    /// Trains one epoch and scores the watched part. `onEvent` is called after every batch, and may throw to stop.
    /// Throws `TrainingError` when the loss is not finite.
    package mutating func trainEpoch(onEvent: (TrainingEvent) throws -> Void) throws {
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
            try onEvent(
                .batch(
                    epoch: epoch, done: done, of: order.count, loss: lossSum / Double(done),
                    accuracy: Double(hits) / Double(done)))
        }
        let trainingSeconds = start.secondsSince
        let score: Score
        var pixels: (loss: Double, dice: Double?)?
        do {
            score = try Evaluation.score(predict(watchedTiles, onEvent: onEvent))
            pixels = try pixelScore(of: watchedTiles)
        } catch is PredictionError {
            throw Self.divergence(in: epoch, loss: .nan)
        }
        let record = EpochRecord(
            cycle: cycle, epoch: epoch, learningRate: optimizer.learningRate, trainLoss: lossSum / Double(done),
            trainAccuracy: Double(hits) / Double(done), watchedLoss: pixels?.loss ?? score.loss,
            watchedAccuracy: score.accuracy,
            watchedF1: score.weighted.f1, watchedDice: pixels?.dice, seconds: start.secondsSince,
            tilesPerSecond: Double(done) / trainingSeconds)
        let rate = Double(record.learningRate)
        if let rate = plateau?.step(record.watchedLoss, rate: rate) {
            optimizer.learningRate = Float(rate)
        }
        history.append(record)
        try onEvent(.epoch(record, isBest: best == record && (isDone || !settings.keepsLastEpoch)))
    }

    /// A tile as often as its weight says: the whole part, and once more with the probability of the rest.
    private func draws(of tile: Int, _ random: inout SplitMix64) -> [Int] {
        let weight = set.tiles[tile].weight
        let whole = weight.rounded(.down)
        let isExtra = weight > whole && Double(random.unit()) < weight - whole
        return Array(repeating: tile, count: Int(whole) + (isExtra ? 1 : 0))
    }

    /// Each tile as often as its weight says, in random order. Where small weights draw none by chance, one of the tiles that
    /// have a weight.
    private func draws(of tiles: [Int], _ random: inout SplitMix64) -> [Int] {
        let drawn = tiles.flatMap { draws(of: $0, &random) }.shuffled(using: &random)
        if !drawn.isEmpty { return drawn }
        return Array(tiles.filter { set.tiles[$0].weight > 0 }.shuffled(using: &random).prefix(1))
    }

    /// The training tiles of an epoch in random order.
    private func order(ofEpoch epoch: Int) -> [Int] {
        var random = SplitMix64(seed: settings.seed, stream: 0x6F72_6465_72, UInt64(epoch))
        guard settings.balance == .sampling else {
            return draws(of: examples.joined().sorted(), &random)
        }
        let weights = examples.map { tiles in tiles.reduce(0) { $0 + set.tiles[$1].weight } }
        let largest = max(1, Int((weights.max() ?? 0).rounded()))
        // Whole permutations of a small class, one after another: the draws of its tiles differ by at most one.
        let drawn = zip(examples, weights).map { tiles, weight in
            var drawn = [Int]()
            while weight > 0, drawn.count < largest {
                drawn += draws(of: tiles, &random).prefix(largest - drawn.count)
            }
            return drawn
        }
        return drawn.joined().shuffled(using: &random)
    }

    /// The learning rate of a step under the cosine schedule. `done` is the number of tiles before it in the epoch.
    private func cosineRate(_ epoch: Int, at done: Int, of tiles: Int) -> Float {
        let progress = (Double(epoch - 1) + Double(done) / Double(tiles)) / Double(settings.epochs)
        let warmUp = 0.1
        let step = Double(settings.batchSize) / Double(tiles) / Double(settings.epochs)
        // The rate of a warm-up step is that of its end, so that the first one is not 0.
        let share =
            progress < warmUp
            ? min(1, (progress + step) / warmUp) : (1 + cos(.pi * (progress - warmUp) / (1 - warmUp))) / 2
        return Float(share) * settings.optimizer.learningRate
    }

    private static let largestClassWeight = 1e6

    /// Weights that give all classes the same total (scikit-learn's "balanced"). Nil for no weights.
    private var classWeights: [Float]? {
        guard settings.balance == .weights else { return nil }
        let sums = examples.map { tiles in tiles.reduce(0) { $0 + set.tiles[$1].weight } }
        let mean = sums.reduce(0, +) / Double(sums.count)
        return sums.map { $0 > 0 ? Float(min(mean / $0, Self.largestClassWeight)) : 1 }
    }

    private static func divergence(in epoch: Int, loss: Double) -> TrainingError {
        // Without the sign, which NaN has too.
        let found = loss.isNaN ? "nan" : "\(loss)"
        return TrainingError(
            description: "the loss is \(found) in epoch \(epoch): expected a finite number; try a lower learning rate")
    }

    /// Takes one optimizer step. Returns the loss of the batch before the step, and the number of correct predictions.
    private func step(_ batch: TileBatch, seed: UInt64) throws -> (loss: Double, hits: Int) {
        workspace.setBatch(batch.tiles.count)
        try batch.normalize(into: workspace.input, model.description.statistics)
        try workspace.forward(.training(seed: seed))
        var result = try objective.step(
            workspace, batch, targets: batch.tiles.map { self.targets[$0]! }, classWeights: classWeights)
        if let distillation { result.loss += try distillation.step(workspace, batch) }
        try workspace.backward(into: gradients)
        try optimizer.step(model.network.parameters, gradients, clipNorm: settings.clipNorm)
        return result
    }
}
