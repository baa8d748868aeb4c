import Datasets
import Foundation
import Foundations
import NeuralNetworks
import SyntheticTissue
import Tensors
import TestSupport
import Testing
import Training

@Suite(.kernelTurns) struct TrainingRunTests {
    private let set: TileSet
    private let folder = NSTemporaryDirectory() + "nuclei-run-\(UUID().uuidString)"

    init() throws { set = try SyntheticTiles.set.get() }

    private struct Stop: Error {}

    /// Low thresholds, so that a barely trained network accepts labels.
    private var settings: TrainingSettings {
        var settings = TrainingSettings(.pseudoLabeling, .compact)
        settings.epochs = 1
        settings.batchSize = 16
        settings.split.validationShare = 0.25
        settings.pseudoLabeling?.cycles = 2
        settings.pseudoLabeling?.confidence = 0.500_001
        settings.pseudoLabeling?.largestShift = 1
        return settings
    }

    private func start(
        _ settings: TrainingSettings, _ name: String, checkpointShare: Double = 0.05
    ) throws -> TrainingRun {
        try TrainingRun(
            settings, set: set, split: Split(set, settings.split), path: "\(folder)/\(name)", version: "test",
            command: "nuclei-train", checkpointShare: checkpointShare)
    }

    private func bits(_ run: TrainingRun, _ name: String) throws -> [Float] {
        try Model(path: "\(run.folder.path)/\(name).safetensors").network.state.tensors.flatMap(\.values)
    }

