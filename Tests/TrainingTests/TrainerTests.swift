import Datasets
import Foundation
import Foundations
import Imaging
import NeuralNetworks
import SyntheticTissue
import Tensors
import TestSupport
import Testing
import Training

/// A small synthetic data set, written and read once for all tests.
enum SyntheticTiles {
    static let set: Result<TileSet, any Error> = Result {
        let path = NSTemporaryDirectory() + "nuclei-training-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try SyntheticDataset(tiles: 48, unlabeled: 4, crops: 0, cropSize: 256, seed: 1)
            .write(to: FilePath(path), threads: 2) { _ in }
        return try TileSet(path: FilePath(path), threads: 2)
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

    @Test func runsAreReproducibleWithAnyNumberOfThreads() throws {
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
        #expect(trainer.history[0].watchedLoss == (try Evaluation.score(trainer.predict(split.validation)).loss))
    }

    @Test func statisticsLeaveHeldOutTilesOut() throws {
        let trainer = try Trainer(settings, set: set, split: split)
        let expected = try set.channelStatistics(of: split.train + split.unlabeled)
        #expect(trainer.model.description.statistics == expected)
        #expect(expected != (try set.channelStatistics(of: Array(set.tiles.indices))))
    }

    @Test func nonFiniteLossesStopTheRun() throws {
        var settings = settings
        settings.optimizer = OptimizerSettings(method: .sgd, learningRate: 1e30)
        #expect(throws: TrainingError.self) { _ = try run(settings, epochs: 2) }
        // A single step: the weights it produces fail only when the watched part is scored.
        settings.batchSize = 512
        #expect(throws: TrainingError.self) { _ = try run(settings, epochs: 1) }
    }

    @Test func theLearningRateFallsOnAPlateau() throws {
        var settings = settings
        settings.schedule = .plateau
        // Gradients clipped to almost 0 change no weight, so no epoch after the first improves.
        settings.optimizer = OptimizerSettings(method: .sgd, learningRate: 1e-3)
        settings.clipNorm = 1e-30
        #expect(try run(settings, epochs: 5).history.map(\.learningRate) == [1e-3, 1e-3, 1e-3, 1e-3, 5e-4])
    }

    @Test func constantLossesStopTheRunEarly() throws {
        var settings = settings
        settings.optimizer = OptimizerSettings(method: .sgd, learningRate: 1e-3)
        settings.clipNorm = 1e-30
        settings.earlyStopping = EarlyStopping()
        settings.earlyStopping?.patience = 2
        var trainer = try Trainer(settings, set: set, split: split)
        while !trainer.isDone { try trainer.trainEpoch { _ in } }
        #expect(trainer.history.count == 3 && trainer.best?.epoch == 1)
    }

    @Test func theCosineScheduleRisesAndFalls() throws {
        var settings = settings
        settings.schedule = .cosine
        settings.epochs = 10
        settings.batchSize = 4
        settings.optimizer = OptimizerSettings(method: .sgd, learningRate: 1e-3)
        var trainer = try Trainer(settings, set: set, split: split)
        for _ in 0..<10 { try trainer.trainEpoch { _ in } }
        #expect(trainer.best == trainer.history.last && trainer.chosenOn == nil)
        let rates = trainer.history.map(\.learningRate)
        #expect(rates[0] > 0.9e-3 && rates[0] <= 1e-3)
        #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 > $1 }, "the rate decays after the warm-up")
        #expect(rates[9] > 0 && rates[9] < 1e-5)
        // The middle of the decay has half the rate.
        #expect((rates[4] + rates[5]) / 2 < 0.6e-3 && (rates[4] + rates[5]) / 2 > 0.4e-3)
    }

    @Test func samplingBalancesTheClasses() throws {
        var settings = settings
        let counts = set.counts(of: split.train)
        try #require(counts[0] != counts[1])
        settings.balance = .sampling
        var trainer = try Trainer(settings, set: set, split: split)
        var total = 0
        try trainer.trainEpoch { if case .batch(_, _, let count, _, _) = $0 { total = count } }
        #expect(total == 2 * counts.max()!)
        #expect(trainer.examples.map(\.count) == counts)
    }

    /// Synthetic tiles, with a column of weights.
    private func weightedSet(_ weight: (_ isNuclei: Bool) -> Double) throws -> TileSet {
        let folder = try TemporaryFolder()
        let path = folder.file("set")
        try SyntheticDataset(tiles: 48, unlabeled: 0, crops: 0, cropSize: 256, seed: 1).write(to: path, threads: 2) {
            _ in
        }
        let file = path.appending("labels.csv").string
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        let rows = lines.dropFirst().map { "\($0),\(weight($0.contains(",NUCLEI")))" }
        let text = (["\(lines[0]),weight"] + rows).joined(separator: "\n")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return try TileSet(path: path, threads: 2)
    }

    /// The weights of tiles count before the classes are balanced.
    @Test func samplingFollowsTheWeightsOfTiles() throws {
        func total(_ weight: (_ isNuclei: Bool) -> Double) throws -> Int {
            let set = try weightedSet(weight)
            var settings = settings
            settings.balance = .sampling
            var trainer = try Trainer(settings, set: set, split: Split(set, settings.split))
            var total = 0
            try trainer.trainEpoch { if case .batch(_, _, let count, _, _) = $0 { total = count } }
            return total
        }
        let counts = set.counts(of: split.train)
        #expect(try total { _ in 1 } == 2 * counts.max()!)
        #expect(try total { _ in 2 } == 4 * counts.max()!)
        #expect(throws: FileError.self, "a class without weight") { _ = try total { $0 ? 0 : 1 } }
        #expect(try total { _ in 1e-300 } == 2, "drawing comes to an end")
        #expect(try total { $0 ? 1e-300 : 1 } == 2 * counts[0])
    }

    @Test func weightedLossesBalanceTheClasses() throws {
        var settings = settings
        settings.batchSize = 64
        settings.optimizer = OptimizerSettings(method: .sgd, learningRate: 1e-12)
        func loss(_ balance: TrainingSettings.Balance, of set: TileSet) throws -> Double {
            settings.balance = balance
            var trainer = try Trainer(settings, set: set, split: Split(set, settings.split))
            try trainer.trainEpoch { _ in }
            return trainer.history[0].trainLoss
        }
        let trainer = try Trainer(settings, set: set, split: split)
        let means = try trainer.examples.map { try Evaluation.score(trainer.predict($0)).loss }
        let counts = trainer.examples.map { Double($0.count) }
        #expect((try loss(.weights, of: set) - (means[0] + means[1]) / 2).magnitude < 1e-5)
        let plain = (means[0] * counts[0] + means[1] * counts[1]) / (counts[0] + counts[1])
        #expect((try loss(.none, of: set) - plain).magnitude < 1e-5)
        // Tiles that are drawn more often do not give their class more weight.
        for isNuclei in [false, true] {
            let weighted = try weightedSet { $0 == isNuclei ? 2 : 1 }
            let trainer = try Trainer(settings, set: weighted, split: Split(weighted, settings.split))
            let means = try trainer.examples.map { try Evaluation.score(trainer.predict($0)).loss }
            #expect((try loss(.weights, of: weighted) - (means[0] + means[1]) / 2).magnitude < 1e-5)
        }
    }

    @Test func aRunFolderIsComplete() throws {
        let path = NSTemporaryDirectory() + "nuclei-run-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var trainer = try Trainer(settings, set: set, split: split)
        var folder = try RunFolder(path: FilePath(path), for: trainer, version: "1.2.3", command: "c")
        for _ in 0..<2 {
            try trainer.trainEpoch { _ in }
            try folder.save(trainer)
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: path).sorted()
                == [
                    ".lock", "best.safetensors", "checkpoint.safetensors", "history.csv", "last.safetensors",
                    "run.json",
                ])
        let last = try Model(path: folder.lastModel)
        try compareBits(
            "weights", last.network.state.tensors.flatMap(\.values),
            trainer.model.network.state.tensors.flatMap(\.values))
        #expect(last.description == trainer.model.description)
        #expect(Set(last.records.keys) == ["history", "metrics", "seed", "settings", "split", "version"])
        #expect(last.records["version"] == "1.2.3" && last.records["seed"] == "42")
        let score = try Evaluation.score(try Predictor(last, batchSize: 7), on: split.validation, of: set)
        #expect((score.loss - trainer.history[1].watchedLoss).magnitude < 1e-5)
        let lines = try String(contentsOfFile: "\(path)/history.csv", encoding: .utf8).split(separator: "\n")
        #expect(
            lines.count == 3 && lines[0].hasPrefix("cycle,epoch,learning_rate,train_loss")
                && lines[2].hasPrefix("0,2,0.001,"))
        let error = #expect(throws: FileError.self) {
            _ = try RunFolder(path: FilePath(path), for: trainer, version: "", command: "")
        }
        #expect(error?.kind == .unwritable)

        let record = try SplitRecord(last, path: folder.lastModel)
        #expect(record.chosenOn == .validation)
        #expect(record.indices(of: .train, in: set) == split.train)
        #expect(record.indices(of: .validation, in: set) == split.validation)
        #expect(record.indices(of: .test, in: set) == split.test)
        #expect(record.indices(of: .unseen, in: set).isEmpty)
        #expect(record.count(of: .test) == split.test.count && record.count(of: .unseen) == nil)
    }

    /// Two tiles without nuclei, cut from an image.
    private func set(seed: UInt64) throws -> TileSet {
        let folder = try TemporaryFolder()
        var random = SplitMix64(seed: seed, stream: 1)
        // Squares of 16 pixels.
        let colors: [UInt8] = (0..<512).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        var pixels = [UInt8]()
        for y in 0..<256 {
            for x in 0..<512 { for _ in 0..<3 { pixels.append(colors[y / 16 * 32 + x / 16]) } }
        }
        let writer = try openImageForWriting(folder.file("1.png"), width: 512, height: 256)
        try writer.write(rows: pixels.span.bytes, count: 256)
        try writer.finish()
        try folder.file("labels.csv", "filename,label\n1.png,NO_NUCLEUS\n")
        return try TileSet(path: folder.path, threads: 1)
    }

    /// Tiles that may have got pseudo-labels are learned, whatever their labels are later.
    @Test func unlabeledTilesAreLearnedWithPseudoLabels() throws {
        let set = try self.set(seed: 1)
        let split = Split(train: [0], validation: [], test: [], unlabeled: [1])
        for learns in [false, true] {
            let record = SplitRecord(split, of: set, Split.Settings(), chosenOn: nil, learnsUnlabeled: learns)
            #expect(record.learned(in: set) == (learns ? [0, 1] : [0]))
            let later = SplitRecord(
                Split(train: [], validation: [], test: [0, 1], unlabeled: []), of: set, Split.Settings(), chosenOn: nil,
                after: [record])
            #expect(later.indices(of: .test, in: set) == (learns ? [] : [1]))
        }
    }

    /// Images of different data sets often have the same names.
    @Test func namesOfFilesDoNotMakeTilesSeen() throws {
        let (own, other) = (try set(seed: 1), try set(seed: 2))
        let split = Split(train: [0, 1], validation: [], test: [], unlabeled: [])
        let record = SplitRecord(split, of: own, Split.Settings(), chosenOn: nil)
        #expect(own.tiles.map(\.group) == ["1.png", "1.png"] && record.groupCount == 0)
        #expect(record.indices(of: .unseen, in: own).isEmpty)
        #expect(record.indices(of: .unseen, in: other) == [0, 1])
    }

    @Test func modelsWithoutASplitRecordAreRejected() throws {
        let model = try Trainer(settings, set: set, split: split).model
        let error = #expect(throws: FileError.self) { _ = try SplitRecord(model, path: "m.safetensors") }
        #expect(
            error?.description
                == "m.safetensors: expected a record of the tiles that the model was trained on, found none")
    }
}
