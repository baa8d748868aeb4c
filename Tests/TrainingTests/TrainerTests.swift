import Datasets
import Files
import Foundation
import NeuralNetworks
import Tensors
import TestSupport
import Testing
import Training

/// A small synthetic data set on disk, made once for all tests.
enum SyntheticTiles {
    static let set: Result<TileSet, any Error> = Result {
        let path = NSTemporaryDirectory() + "nuclei-training-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try SyntheticDataset(tiles: 48, unlabelled: 4, crops: 0, cropSize: 256, seed: 1)
            .write(to: path, threads: 2) { _ in }
        return try TileSet(path: path, threads: 2)
    }
}

@Suite(.kernelTurns) struct TrainerTests {
    private let set: TileSet
    private let settings: TrainingSettings
    private let split: Split

    init() throws {
        set = try SyntheticTiles.set.get()
        var settings = TrainingSettings()
        settings.batchSize = 16
        settings.split.validationShare = 0.25
        self.settings = settings
        split = try Split(set, settings.split)
    }

    private func run(_ settings: TrainingSettings, epochs: Int) throws -> Trainer {
        var trainer = try Trainer(settings, set: set, split: split)
        for _ in 0..<epochs { try trainer.trainEpoch { _ in } }
        return trainer
    }

    @Test func aRunIsTheSameAgainOnAnyNumberOfThreads() throws {
        let before = Kernels.threadCount
        defer { try? Kernels.setThreadCount(before) }
        var settings = settings
        settings.dropout = 0.5
        settings.clipNorm = 1
        let first = try run(settings, epochs: 2)
        try Kernels.setThreadCount(3)
        let second = try run(settings, epochs: 2)
        try compareBits(
            "weights", second.model.network.parameters.all.values, first.model.network.parameters.all.values)
        #expect(second.history.map(\.watchedLoss) == first.history.map(\.watchedLoss))
        settings.seed = 43
        #expect(try run(settings, epochs: 1).history[0].trainLoss != first.history[0].trainLoss)
    }

    @Test func everyTileIsSeenOnceInAnEpoch() throws {
        var trainer = try Trainer(settings, set: set, split: split)
        var done = [Int]()
        try trainer.trainEpoch { event in
            if case .batch(1, let count, split.train.count, let loss, _) = event, loss.isFinite {
                done.append(count)
            }
        }
        #expect(done == stride(from: 16, to: split.train.count, by: 16) + [split.train.count])
        #expect(trainer.watched == .validation)
        #expect(trainer.history[0].watchedLoss == (try trainer.score(split.validation).loss))
    }

    @Test func statisticsLeaveHeldOutTilesOut() throws {
        let trainer = try Trainer(settings, set: set, split: split)
        let expected = try set.channelStatistics(of: split.train + split.unlabelled)
        #expect(trainer.model.description.statistics == expected)
        #expect(expected != (try set.channelStatistics(of: Array(set.tiles.indices))))
    }

    @Test func aLossThatIsNoNumberStopsTheRun() throws {
        var settings = settings
        settings.optimizer = OptimizerSettings(method: .sgd, learningRate: 1e30)
        #expect(throws: TrainingError.self) { _ = try run(settings, epochs: 2) }
        // The only step of the epoch makes weights that only watching finds out about.
        settings.batchSize = 512
        #expect(throws: TrainingError.self) { _ = try run(settings, epochs: 1) }
    }

    @Test func theLearningRateFallsOnAPlateau() throws {
        var settings = settings
        settings.schedule = .plateau
        // Gradients clipped to nothing change no weight: every epoch after the first is a bad one.
        settings.optimizer = OptimizerSettings(method: .sgd, learningRate: 1e-3)
        settings.clipNorm = 1e-30
        #expect(try run(settings, epochs: 5).history.map(\.learningRate) == [1e-3, 1e-3, 1e-3, 1e-3, 5e-4])
    }

    @Test func aLossThatStaysEndsTheRun() throws {
        var settings = settings
        settings.optimizer = OptimizerSettings(method: .sgd, learningRate: 1e-3)
        settings.clipNorm = 1e-30
        settings.earlyStopping = EarlyStopping()
        settings.earlyStopping?.patience = 2
        var trainer = try Trainer(settings, set: set, split: split)
        while !trainer.isDone { try trainer.trainEpoch { _ in } }
        #expect(trainer.history.count == 3 && trainer.best?.epoch == 1)
    }

    @Test func aRunFolderHoldsWhatItTakesToUseTheModel() throws {
        let path = NSTemporaryDirectory() + "nuclei-run-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var trainer = try Trainer(settings, set: set, split: split)
        var folder = try RunFolder(path: path, for: trainer, version: "1.2.3")
        for _ in 0..<2 {
            try trainer.trainEpoch { _ in }
            try folder.save(trainer)
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: path).sorted()
                == ["best.safetensors", "checkpoint.safetensors", "history.csv", "last.safetensors", "run.json"])
        let last = try Model(path: folder.lastModel)
        try compareBits(
            "weights", last.network.parameters.all.values, trainer.model.network.parameters.all.values)
        #expect(last.description == trainer.model.description)
        #expect(Set(last.records.keys) == ["history", "metrics", "seed", "settings", "split", "version"])
        #expect(last.records["version"] == "1.2.3" && last.records["seed"] == "42")
        let score = try Evaluation.score(try Predictor(last, batchSize: 7), on: split.validation, of: set)
        #expect((score.loss - trainer.history[1].watchedLoss).magnitude < 1e-5)
        let lines = try String(contentsOfFile: "\(path)/history.csv", encoding: .utf8).split(separator: "\n")
        #expect(
            lines.count == 3 && lines[0].hasPrefix("epoch,learning_rate,train_loss") && lines[2].hasPrefix("2,0.001,"))
        let error = #expect(throws: FileError.self) { _ = try RunFolder(path: path, for: trainer, version: "") }
        #expect(error?.kind == .unwritable)

        let record = try SplitRecord(last, path: folder.lastModel)
        #expect(record.chosenOn == .validation)
        #expect(record.indices(of: .train, in: set) == split.train)
        #expect(record.indices(of: .validation, in: set) == split.validation)
        #expect(record.indices(of: .test, in: set) == split.test)
        #expect(record.indices(of: .unseen, in: set).isEmpty)
        #expect(record.count(of: .test) == split.test.count && record.count(of: .unseen) == nil)
    }

    @Test func aModelWithoutARecordOfItsTilesIsRefused() throws {
        let model = try Trainer(settings, set: set, split: split).model
        let error = #expect(throws: FileError.self) { _ = try SplitRecord(model, path: "m.safetensors") }
        #expect(
            error?.description
                == "m.safetensors: expected a record of the tiles that the model was trained on, found none")
    }
}
