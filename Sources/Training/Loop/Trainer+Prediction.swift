import Datasets
import Foundations
import NeuralNetworks

extension Trainer {
    /// Loads the weights in a model file of the same architecture.
    package mutating func restore(from path: FilePath) throws {
        let file = try SafetensorsFile(path: path)
        try model.network.state.load(file)
        setTileScoreFit(try Model(file).description.tileScoreFit)
    }

    /// Fits the score of tiles on the training tiles, with the current weights, for a network that outlines nuclei. Without
    /// tiles of both classes there is nothing to fit.
    mutating func fitTileScore(onEvent: (TrainingEvent) throws -> Void) throws {
        guard settings.architecture.outlinesNuclei else { return }
        setTileScoreFit(nil)
        if examples.contains(where: \.isEmpty) { return }
        let logits = try predict(split.train, onEvent: onEvent)
        let nuclei = logits.classes.firstIndex(of: TileLabel.nuclei.name)!
        let scores = logits.targets.indices.map { Double(logits.rows[$0 * logits.classes.count + nuclei]) }
        let regression = LogisticRegression(
            scores.map { [$0] }, logits.targets.map { $0 == nuclei }, isBalanced: true)
        setTileScoreFit(TileScoreFit(slope: regression.slopes[0], offset: regression.offset))
    }

    /// A row of logits for each tile, with the current weights.
    package func logits(of tiles: [Int], onEvent: (TrainingEvent) throws -> Void = { _ in }) throws -> [Float] {
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
