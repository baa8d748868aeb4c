import Datasets
import Foundations
import NeuralNetworks
import Tensors

/// Scores models on labeled tiles.
package enum Evaluation {
    /// Throws `FileError` unless a model, read from `path`, has the classes of a `TileSet` and tiles of `side` pixels; nil
    /// for any.
    package static func requireFit(_ model: Model, side: Int?, path: FilePath) throws(FileError) {
        let description = model.description
        let side = side ?? max(description.tileSize, TileTarget.smallestSide)
        guard description.tileSize == side, Set(description.classes) == Set(TileLabel.names) else {
            throw FileError(
                path,
                expected: "a model of \(TileLabel.names.joined(separator: ", ")) for tiles of \(side) pixels",
                found: "\(description.classes.joined(separator: ", ")) for tiles of \(description.tileSize) pixels")
        }
    }

    /// The logits of a model for labeled tiles, which are first blurred by a Gaussian with a standard deviation of `blur`
    /// pixels. `afterBatch` receives the number of tiles done, and may throw to stop.
    package static func predict(
        _ predictor: Predictor, on tiles: [Int], of set: TileSet, blur: Double = 0,
        afterBatch: ((Int) throws -> Void)? = nil
    ) throws -> LabeledLogits {
        let names = predictor.model.description.classes
        // The order of a model's outputs is that of its own class names.
        let outputs = TileLabel.allCases.map { names.firstIndex(of: $0.name)! }
        let rows = try set.withPixels(of: tiles, blurredBy: blur) {
            try predictor.logits($0, $1, afterBatch: afterBatch)
        }
        return LabeledLogits(
            classes: names, rows: rows, targets: tiles.map { outputs[set.tiles[$0].label!.rawValue] })
    }

    /// The score of a model on labeled tiles. `afterBatch` is that of `predict`.
    package static func score(
        _ predictor: Predictor, on tiles: [Int], of set: TileSet, afterBatch: ((Int) throws -> Void)? = nil
    ) throws -> Score {
        try score(predict(predictor, on: tiles, of: set, afterBatch: afterBatch))
    }

    /// The score of a model's logits.
    package static func score(_ logits: LabeledLogits) throws -> Score {
        let (names, targets, rows) = (logits.classes, logits.targets, logits.rows)
        let loss = try Kernels.crossEntropyForward(
            Tensor([targets.count, names.count], rows), targets: targets.map(Int32.init), CrossEntropy())
        // Differences of logits have the order of the probabilities, but do not round to 1.
        let nuclei = names.firstIndex(of: TileLabel.nuclei.name)!
        let other = names.firstIndex(of: TileLabel.noNucleus.name)!
        return Score(
            loss: loss, names: names, targets: targets,
            predictions: targets.indices.map { rows[$0 * names.count..<($0 + 1) * names.count].argmax! },
            scores: targets.indices.map {
                Double(rows[$0 * names.count + nuclei]) - Double(rows[$0 * names.count + other])
            })
    }

    /// The score of probabilities whose classes have the order of `TileLabel`.
    package static func score(_ tiles: LabeledProbabilities) -> Score {
        Score(
            loss: tiles.losses.reduce(0, +) / Double(max(1, tiles.targets.count)), names: TileLabel.names,
            targets: tiles.targets, predictions: tiles.predictions,
            scores: tiles.logOdds(of: TileLabel.nuclei.rawValue))
    }
}

/// Logits of a model for labeled tiles.
package struct LabeledLogits: Sendable {
    /// Names of the outputs, in their order.
    package let classes: [String]
    /// A row of logits for each tile.
    package let rows: [Float]
    /// The index of the true class among the outputs, for each tile.
    package let targets: [Int]

    package init(classes: [String], rows: [Float], targets: [Int]) {
        precondition(rows.count == classes.count * targets.count)
        self.classes = classes
        self.rows = rows
        self.targets = targets
    }

    /// Probabilities with the classes in the order of `TileLabel`, independent of the order of the outputs.
    package func probabilities(_ scaling: TemperatureScaling) -> LabeledProbabilities {
        let outputs = TileLabel.allCases.map { classes.firstIndex(of: $0.name)! }
        let all = scaling.probabilities(rows, classes: classes.count)
        return LabeledProbabilities(
            classes: outputs.count,
            rows: targets.indices.flatMap { tile in outputs.map { all[tile * classes.count + $0] } },
            targets: targets.map { outputs.firstIndex(of: $0)! })
    }

    /// The temperature with the lowest loss on these tiles.
    package func fitTemperature() -> TemperatureScaling {
        .fit(logits: rows, classes: classes.count, targets: targets)
    }
}
