import Datasets
import Files
import NeuralNetworks
import Tensors

/// Scores a model on labelled tiles.
package enum Evaluation {
    /// Throws unless a model, read from `path`, is one for such tiles and labels.
    package static func requireFit(_ model: Model, path: String) throws(FileError) {
        let description = model.description
        guard description.tileSize == TileSet.tileSize, Set(description.classes) == Set(TileLabel.names) else {
            throw FileError(
                path,
                expected:
                    "a model of \(TileLabel.names.joined(separator: ", ")) for tiles of \(TileSet.tileSize) pixels",
                found: "\(description.classes.joined(separator: ", ")) for tiles of \(description.tileSize) pixels")
        }
    }

    /// `afterBatch`, when given, is told how many tiles have been done; it may throw to stop.
    package static func score(
        _ predictor: Predictor, on tiles: [Int], of set: TileSet, afterBatch: ((Int) throws -> Void)? = nil
    ) throws -> Score {
        let names = predictor.model.description.classes
        // A model names its outputs; their order is its own.
        let outputs = TileLabel.allCases.map { Int32(names.firstIndex(of: $0.name)!) }
        let targets = tiles.map { outputs[set.tiles[$0].label!.rawValue] }
        let rows = try set.withPixels { try predictor.logits($0, set.windows(of: tiles), afterBatch: afterBatch) }
        let logits = Tensor([tiles.count, names.count], rows)
        let loss = try Kernels.crossEntropyForward(logits, targets: targets, CrossEntropy())
        let predictions = tiles.indices.map { largest(rows[$0 * names.count..<($0 + 1) * names.count]) }
        // Differences of logits have the order of the probabilities, without their rounding to 1.
        let nuclei = Int(outputs[TileLabel.nuclei.rawValue])
        let other = Int(outputs[TileLabel.noNucleus.rawValue])
        let scores = tiles.indices.map {
            Double(rows[$0 * names.count + nuclei]) - Double(rows[$0 * names.count + other])
        }
        let confusion = ConfusionMatrix(truth: targets.map(Int.init), predictions: predictions, classes: names.count)
        return Score(
            loss: loss, accuracy: confusion.accuracy, weighted: confusion.weighted,
            mcc: confusion.matthewsCorrelation,
            rocAUC: areaUnderROC(scores: scores, positives: targets.map { Int($0) == nuclei }),
            classes: Dictionary(uniqueKeysWithValues: zip(names, names.indices.map(confusion.figures))),
            confusion: confusion)
    }

    /// Position of the first largest value.
    static func largest(_ row: ArraySlice<Float>) -> Int {
        row.indices.max { row[$0] < row[$1] || (row[$0] == row[$1] && $0 > $1) }! - row.startIndex
    }
}
