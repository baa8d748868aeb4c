import Datasets
import Foundation
import Foundations
import NeuralNetworks
import Tensors
import TestSupport
import Testing
import Training

@Suite(.kernelTurns) struct CheckpointTests {
    private let set: TileSet
    private let path = NSTemporaryDirectory() + "nuclei-checkpoint-\(UUID().uuidString).safetensors"

    init() throws { set = try SyntheticTiles.set.get() }

    private func settings(_ method: OptimizerSettings.Method) -> TrainingSettings {
        var settings = TrainingSettings()
        settings.batchSize = 16
        settings.optimizer = OptimizerSettings(method: method, learningRate: 1e-3, weightDecay: 1e-4)
        if case .sgd(var sgd) = settings.optimizer {
            sgd.momentum = 0.9
            settings.optimizer = .sgd(sgd)
        }
        settings.schedule = .plateau
        settings.dropout = 0.5
        settings.clipNorm = 1
        return settings
    }

    private func trainer(_ settings: TrainingSettings) throws -> Trainer {
        try Trainer(settings, set: set, split: Split(set, settings.split))
    }

    @Test(
        arguments: OptimizerSettings.Method.allCases.map { ($0, Architecture.lenet5) } + [(.adam, .compact)])
    func resumedRunsHaveTheBitsOfUninterruptedOnes(
        method: OptimizerSettings.Method, architecture: Architecture
    ) throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        var settings = settings(method)
        settings.architecture = architecture
        var whole = try trainer(settings)
        for epoch in 1...3 {
            try whole.trainEpoch { _ in }
            if epoch == 1 { try whole.writeCheckpoint(to: FilePath(path)) }
        }
        var resumed = try trainer(settings)
        try resumed.restore(checkpoint: FilePath(path))
        #expect(resumed.history == Array(whole.history.prefix(1)))
        for _ in 2...3 { try resumed.trainEpoch { _ in } }
        try compareBits(
            "weights", resumed.model.network.state.all.values, whole.model.network.state.all.values)
        #expect(resumed.history.map(\.watchedLoss) == whole.history.map(\.watchedLoss))
        #expect(resumed.history.map(\.learningRate) == whole.history.map(\.learningRate))
    }

    @Test func checkpointsOfOtherRunsAreRejected() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        var first = try trainer(settings(.adam))
        try first.trainEpoch { _ in }
        try first.writeCheckpoint(to: FilePath(path))
        func message(_ settings: TrainingSettings) throws -> String {
            var other = try trainer(settings)
            do {
                try other.restore(checkpoint: FilePath(path))
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        var changed = settings(.adam)
        changed.seed = 1
        #expect(
            try message(changed)
                == "\(path): expected a checkpoint with the settings of the run, found one with other settings")
        try first.model.write(to: FilePath(path))
        #expect(
            try message(settings(.adam))
                == "\(path): expected a checkpoint of format nuclei-checkpoint-2, found another file")
    }

    @Test func statesOutOfRangeAreRejected() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        var trainer = try trainer(settings(.adam))
        try trainer.trainEpoch { _ in }
        try trainer.writeCheckpoint(to: FilePath(path))
        let metadata = try SafetensorsFile(path: FilePath(path)).metadata
        let state = try #require(metadata["state"])
        func problem(_ key: String, _ value: Int) throws -> String? {
            var changed = try #require(try JSONSerialization.jsonObject(with: Data(state.utf8)) as? [String: Any])
            if let plateau = changed["plateau"] as? [String: Any], plateau[key] != nil {
                changed["plateau"] = plateau.merging([key: value]) { $1 }
            } else if key == "epoch", let epochs = changed["history"] as? [[String: Any]] {
                changed["history"] = epochs.map { $0.merging([key: value]) { $1 } }
            } else {
                #expect(changed[key] != nil)
                changed[key] = value
            }
            var metadata = metadata
            metadata["state"] = String(decoding: try JSONSerialization.data(withJSONObject: changed), as: UTF8.self)
            try SafetensorsFile.write([], metadata: metadata, to: FilePath(path))
            do {
                _ = try Checkpoint(path: FilePath(path))
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(try problem("steps", 5) == nil)
        #expect(try problem("badEpochs", 1) == nil)
        for (key, value) in [
            ("steps", -1), ("steps", Int(Int32.max) + 1), ("learningRate", -1), ("cycle", 101), ("cycle", 1),
            ("epoch", 2), ("badEpochs", -1), ("badEpochs", .max), ("cooldownLeft", -1), ("cooldownLeft", .max),
        ] {
            #expect(
                try problem(key, value)
                    == "\(path): expected the state of a run after an epoch, found numbers out of range",
                "\(key) \(value)")
        }
    }
}
