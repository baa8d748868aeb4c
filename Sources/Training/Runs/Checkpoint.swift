import Datasets
import FoundationEssentials
import Foundations
import NeuralNetworks
import Tensors

/// The state of a run after an epoch: weights, optimizer moments and position. Together with the settings and tiles it
/// determines the rest of the run. A resumed run ends with the same bits as an uninterrupted one, because all random
/// numbers are functions of the seed, the epoch and the position in it.
package struct Checkpoint {
    struct State: Codable {
        var settings: TrainingSettings
        var split: SplitRecord
        /// Digest of all tiles with labels and groups, in order: random numbers of a tile depend on its index.
        var tiles: String
        /// Finished cycles.
        var cycles: [CycleRecord]
        /// Decisions on unlabeled tiles, and on pixels, in all cycles so far.
        var ledger: [PseudoLabel]
        var pixelLedger: [PixelLabelRecord]?
        /// Epochs of all cycles.
        var history: [EpochRecord]
        var cycle: Int
        var steps: Int
        var learningRate: Float
        var plateau: ReduceLROnPlateau?

        var decisions: Ledger { Ledger(tiles: ledger, pixels: pixelLedger ?? []) }

        /// Whether the numbers are those of a run after an epoch of its current cycle.
        var isValid: Bool {
            let epochs = history.filter { $0.cycle == cycle }.map(\.epoch)
            return 0...100 ~= cycle && cycles.count <= cycle + 1 && !epochs.isEmpty
                && epochs == Array(1...epochs.count) && 0...Int(Int32.max) ~= steps && learningRate.isFinite
                && learningRate >= 0 && plateau?.isValid ?? true
                && cycles.allSatisfy { TemperatureScaling.range.contains($0.temperature) }
        }
    }

    package static let format = "nuclei-checkpoint-2"

    let state: State
    fileprivate let file: SafetensorsFile

    /// Throws `unreadable` and `malformed`.
    package init(path: FilePath) throws(FileError) {
        file = try SafetensorsFile(path: path)
        guard file.metadata["format"] == Self.format, let json = file.metadata["state"],
            let state = try? JSON.decode(State.self, from: Data(json.utf8))
        else {
            throw FileError(path, expected: "a checkpoint of format \(Self.format)", found: "another file")
        }
        guard state.isValid else {
            throw FileError(path, expected: "the state of a run after an epoch", found: "numbers out of range")
        }
        self.state = state
    }

    static func otherTiles(_ set: TileSet) -> FileError {
        FileError(set.path, expected: "the tiles that the run was started with", found: "other tiles")
    }

    fileprivate static func write(_ state: State, _ tensors: [(name: String, tensor: Tensor)], to path: FilePath) throws
    {
        try SafetensorsFile.write(tensors, metadata: ["format": format, "state": JSON.text(state)], to: path)
    }
}

extension Trainer {
    /// The state of the network and the optimizer's moments, with the prefixes of their names in a checkpoint.
    private var parts: [(prefix: String, parameters: ParameterSet)] {
        [("weights.", model.network.state)]
            + optimizer.state.enumerated().map { ("moment\($0.offset + 1).", $0.element) }
    }

    /// Writes a checkpoint after an epoch. `cycles` are the finished cycles, and `earlier` their epochs.
    package func writeCheckpoint(
        to path: FilePath, cycles: [CycleRecord] = [], ledger: Ledger = Ledger(), earlier: [EpochRecord] = []
    ) throws {
        let state = Checkpoint.State(
            settings: settings, split: splitRecord, tiles: set.digest, cycles: cycles, ledger: ledger.tiles,
            pixelLedger: ledger.pixels, history: earlier + history,
            cycle: cycle, steps: optimizer.stepCount, learningRate: optimizer.learningRate, plateau: plateau)
        let tensors = parts.flatMap { part in
            part.parameters.named.map { (name: part.prefix + $0.name, tensor: $0.tensor) }
        }
        try Checkpoint.write(state, tensors, to: path)
    }

    /// Restores the state of a checkpoint. Throws `FileError` for a checkpoint of other settings or other tiles.
    package mutating func restore(checkpoint path: FilePath) throws {
        try restore(Checkpoint(path: path)) { _ in [:] }
    }

    /// `pixelLabels` receives the decisions that the cycle trains on, unless all its epochs are done.
    mutating func restore(
        _ checkpoint: Checkpoint, pixelLabels: (Ledger) throws -> [Int: PixelLabels]
    ) throws {
        let state = checkpoint.state
        guard state.settings == settings else {
            throw FileError(
                checkpoint.file.path, expected: "a checkpoint with the settings of the run",
                found: "one with other settings")
        }
        guard state.split.matches(splitRecord), state.tiles == set.digest else {
            throw Checkpoint.otherTiles(set)
        }
        let decisions = state.decisions.decisions(of: state.cycle)
        history = state.history.filter { $0.cycle == state.cycle }
        // A network that was kept may have replaced the teacher of a cycle that is done.
        let labels = isDone ? [:] : try pixelLabels(decisions)
        try start(cycle: state.cycle, pseudoLabels: decisions.tiles, pixelLabels: labels)
        for part in parts { try part.parameters.load(checkpoint.file, prefix: part.prefix) }
        history = state.history.filter { $0.cycle == state.cycle }
        plateau = state.plateau
        optimizer.restore(stepCount: state.steps, learningRate: state.learningRate)
    }
}
