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
}
