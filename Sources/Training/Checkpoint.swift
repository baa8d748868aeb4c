import Files
import Foundation
import NeuralNetworks
import Tensors

/// What the rest of a run depends on, beside its settings and tiles: weights, moments of the optimizer, and where the
/// run stands. A run that goes on from it ends with the bits of one that was never stopped, because all its random
/// numbers are functions of the seed, the epoch and the place in it.
extension Trainer {
    private struct State: Codable {
        var settings: TrainingSettings
        var split: SplitRecord
        var history: [EpochRecord]
        var steps: Int
        var learningRate: Float
        var plateau: ReduceLROnPlateau?
    }

    private static let format = "nuclei-checkpoint-1"

    private var splitRecord: SplitRecord {
        SplitRecord(split, of: set, settings.split, chosenOn: watched)
    }

    /// Weights, with what else the layers know, and moments with the prefixes of their names in a checkpoint.
    private var parts: [(prefix: String, parameters: ParameterSet)] {
        [("weights.", model.network.state)]
            + optimizer.state.enumerated().map { ("moment\($0.offset + 1).", $0.element) }
    }

    /// Writes a checkpoint after a whole epoch.
    package func writeCheckpoint(to path: String) throws {
        let state = State(
            settings: settings, split: splitRecord, history: history, steps: optimizer.stepCount,
            learningRate: optimizer.learningRate, plateau: plateau)
        let tensors = parts.flatMap { part in
            part.parameters.named.map { (name: part.prefix + $0.name, tensor: $0.tensor) }
        }
        try SafetensorsFile.write(
            tensors, metadata: ["format": Self.format, "state": jsonText(state)], to: path)
    }

    /// Goes back to where a checkpoint was written. Throws `FileError` when it is of other settings or other tiles.
    package mutating func restore(checkpoint path: String) throws {
        let file = try SafetensorsFile(path: path)
        guard file.metadata["format"] == Self.format, let json = file.metadata["state"],
            let state = try? JSONDecoder().decode(State.self, from: Data(json.utf8))
        else {
            throw FileError(path, expected: "a checkpoint of format \(Self.format)", found: "another file")
        }
        guard state.settings == settings else {
            throw FileError(path, expected: "a checkpoint of the run's settings", found: "one of others")
        }
        guard state.split == splitRecord else {
            throw FileError(set.path, expected: "the tiles that the run was started with", found: "others")
        }
        for part in parts { try part.parameters.load(file, prefix: part.prefix) }
        history = state.history
        plateau = state.plateau
        optimizer.restore(stepCount: state.steps, learningRate: state.learningRate)
    }
}
