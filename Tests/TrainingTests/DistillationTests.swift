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

@Suite(.kernelTurns) struct DistillationTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticDataset(tiles: 24, unlabeled: 2, crops: 0, cropSize: 256, seed: 3)
            .write(to: folder.file("tiles"), threads: 2) { _ in }
    }

    private struct Stop: Error {}

    private func settings(_ architecture: Architecture) -> TrainingSettings {
        var settings = TrainingSettings(.basic, architecture)
        settings.epochs = 1
        settings.batchSize = 64
        return settings
    }

    private func set(_ settings: TrainingSettings) throws -> TileSet {
        try TileSet(path: folder.file("tiles"), target: settings.tileTarget, threads: 2)
    }

    private func start(_ settings: TrainingSettings, _ name: String) throws -> TrainingRun {
        let set = try set(settings)
        return try TrainingRun(
            settings, set: set, split: Split(set, settings.split), path: folder.file(name), version: "test",
            command: "nuclei-train")
    }

    /// The model of a finished run.
    private func trained(_ settings: TrainingSettings, _ name: String) throws -> FilePath {
        var run = try start(settings, name)
        try run.run(isInterruption: { _ in false }) { _ in }
        return run.folder.lastModel
    }

    private func bits(_ run: TrainingRun) throws -> [Float] {
        try Model(path: run.folder.lastModel).network.state.tensors.flatMap(\.values)
    }

    /// The cross-entropy of a model's probabilities against the mean of those of several models, on some tiles.
    private func crossEntropy(_ path: FilePath, _ teachers: [FilePath], _ tiles: [Int], _ set: TileSet) throws -> Double
    {
        func logits(_ path: FilePath) throws -> Tensor {
            let model = try Model(path: path)
            let workspace = Workspace(model.network, capacity: tiles.count)
            try set.withPixels {
                try Kernels.normalize(
                    workspace.input, $0.bytes, set.windows(of: tiles), model.description.statistics)
            }
            return try workspace.forward(.inference)
        }
        let own = try logits(path)
        let (classes, plane) = (own.shape[1], own.count / own.shape[0] / own.shape[1])
        let mean = Naive.meanSoftmax(
            try teachers.flatMap { try logits($0).values.map(Double.init) }, models: teachers.count, classes: classes,
            plane: plane)
        return Naive.distillation(own.values.map(Double.init), mean, classes: classes, plane: plane)
    }

    /// A network that begins with the weights of a model and frozen statistics has the outputs of this model in its first
    /// step, so the loss without the teachers is known.
    @Test(arguments: [Architecture.compact, .unet]) func theLossOfTheTeachersIsAdded(architecture: Architecture) throws
    {
        var settings = settings(architecture)
        let first = try trained(settings, "first")
        settings.seed = 7
        let second = try trained(settings, "second")
        settings.initialModel = first.string
        settings.fineTuning = FineTuning()
        settings.fineTuning?.freezesStatistics = true
        func loss(_ teachers: [FilePath]?) throws -> Double {
            settings.teachers = teachers?.map(\.string)
            var run = try start(settings, "run-\(teachers?.count ?? 0)")
            try run.run(isInterruption: { _ in false }) { _ in }
            #expect(run.trainer.leakWarning == nil)
            return run.folder.record.history[0].trainLoss
        }
        let set = try set(settings)
        let tiles = try Split(set, settings.split).train
        let alone = try loss(nil)
        for teachers in [[second], [first, second]] {
            let expected = try crossEntropy(first, teachers, tiles, set)
            try compare(
                "loss", [try loss(teachers) - alone], [expected], Tolerance(absolute: 1e-5, relative: 1e-4))
        }
    }

    @Test func aStudentApproachesItsTeacher() throws {
        var settings = settings(.unet)
        settings.epochs = 8
        settings.batchSize = 8
        let teacher = try trained(settings, "teacher")
        let set = try set(settings)
        let tiles = try Split(set, settings.split).test
        settings.seed = 11
        let alone = try trained(settings, "alone")
        settings.teachers = [teacher.string]
        let student = try trained(settings, "student")
        let distances = try [alone, student].map { try crossEntropy($0, [teacher], tiles, set) }
        #expect(distances[1] < distances[0])
    }

    @Test func aStoppedRunNeedsNoTeacherFilesAndResumesToTheSameBits() throws {
        var settings = settings(.compact)
        settings.epochs = 3
        settings.batchSize = 8
        let teacher = try trained(settings, "teacher")
        settings.seed = 5
        settings.teachers = [teacher.string]
        var whole = try start(settings, "whole")
        try whole.run(isInterruption: { _ in false }) { _ in }
        var stopped = try start(settings, "stopped")
        var epochs = 0
        #expect(throws: Stop.self) {
            try stopped.run(isInterruption: { $0 is Stop }) { event in
                if case .epoch = event { epochs += 1 }
                if epochs == 2 { throw Stop() }
            }
        }
        let copy = stopped.folder.path.appending("teacher-1.safetensors")
        #expect(copy.exists)
        try FileManager.default.removeItem(atPath: teacher.string)
        let set = try set(settings)
        let path = stopped.folder.path
        _ = consume stopped
        // Another file in the place of the copy is refused.
        let bytes = try FileBytes.data(copy)
        var other = try Model(path: copy)
        other.records["seed"] = "1"
        try other.write(to: copy)
        let error = #expect(throws: FileError.self) {
            try TrainingRun(resuming: RunFolder(resuming: path), set: set, split: Split(set, settings.split))
        }
        #expect(
            "\(try #require(error))"
                == "\(copy): expected the teacher that the run was started with, found another file")
        try AtomicFile.write(bytes, to: copy)
        var resumed = try TrainingRun(
            resuming: RunFolder(resuming: path), set: set, split: Split(set, settings.split))
        try resumed.run(isInterruption: { $0 is Stop }) { _ in }
        try compareBits("weights", bits(resumed), bits(whole))
        #expect(resumed.folder.record.settings.teachers == [teacher.string])
        #expect(!copy.exists)
    }

    /// Tiles that a teacher was trained on are no test of its student.
    @Test func tilesOfTheTeachersCountAsLearned() throws {
        var settings = settings(.compact)
        let teacher = try trained(settings, "teacher")
        let record = try SplitRecord(Model(path: teacher), path: teacher)
        settings.split.seed = 1
        settings.teachers = [teacher.string]
        var run = try start(settings, "student")
        let (split, set) = (run.trainer.split, run.trainer.set)
        let learned = record.learned(in: set)
        let leaked = learned.intersection(split.test).count
        try #require(leaked > 0)
        #expect(
            run.trainer.leakWarning
                == "a teacher was trained on \(leaked) of the tiles held out here or on copies of them: scores in training are "
                + "optimistic, and evaluate leaves these tiles out")
        try run.run(isInterruption: { _ in false }) { _ in }
        let own = try SplitRecord(Model(path: run.folder.bestModel), path: "")
        #expect(own.learned(in: set) == learned.union(split.train))
        #expect(Set(own.indices(of: .test, in: set)) == Set(split.test).subtracting(learned))
        settings.initialModel = teacher.string
        let both = try start(settings, "both").trainer.leakWarning
        #expect(
            both?.hasPrefix("the initial model or a teacher was trained on \(leaked) of") ?? false, "\(both ?? "")")
    }

    /// A run that was killed before it had copied its teachers reads their files again.
    @Test func missingCopiesOfTeachersAreMadeAgain() throws {
        var settings = settings(.compact)
        let teacher = try trained(settings, "teacher")
        settings.teachers = [teacher.string, teacher.string]
        let path: FilePath
        do {
            let run = try start(settings, "run")
            path = run.folder.path
            #expect(run.notes.isEmpty && run.folder.record.teacherDigests?.count == 2)
        }
        try FileManager.default.removeItem(atPath: path.appending("teacher-2.safetensors").string)
        let set = try set(settings)
        var resumed = try TrainingRun(
            resuming: RunFolder(resuming: path), set: set, split: Split(set, settings.split))
        #expect(path.appending("teacher-2.safetensors").exists)
        try resumed.run(isInterruption: { _ in false }) { _ in }
        #expect(resumed.folder.record.state == .finished)
    }

    @Test func recordsWithoutADigestForEachTeacherAreRefused() throws {
        var settings = settings(.compact)
        settings.teachers = [try trained(settings, "teacher").string]
        let run = try start(settings, "run")
        let path = run.folder.path
        let digest = try #require(run.folder.record.teacherDigests?.first)
        try folder.file("run/run.json", folder.text("run/run.json").replacingOccurrences(of: "\"\(digest)\"", with: ""))
        let error = #expect(throws: FileError.self) { try RunFolder.record(of: path) }
        #expect("\(try #require(error))" == "\(path)/run.json: expected a digest for each of 1 teachers, found 0")
    }

    /// Copies with other pixels are recognized, in the warning and later in evaluation.
    @Test func copiesOfTheTilesOfTeachersCountAsLearned() throws {
        var settings = settings(.compact)
        let teacher = try trained(settings, "teacher")
        let record = try SplitRecord(Model(path: teacher), path: teacher)
        for tile in try self.set(settings).tiles {
            let path = folder.file("tiles").appending(tile.filename)
            var image = try RGBImage(decoding: path)
            image.pixels[0] ^= 1
            let writer = try openImageForWriting(path, width: image.width, height: image.height)
            try image.pixels.withUnsafeBytes { try writer.write(rows: $0, count: image.height) }
            try writer.finish()
        }
        let set = try self.set(settings)
        settings.split.seed = 1
        settings.teachers = [teacher.string]
        var run = try start(settings, "student")
        let leaked = record.learned(in: set).intersection(run.trainer.split.test)
        try #require(!leaked.isEmpty)
        #expect(run.trainer.leakWarning?.contains("trained on \(leaked.count) of") ?? false)
        try run.run(isInterruption: { _ in false }) { _ in }
        let own = try SplitRecord(Model(path: run.folder.bestModel), path: "")
        #expect(Set(own.indices(of: .test, in: set)) == Set(run.trainer.split.test).subtracting(leaked))
    }

    @Test func aTeacherWithoutARecordOfItsTilesIsNoted() throws {
        var settings = settings(.compact)
        let path = folder.file("teacher.safetensors")
        var teacher = try Model(path: trained(settings, "teacher"))
        for record in [nil, "{}"] {
            teacher.records[SplitRecord.key] = record
            try teacher.write(to: path)
            settings.teachers = [path.string]
            let run = try start(settings, "run-\(record == nil ? "none" : "empty")")
            #expect(run.notes == ["\(path) does not record its training tiles: scores may be optimistic"])
        }
    }

    @Test func aTeacherOfAnotherArchitectureTeaches() throws {
        var settings = settings(.compact)
        settings.augmentation = AugmentationPreset.pathology.settings
        settings.augmentation?.cutout.probability = 1
        var resnet = self.settings(.resnet18)
        resnet.batchSize = 8
        settings.teachers = [try trained(resnet, "teacher").string]
        var run = try start(settings, "run")
        try run.run(isInterruption: { _ in false }) { _ in }
        #expect(run.folder.record.history[0].trainLoss.isFinite)
    }

    @Test func outputsThatAreNotFiniteAreThoseOfTheTeacher() throws {
        var settings = settings(.compact)
        let path = folder.file("teacher.safetensors")
        let good = try trained(settings, "good")
        let teacher = try Model(path: good)
        let huge = try Model(teacher.description, records: teacher.records)
        huge.network.copyState(of: teacher.network)
        huge.network.state["fc.weight"]!.fill(3e38)
        try huge.write(to: path)
        settings.teachers = [good.string, path.string]
        var run = try start(settings, "run")
        let error = #expect(throws: TrainingError.self) { try run.run(isInterruption: { _ in false }) { _ in } }
        #expect(
            error?.description
                == "the outputs of teacher 2 are not finite numbers: its weights or statistics do not fit these tiles")
    }

    @Test func aTeacherWithOtherOutputsIsRefused() throws {
        var settings = settings(.compact)
        let compact = try trained(settings, "compact")
        let unet = try trained(self.settings(.unet), "unet")
        settings.teachers = [compact.string, unet.string]
        let error = #expect(throws: FileError.self) { try start(settings, "run") }
        #expect(
            "\(try #require(error))"
                == "\(unet): expected a model with the outputs of compact for NO_NUCLEUS, NUCLEI in tiles of 256 pixels, found "
                + "the outputs of unet for NO_NUCLEUS, NUCLEI in tiles of 128 pixels")
        settings.teachers = [unet.string]
        settings.architecture = .unet
        settings.pixelLoss = PixelLoss()
        settings.micronsPerPixel = 0.25
        let scale = #expect(throws: FileError.self) { try start(settings, "run") }
        #expect("\(try #require(scale))" == "\(unet): expected a model for 0.25 microns per pixel, found one for 0.5")
        #expect(!folder.file("run").exists)
    }
}
