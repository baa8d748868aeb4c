import Datasets
import Foundations
import NeuralNetworks

extension Trainer {
    /// Loads the weights in a model file of the same architecture.
    package mutating func restore(from path: FilePath) throws {
        let file = try SafetensorsFile(path: path)
        try model.network.state.load(file)
        let description = try Model(file).description
        setTileScoreFit(description.tileScoreFit)
        setFixedPoint(description.fixedPoint)
    }

    /// Largest number of training tiles that ranges are recorded on.
    private static let rangeTiles = 512

    /// Records what a network needs to compute in fixed point: the ranges of its values in training tiles, and how far the
    /// probabilities of the watched tiles move, after `scaling`.
    mutating func fitFixedPoint(_ scaling: TemperatureScaling, onEvent: (TrainingEvent) throws -> Void) throws {
        guard settings.architecture.hasFixedPoint else { return }
        let step = (split.train.count + Self.rangeTiles - 1) / Self.rangeTiles
        let shown = stride(from: 0, to: split.train.count, by: step).map { split.train[$0] }
        let recorder = try RangeRecorder(model, batchSize: settings.batchSize)
        try withoutActuallyEscaping(onEvent) { onEvent in
            try set.withPixels {
                try recorder.add($0, set.windows(of: shown)) {
                    try onEvent(.prediction(done: $0, of: shown.count))
                }
            }
        }
        setFixedPoint(FixedPointRecord(ranges: recorder.ranges))
        let (tiles, classes) = (watchedTiles, model.description.classes.count)
        let fixed = try Predictor(model, batchSize: settings.batchSize, precision: .int16)
        fixed.tileScoreFit = predictor.tileScoreFit
        func probabilities(_ logits: [Float]) -> [Double] {
            scaling.probabilities(logits, classes: classes)
        }
        let expected = probabilities(try logits(of: tiles, by: predictor, onEvent: onEvent))
        let found = probabilities(try logits(of: tiles, by: fixed, onEvent: onEvent))
        setFixedPoint(FixedPointRecord(ranges: recorder.ranges, expected: expected, found: found, classes: classes))
    }

    /// Fits the score of tiles on the training tiles, with the current weights, for a network that outlines nuclei. Without
    /// tiles of both classes there is nothing to fit.
    mutating func fitTileScore(onEvent: (TrainingEvent) throws -> Void) throws {
        guard settings.architecture.outlinesNuclei else { return }
        setTileScoreFit(nil)
        if set.counts(of: split.train).contains(0) { return }
        let logits = try predict(split.train, onEvent: onEvent)
        let nuclei = logits.classes.firstIndex(of: TileLabel.nuclei.name)!
        let scores = logits.targets.indices.map { Double(logits.rows[$0 * logits.classes.count + nuclei]) }
        let regression = LogisticRegression(
            scores.map { [$0] }, logits.targets.map { $0 == nuclei }, isBalanced: true)
        setTileScoreFit(TileScoreFit(slope: regression.slopes[0], offset: regression.offset))
    }

    /// A row of logits for each tile, with the current weights.
    package func logits(of tiles: [Int], onEvent: (TrainingEvent) throws -> Void = { _ in }) throws -> [Float] {
        try logits(of: tiles, by: predictor, onEvent: onEvent)
    }

    private func logits(
        of tiles: [Int], by predictor: Predictor, onEvent: (TrainingEvent) throws -> Void
    ) throws -> [Float] {
        try withoutActuallyEscaping(onEvent) { onEvent in
            try set.withPixels {
                try predictor.logits($0, set.windows(of: tiles)) {
                    try onEvent(.prediction(done: $0, of: tiles.count))
                }
            }
        }
    }

    /// Logits of labeled tiles, with the current weights.
    package func predict(
        _ tiles: [Int], onEvent: (TrainingEvent) throws -> Void = { _ in }
    ) throws -> LabeledLogits {
        try withoutActuallyEscaping(onEvent) { onEvent in
            try Evaluation.predict(predictor, on: tiles, of: set) {
                try onEvent(.prediction(done: $0, of: tiles.count))
            }
        }
    }
}
