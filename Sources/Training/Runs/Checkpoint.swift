import Foundations
import Foundation
import NeuralNetworks
import Tensors

/// What the rest of a run depends on, beside its settings and tiles: weights, moments of the optimizer, and where the
/// run stands. A run that goes on from it ends with the bits of one that was never stopped, because all its random
/// numbers are functions of the seed, the epoch and the place in it.
struct Checkpoint {
    struct State: Codable {
        var settings: TrainingSettings
        var split: SplitRecord
        /// Of all tiles with their labels and groups: what is drawn for a tile depends on its place among them.
        var tiles: String
        /// Cycles that have ended.
        var cycles: [CycleRecord]
        /// What became of unlabelled tiles in all cycles so far.
        var ledger: [PseudoLabel]
        /// Of all cycles.
        var history: [EpochRecord]
        var cycle: Int
        var steps: Int
        var learningRate: Float
        var plateau: ReduceLROnPlateau?
    }

    private static let format = "nuclei-checkpoint-2"

    let state: State
    fileprivate let file: SafetensorsFile

    init(path: FilePath) throws(FileError) {
        file = try SafetensorsFile(path: path)
        guard file.metadata["format"] == Self.format, let json = file.metadata["state"],
            let state = try? JSONDecoder().decode(State.self, from: Data(json.utf8))
        else {
            throw FileError(path, expected: "a checkpoint of format \(Self.format)", found: "another file")
        }
        self.state = state
    }

    fileprivate static func write(_ state: State, _ tensors: [(name: String, tensor: Tensor)], to path: FilePath) throws {
        try SafetensorsFile.write(tensors, metadata: ["format": format, "state": jsonText(state)], to: path)
    }
}

extension Trainer {
    var splitRecord: SplitRecord {
        SplitRecord(split, of: set, settings.split, chosenOn: chosenOn, initial: initialRecord)
    }

    /// Weights, with what else the layers know, and moments with the prefixes of their names in a checkpoint.
    private var parts: [(prefix: String, parameters: ParameterSet)] {
        [("weights.", model.network.state)]
            + optimizer.state.enumerated().map { ("moment\($0.offset + 1).", $0.element) }
    }

    /// Writes a checkpoint after a whole epoch. `cycles` have ended; `earlier` are their epochs.
    package func writeCheckpoint(
        to path: FilePath, cycles: [CycleRecord] = [], ledger: [PseudoLabel] = [], earlier: [EpochRecord] = []
    ) throws {
        let state = Checkpoint.State(
            settings: settings, split: splitRecord, tiles: set.digest, cycles: cycles, ledger: ledger,
            history: earlier + history,
            cycle: cycle, steps: optimizer.stepCount, learningRate: optimizer.learningRate, plateau: plateau)
        let tensors = parts.flatMap { part in
            part.parameters.named.map { (name: part.prefix + $0.name, tensor: $0.tensor) }
        }
        try Checkpoint.write(state, tensors, to: path)
    }

    /// Goes back to where a checkpoint was written. Throws `FileError` when it is of other settings or other tiles.
    package mutating func restore(checkpoint path: FilePath) throws { try restore(Checkpoint(path: path)) }

    mutating func restore(_ checkpoint: Checkpoint) throws {
        let state = checkpoint.state
        guard state.settings == settings else {
            throw FileError(
                checkpoint.file.path, expected: "a checkpoint of the run's settings", found: "one of others")
        }
        guard state.split == splitRecord, state.tiles == set.digest else {
            throw FileError(set.path, expected: "the tiles that the run was started with", found: "others")
        }
        try start(cycle: state.cycle, pseudoLabels: state.ledger.filter { $0.cycle == state.cycle })
        for part in parts { try part.parameters.load(checkpoint.file, prefix: part.prefix) }
        history = state.history.filter { $0.cycle == state.cycle }
        plateau = state.plateau
        optimizer.restore(stepCount: state.steps, learningRate: state.learningRate)
    }
}
