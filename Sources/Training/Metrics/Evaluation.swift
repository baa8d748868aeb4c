import Datasets
import Foundations
import NeuralNetworks
import Tensors

/// Scores a model on labelled tiles.
package enum Evaluation {
    /// Throws unless a model, read from `path`, is one for such tiles and labels.
    package static func requireFit(_ model: Model, path: FilePath) throws(FileError) {
        let description = model.description
        guard description.tileSize == TileSet.tileSize, Set(description.classes) == Set(TileLabel.names) else {
            throw FileError(
                path,
                expected:
                    "a model of \(TileLabel.names.joined(separator: ", ")) for tiles of \(TileSet.tileSize) pixels",
                found: "\(description.classes.joined(separator: ", ")) for tiles of \(description.tileSize) pixels")
        }
    }

    /// The outputs of a model for labelled tiles, blurred by a Gaussian of `blur` pixels. `afterBatch`, when given, is
    /// told how many tiles have been done; it may throw to stop.
    package static func predict(
        _ predictor: Predictor, on tiles: [Int], of set: TileSet, blur: Double = 0,
        afterBatch: ((Int) throws -> Void)? = nil
    ) throws -> LabelledLogits {
        let names = predictor.model.description.classes
        // A model names its outputs; their order is its own.
        let outputs = TileLabel.allCases.map { names.firstIndex(of: $0.name)! }
        let rows = try set.withPixels(of: tiles, blurredBy: blur) {
            try predictor.logits($0, $1, afterBatch: afterBatch)
        }
        return LabelledLogits(
            classes: names, rows: rows, targets: tiles.map { outputs[set.tiles[$0].label!.rawValue] })
    }

    /// `afterBatch` is as in `predict`.
    package static func score(
        _ predictor: Predictor, on tiles: [Int], of set: TileSet, afterBatch: ((Int) throws -> Void)? = nil
    ) throws -> Score {
        try score(predict(predictor, on: tiles, of: set, afterBatch: afterBatch))
    }

    package static func score(_ logits: LabelledLogits) throws -> Score {
        let (names, targets, rows) = (logits.classes, logits.targets, logits.rows)
        let loss = try Kernels.crossEntropyForward(
            Tensor([targets.count, names.count], rows), targets: targets.map(Int32.init), CrossEntropy())
        let predictions = targets.indices.map { largest(rows[$0 * names.count..<($0 + 1) * names.count]) }
        // Differences of logits have the order of the probabilities, without their rounding to 1.
        let nuclei = names.firstIndex(of: TileLabel.nuclei.name)!
        let other = names.firstIndex(of: TileLabel.noNucleus.name)!
        let scores = targets.indices.map {
            Double(rows[$0 * names.count + nuclei]) - Double(rows[$0 * names.count + other])
        }
        let confusion = ConfusionMatrix(truth: targets, predictions: predictions, classes: names.count)
        return Score(
            loss: loss, accuracy: confusion.accuracy, weighted: confusion.weighted,
            mcc: confusion.matthewsCorrelation,
            rocAUC: areaUnderROC(scores: scores, positives: targets.map { $0 == nuclei }),
            classes: Dictionary(uniqueKeysWithValues: zip(names, names.indices.map(confusion.figures))),
            confusion: confusion)
    }

    /// The score of probabilities, classes in the order of `TileLabel`.
    package static func score(_ tiles: LabelledProbabilities) -> Score {
        let names = TileLabel.names
        let confusion = ConfusionMatrix(
            truth: tiles.targets, predictions: tiles.predictions, classes: names.count)
        let nuclei = TileLabel.nuclei.rawValue
        return Score(
            loss: tiles.losses.reduce(0, +) / Double(max(1, tiles.targets.count)), accuracy: confusion.accuracy,
            weighted: confusion.weighted, mcc: confusion.matthewsCorrelation,
            rocAUC: areaUnderROC(scores: tiles.logOdds(of: nuclei), positives: tiles.targets.map { $0 == nuclei }),
            classes: Dictionary(uniqueKeysWithValues: zip(names, names.indices.map(confusion.figures))),
            confusion: confusion)
    }

    /// Position of the first largest value.
    static func largest(_ row: ArraySlice<Float>) -> Int {
        row.indices.max { row[$0] < row[$1] || (row[$0] == row[$1] && $0 > $1) }! - row.startIndex
    }
}

/// A model's outputs for tiles whose labels are known.
package struct LabelledLogits: Sendable {
    /// Names of the outputs, in their order.
    package let classes: [String]
    /// A row of logits for each tile.
    package let rows: [Float]
    /// The right output for each tile.
    package let targets: [Int]

    package init(classes: [String], rows: [Float], targets: [Int]) {
        precondition(rows.count == classes.count * targets.count)
        self.classes = classes
        self.rows = rows
        self.targets = targets
    }

    /// Probabilities with the classes in the order of `TileLabel`, whatever that of the outputs is.
    package func probabilities(_ scaling: TemperatureScaling) -> LabelledProbabilities {
        let outputs = TileLabel.allCases.map { classes.firstIndex(of: $0.name)! }
        let all = scaling.probabilities(rows, classes: classes.count)
        return LabelledProbabilities(
            classes: outputs.count,
            rows: targets.indices.flatMap { tile in outputs.map { all[tile * classes.count + $0] } },
            targets: targets.map { outputs.firstIndex(of: $0)! })
    }

    /// The temperature that suits these outputs best.
    package func fitTemperature() -> TemperatureScaling {
        .fit(logits: rows, classes: classes.count, targets: targets)
    }
}
