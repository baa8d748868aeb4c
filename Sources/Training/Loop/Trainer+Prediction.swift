import Datasets
import Foundations
import NeuralNetworks

extension Trainer {
    /// Loads the weights in a model file of the same architecture.
    package func restore(from path: FilePath) throws {
        try model.network.state.load(SafetensorsFile(path: path))
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

    /// The split record of the initial model. Nil without one.
    var initialRecord: SplitRecord? { initial.flatMap { try? SplitRecord($0, path: "") } }

    /// A warning when the initial model was trained on tiles that this run holds out. Nil otherwise.
    package var initialModelWarning: String? {
        guard let initialRecord,
            case let leaked = initialRecord.learned(in: set).intersection(split.test + split.validation),
            !leaked.isEmpty
        else { return nil }
        return "the initial model was trained on \(leaked.count) of the tiles held out here: scores are optimistic"
    }
}