    @Test func cyclesLearnFromUnlabeledTiles() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var run = try start(settings, "whole")
        var events = [String]()
        var examples = [Int]()
        try run.run(isInterruption: { $0 is Stop }) { event in
            switch event {
            case .cycle(let cycle): events.append("cycle \(cycle.cycle)")
            case .labels(let labels): events.append("labels \(labels.count)")
            case .batch(_, let done, let total, _, _): if done == total { examples.append(total) }
            case .epoch, .prediction, .pixelLabels: break
            }
        }
        let unlabeled = run.trainer.split.unlabeled
        let given = run.trainer.split.train.count
        #expect(!unlabeled.isEmpty)
        #expect(Array(events.prefix(3)) == ["cycle 0", "labels \(unlabeled.count)", "cycle 1"])
        #expect(Array(examples.prefix(2)) == [given, given + unlabeled.count])
        #expect(run.cycles.map(\.cycle) == Array(0..<run.cycles.count))
        #expect(run.cycles[0].isKept && run.cycles[0].accepted.values.reduce(0, +) == 0)
        #expect(run.cycles[1].accepted.values.reduce(0, +) == unlabeled.count)
        var lowest = Double.infinity
        for cycle in run.cycles {
            #expect(cycle.isKept == (cycle.calibratedLoss < lowest))
            lowest = min(lowest, cycle.calibratedLoss)
        }
        let names = Set(run.ledger.tiles.map(\.filename))
        #expect(names == Set(unlabeled.map { set.tiles[$0].filename }))
        let lines = try String(contentsOfFile: run.folder.ledger.string, encoding: .utf8).split(separator: "\n")
        #expect(lines[0] == "cycle,tile,label,confidence,kept,reason")
        #expect(lines.count == 1 + run.ledger.tiles.count)
        #expect(lines[1].hasPrefix("1,\(run.ledger.tiles[0].filename),\(run.ledger.tiles[0].label.name),0."))
        // The best model is that of the last kept cycle, and carries its calibration.
        let model = try Model(path: run.folder.bestModel)
        let calibration = try #require(try Calibration(model, path: run.folder.bestModel))
        #expect(calibration.scaling.temperature == run.cycles.last { $0.isKept }?.temperature)
        #expect(calibration.tiles == run.trainer.split.validation.count)
        try expectFixedPoint(run.folder.bestModel, calibration.scaling, run.trainer)
        try expectFixedPoint(run.folder.lastModel, .identity, run.trainer)
        #expect(run.folder.record.state == .finished)
        #expect(run.folder.record.history.map(\.cycle) == run.cycles.map(\.cycle))
        let files = try FileManager.default.contentsOfDirectory(atPath: run.folder.path.string).sorted()
        #expect(
            files == [".lock", "best.safetensors", "history.csv", "last.safetensors", "pseudo_labels.csv", "run.json"])
    }

    /// Expects that a model records how far fixed point moves the probabilities of the watched tiles after `scaling`.
    private func expectFixedPoint(_ path: FilePath, _ scaling: TemperatureScaling, _ trainer: Trainer) throws {
        let model = try Model(path: path)
        let record = try #require(model.description.fixedPoint)
        let probabilities = try [Precision.float32, .int16].map { precision in
            let predictor = try Predictor(model, batchSize: 16, precision: precision)
            let logits = try set.withPixels { try predictor.logits($0, set.windows(of: trainer.watchedTiles)) }
            return scaling.probabilities(logits, classes: 2)
        }
        let expected = FixedPointRecord(
            ranges: record.ranges, expected: probabilities[0], found: probabilities[1], classes: 2)
        #expect(expected.changedDecisions == record.changedDecisions && expected.tiles == record.tiles)
        #expect(record.largestChange > 0 && abs(expected.largestChange - record.largestChange) < 1e-6)
    }

    /// Stops a run at its event number `place`, and releases it.
    private func stop(at place: Int, _ settings: TrainingSettings, _ name: String, _ share: Double = 0.05) throws {
        var run = try start(settings, name, checkpointShare: share)
        var count = 0
        #expect(throws: Stop.self) {
            try run.run(isInterruption: { $0 is Stop }) { _ in
                count += 1
                if count == place { throw Stop() }
            }
        }
        #expect(run.folder.record.state == .interrupted && run.folder.record.command == "nuclei-train")
        // The lock admits one process at a time.
        let error = #expect(throws: FileError.self) { try RunFolder(resuming: run.folder.path) }
        #expect(error?.problem == "expected a folder that no process works in, found it locked by another process")
    }

    /// Stops runs at different events and resumes them: with a checkpoint after each epoch, and with as few as possible.
    @Test(arguments: [Double.infinity, 0])
    func runsStoppedAnywhereResumeToTheSameBits(checkpointShare: Double) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = settings
        let isRare = checkpointShare == 0
        if isRare { settings.epochs = 3 }
        var whole = try start(settings, "whole")
        var places = 0
        try whole.run(isInterruption: { _ in false }) { _ in places += 1 }
        for place in stride(from: 1, through: places, by: isRare ? 8 : 3) {
            let path = "\(folder)/stopped-\(place)"
            try stop(at: place, settings, "stopped-\(place)", checkpointShare)
            // A ledger that is lost is written again.
            try? FileManager.default.removeItem(atPath: "\(path)/pseudo_labels.csv")
            var resumed = try TrainingRun(
                resuming: RunFolder(resuming: FilePath(path), checkpointShare: checkpointShare), set: set,
                split: Split(set, settings.split))
            try resumed.run(isInterruption: { $0 is Stop }) { _ in }
            for name in ["best", "last"] {
                try compareBits("\(name) after a stop at \(place)", bits(resumed, name), bits(whole, name))
                let records = try [resumed, whole].map {
                    try Model(path: "\($0.folder.path)/\(name).safetensors").description.fixedPoint
                }
                #expect(records[0] != nil && records[0] == records[1])
            }
            #expect(resumed.ledger == whole.ledger)
            #expect(try FileBytes.data(resumed.folder.ledger) == FileBytes.data(whole.folder.ledger))
            #expect(resumed.cycles.map(\.calibratedLoss) == whole.cycles.map(\.calibratedLoss))
            #expect(resumed.folder.record.history.map(\.trainLoss) == whole.folder.record.history.map(\.trainLoss))
            try FileManager.default.removeItem(atPath: path)
        }
    }

    @Test func trainingStartsFromAnotherModel() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = TrainingSettings(.basic, .compact)
        settings.epochs = 1
        settings.batchSize = 16
        var first = try start(settings, "first")
        try first.run(isInterruption: { _ in false }) { _ in }
        settings.initialModel = first.folder.lastModel.string
        let second = try start(settings, "second")
        try compareBits(
            "weights", second.trainer.model.network.state.tensors.flatMap(\.values), bits(first, "last"))
        #expect(second.trainer.leakWarning == nil && second.notes.isEmpty)
        #expect(FileManager.default.fileExists(atPath: "\(second.folder.path)/initial.safetensors"))
        settings.split.seed = 1
        let split = try Split(set, settings.split)
        let leaked = Set(split.test).intersection(first.trainer.split.train).count
        try #require(leaked > 0)
        let third = try start(settings, "third")
        #expect(
            third.trainer.leakWarning
                == "the initial model was trained on \(leaked) of the tiles held out here or on copies of them: scores in "
                + "training are optimistic, and evaluate leaves these tiles out")
        // A run that was killed before it had its copy of the initial model.
        do { _ = try start(settings, "early") }
        try FileManager.default.removeItem(atPath: "\(folder)/early/initial.safetensors")
        try Data().write(to: URL(fileURLWithPath: "\(folder)/early/.initial.safetensors.partial-x"))
        do {
            let early = try TrainingRun(
                resuming: RunFolder(resuming: FilePath("\(folder)/early")), set: set, split: Split(set, settings.split))
            try compareBits(
                "weights", early.trainer.model.network.state.tensors.flatMap(\.values), bits(first, "last"))
            #expect(FileManager.default.fileExists(atPath: "\(folder)/early/initial.safetensors"))
        }
        // One that was killed even earlier.
        try FileManager.default.removeItem(atPath: "\(folder)/early/run.json")
        try FileManager.default.removeItem(atPath: "\(folder)/early/initial.safetensors")
        try Data().write(to: URL(fileURLWithPath: "\(folder)/early/.run.json.partial-x"))
        _ = try start(settings, "early")
        settings.initialModel = "\(folder)/none.safetensors"
        #expect(throws: FileError.self) { try start(settings, "fourth") }
        // A model records the training tiles of its predecessors, which are then no test tiles.
        let record = SplitRecord(
            split, of: set, settings.split, chosenOn: nil,
            after: [try SplitRecord(Model(path: first.folder.lastModel), path: "")])
        #expect(record.indices(of: .test, in: set).count == split.test.count - leaked)
        #expect(record.learned(in: set) == Set(split.train + first.trainer.split.train))
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/fourth"))
    }

    /// Compact weights for three classes, in a file of tensors alone, and settings that train the last layers from them.
    private func publishedWeights() throws -> (Network, TrainingSettings) {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let network = try Network(Architecture.compact.graph(classes: 3, dropout: 0), inputShape: [3, 256, 256])
        try network.initialize(seed: 9)
        let path = FilePath("\(folder)/published.safetensors")
        try SafetensorsFile.write(network.state.named, metadata: ["format": "pt"], to: path)
        var settings = TrainingSettings(.basic, .compact)
        settings.epochs = 2
        settings.batchSize = 16
        settings.initialModel = path.string
        settings.fineTuning = FineTuning()
        settings.fineTuning?.frozen = ["conv1", "bn1", "layer1"]
        settings.fineTuning?.backboneRateFactor = 0.1
        return (network, settings)
    }

    @Test func publishedWeightsAreFineTuned() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (published, settings) = try publishedWeights()
        var whole = try start(settings, "whole")
        #expect(
            whole.notes == [
                "\(settings.initialModel!) has no channel statistics: tiles are normalized by those of ImageNet",
                "\(settings.initialModel!) has no head for NO_NUCLEUS, NUCLEI: fc starts with random weights",
            ])
        #expect(whole.trainer.model.description.statistics == .imageNet)
        // The head has the random weights of the seed.
        let random = try Model(whole.trainer.model.description)
        try random.network.initialize(seed: settings.seed)
        for (name, tensor) in whole.trainer.model.network.state.named {
            let expected = try #require((name.hasPrefix("fc.") ? random.network : published).state[name])
            try compareBits(name, tensor.values, expected.values)
        }
        try whole.run(isInterruption: { _ in false }) { _ in }
        for (name, tensor) in try Model(path: whole.folder.lastModel).network.state.named {
            let isFrozen = ["conv1.", "bn1.", "layer1."].contains { name.hasPrefix($0) }
            #expect((tensor.values == (published.state[name]?.values ?? [])) == isFrozen, "\(name)")
        }
        // A resumed run has the same bits, also if the file of the initial weights is gone.
        try stop(at: 6, settings, "stopped")
        try FileManager.default.removeItem(atPath: settings.initialModel!)
        var resumed = try TrainingRun(
            resuming: RunFolder(resuming: "\(folder)/stopped"), set: set, split: Split(set, settings.split))
        #expect(resumed.notes.isEmpty && resumed.folder.record.settings == settings)
        try resumed.run(isInterruption: { _ in false }) { _ in }
        for name in ["best", "last"] { try compareBits(name, bits(resumed, name), bits(whole, name)) }
    }

    @Test func modelsForOtherClassesGiveAllButTheHead() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var (_, settings) = try publishedWeights()
        settings.fineTuning = nil
        let description = ModelDescription(
            architecture: .compact, tileSize: 256, classes: ["stroma", "tumor"],
            statistics: ChannelStatistics(mean: [1, 2, 3], deviation: [4, 5, 6]))
        let other = try Model(description)
        try other.network.initialize(seed: 8)
        let path = FilePath("\(folder)/other.safetensors")
        try other.write(to: path)
        settings.initialModel = path.string
        let run = try start(settings, "run")
        #expect(run.notes == ["\(path) has no head for NO_NUCLEUS, NUCLEI: fc starts with random weights"])
        #expect(run.trainer.model.description.statistics == description.statistics)
        for (name, tensor) in run.trainer.model.network.state.named {
            #expect((tensor.values == other.network.state[name]!.values) == !name.hasPrefix("fc."), "\(name)")
        }
        settings.architecture = .resnet18
        let error = #expect(throws: FileError.self) { try start(settings, "resnet") }
        #expect(error?.description == "\(path): expected a resnet18 model, found a compact model")
    }

    @Test func runsResumeOnlyWithTheirOwnTiles() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = TrainingSettings(.basic, .compact)
        settings.epochs = 3
        settings.batchSize = 16
        // An event of the second epoch, when there is a checkpoint.
        try stop(at: 6, settings, "run")
        let digest = set.digest
        #expect(digest.count == 16 && digest == set.digest)
        let path = "\(folder)/run/checkpoint.safetensors"
        let file = try SafetensorsFile(path: FilePath(path))
        let tensors = file.entries.keys.map { name in
            (
                name: name,
                tensor: Tensor(
                    Shape(file.entries[name]!.shape), file.withBytes(of: name) { Array($0.bindMemory(to: Float.self)) })
            )
        }
        var metadata = file.metadata
        metadata["state"] = metadata["state"]?.replacingOccurrences(of: digest, with: "0123456789abcdef")
        #expect(metadata != file.metadata)
        try SafetensorsFile.write(tensors, metadata: metadata, to: FilePath(path))
        let error = #expect(throws: FileError.self) {
            try TrainingRun(
                resuming: RunFolder(resuming: "\(folder)/run"), set: set, split: Split(set, settings.split))
        }
        #expect(error?.problem == "expected the tiles that the run was started with, found other tiles")
    }

    @Test func pseudoLabelsNeedUnlabeledTiles() throws {
        var tiles = Split.Settings()
        tiles.validationShare = 0.25
        let split = try Split(set, tiles)
        let labeledOnly = Split(train: split.train, validation: split.validation, test: split.test, unlabeled: [])
        let error = #expect(throws: FileError.self) {
            try TrainingRun(
                settings, set: set, split: labeledOnly, path: "\(folder)/none", version: "", command: "")
        }
        #expect(error?.problem.hasPrefix("expected unlabeled tiles outside the held-out groups") == true)
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/none"))
    }
}
