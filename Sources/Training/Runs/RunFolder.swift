import Datasets
import Foundations
import Foundation
import NeuralNetworks
import Tensors

/// Where a run keeps what it makes: `best.safetensors`, `last.safetensors`, `history.csv`, `run.json`, for
/// pseudo-labelling `pseudo_labels.csv`, and, until it has finished, what it takes to go on. Every file is replaced
/// whole, after each epoch; only checkpoints, which are large, are written as often as costs a small share of the time.
package struct RunFolder {
    /// The content of `run.json`.
    package struct Record: Codable, Sendable {
        package enum State: String, Codable, Sendable {
            case running, interrupted, failed, finished
        }

        package var state: State
        /// Why the run failed.
        package var failure: String?
        package var version: String
        /// What was typed to start the run.
        package var command: String
        package var started: Date
        package var settings: TrainingSettings
        package var dataset: String
        /// Tiles by part and label.
        package var tiles: [String: [String: Int]]
        package var parameters: Int
        package var threads: Int
        package var chosenOn: EvaluationSplit?
        package var history: [EpochRecord]
        /// Of the best model; it counts from 1 in its cycle.
        package var bestEpoch: Int?
        /// What came of each cycle that has ended.
        package var cycles: [CycleRecord]?
        /// Of the best and the last model on the test tiles, once the run has finished.
        package var bestTest: Score?
        package var lastTest: Score?
        package var seconds: Double
    }

    package let path: FilePath
    package internal(set) var record: Record
    /// One process at a time works on a run.
    private let lock: FolderLock
    /// When this process took up the run, and the seconds that others had spent on it before.
    private let opened = Date()
    private var earlierSeconds = 0.0
    /// Checkpoints may take this share of the time.
    private let checkpointShare: Double
    /// When the last one was written, and the seconds that it took.
    private var lastCheckpoint: (end: ContinuousClock.Instant, seconds: Double)?

    /// Makes the folder. Throws when there is something in it already: no run overwrites another.
    package init(
        path: FilePath, for trainer: Trainer, version: String, command: String, checkpointShare: Double = 0.05
    ) throws(FileError) {
        try Folder.make(path)
        self.path = path
        self.checkpointShare = checkpointShare
        lock = try FolderLock(path)
        let split = trainer.split
        var tiles = [String: [String: Int]]()
        for (name, part) in [("train", split.train), ("validation", split.validation), ("test", split.test)] {
            tiles[name] = Dictionary(uniqueKeysWithValues: zip(TileLabel.names, trainer.set.counts(of: part)))
        }
        tiles["unlabelled"] = ["used": split.unlabeled.count, "all": trainer.set.unlabeled.count]
        record = Record(
            state: .running, version: version, command: command, started: Date(), settings: trainer.settings,
            dataset: URL(fileURLWithPath: trainer.set.path.string).path,
            tiles: tiles, parameters: trainer.model.network.parameters.layout.parameterCount,
            threads: Kernels.threadCount, chosenOn: trainer.chosenOn, history: [], seconds: 0)
    }

    /// Takes up a run that was stopped. Throws when there is none, or it has finished.
    package init(resuming path: FilePath, checkpointShare: Double = 0.05) throws(FileError) {
        let file: FilePath = "\(path)/run.json"
        let unreadable = FileError(file, .unreadable, "expected the record of a run, found no readable file")
        guard FileManager.default.isReadableFile(atPath: file.string) else { throw unreadable }
        // Before the record is read: another process may be finishing the run.
        lock = try FolderLock(path)
        guard let data = FileManager.default.contents(atPath: file.string) else { throw unreadable }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        guard let record = try? decoder.decode(Record.self, from: data) else {
            throw FileError(file, expected: "the record of a run of this version", found: "something else")
        }
        self.path = path
        self.checkpointShare = checkpointShare
        self.record = record
        guard record.state != .finished else {
            // A run that was stopped just before its end may have left them.
            removeWhatItTookToGoOn()
            throw FileError(file, expected: "a run that was stopped", found: "one that has finished")
        }
        self.record.state = .running
        self.record.failure = nil
        earlierSeconds = record.seconds
        AtomicFile.removeLeftovers(in: path)
    }

    /// What it takes to go on; gone when the run has finished.
    private var checkpointFile: FilePath { "\(path)/checkpoint.safetensors" }
    package var bestModel: FilePath { "\(path)/best.safetensors" }
    package var lastModel: FilePath { "\(path)/last.safetensors" }
    /// A copy of the model that the run started from, until it has finished.
    var initialModel: FilePath { "\(path)/initial.safetensors" }
    package var ledger: FilePath { "\(path)/pseudo_labels.csv" }

    /// The best model of a cycle; of later ones it becomes the run's only when the cycle is kept.
    func bestModel(ofCycle cycle: Int) -> FilePath {
        cycle == 0 ? bestModel : "\(path)/cycle-\(cycle).safetensors"
    }

    /// The last checkpoint; nil when the run was stopped before there was one.
    func checkpoint() throws -> Checkpoint? {
        checkpointFile.exists ? try Checkpoint(path: checkpointFile) : nil
    }

    /// Writes down the epoch that has just ended.
    package mutating func save(
        _ trainer: Trainer, cycles: [CycleRecord] = [], ledger: [PseudoLabel] = [], earlier: [EpochRecord] = []
    ) throws {
        record.history = earlier + trainer.history
        if trainer.cycle == 0 { record.bestEpoch = trainer.best?.epoch }
        updateTime()
        let newest = trainer.history[trainer.history.count - 1]
        var model = trainer.model
        model.records = try records(trainer, metrics: newest)
        try model.write(to: lastModel)
        let best = bestModel(ofCycle: trainer.cycle)
        if trainer.best == newest, !AtomicFile.link(lastModel, to: best) { try model.write(to: best) }
        try AtomicFile.write(Self.csv(record.history, watched: trainer.watched), to: "\(path)/history.csv")
        try saveRecord()
        // Last: a run stopped before this repeats the epochs since the checkpoint before, with the same bits. At the
        // end of a cycle there always is one: the next cycle has other weights and other tiles.
        guard trainer.isDone || checkpointIsDue else { return }
        let start = ContinuousClock.now
        try trainer.writeCheckpoint(to: checkpointFile, cycles: cycles, ledger: ledger, earlier: earlier)
        lastCheckpoint = (.now, (ContinuousClock.now - start).seconds)
    }

    private var checkpointIsDue: Bool {
        guard let lastCheckpoint else { return true }
        return (ContinuousClock.now - lastCheckpoint.end).seconds * checkpointShare >= lastCheckpoint.seconds
    }

    /// Writes down what came of a cycle. The trainer has the weights of its best epoch.
    mutating func save(_ trainer: Trainer, _ cycle: CycleRecord, calibration: Calibration?) throws {
        record.cycles = (record.cycles ?? []).filter { $0.cycle < cycle.cycle } + [cycle]
        updateTime()
        let path = bestModel(ofCycle: cycle.cycle)
        if let calibration {
            var model = trainer.model
            model.records = try records(trainer, metrics: trainer.best!)
            model.records[Calibration.key] = try jsonText(calibration)
            try model.write(to: path)
        }
        if cycle.isKept, path != bestModel {
            record.bestEpoch = cycle.bestEpoch
            if !AtomicFile.link(path, to: bestModel) { try Model(path: path).write(to: bestModel) }
        }
        try saveRecord()
    }

    /// Writes down what became of unlabelled tiles.
    func save(_ labels: [PseudoLabel]) throws {
        let header = "cycle,tile,label,confidence,kept,reason\n"
        let text = labels.reduce(into: header) { text, label in
            let isKept = label.verdict == .kept
            text += csvLine([
                "\(label.cycle)", label.filename, label.label.name, String(format: "%.6f", label.confidence),
                isKept ? "yes" : "no", isKept ? "" : label.verdict.rawValue,
            ])
        }
        try AtomicFile.write(text, to: ledger)
    }

    private func records(_ trainer: Trainer, metrics: EpochRecord) throws -> [String: String] {
        [
            "version": record.version,
            "seed": String(trainer.settings.seed),
            "settings": try jsonText(trainer.settings),
            "history": try jsonText(record.history),
            "metrics": try jsonText(metrics),
            SplitRecord.key: try jsonText(trainer.splitRecord),
        ]
    }

    /// Writes down that all is done; what it took to go on goes.
    mutating func finish() throws {
        record.state = .finished
        updateTime()
        try saveRecord()
        removeWhatItTookToGoOn()
    }

    private func removeWhatItTookToGoOn() {
        unlink(checkpointFile.string)
        unlink(initialModel.string)
        for cycle in record.cycles ?? [] where cycle.cycle > 0 { unlink(bestModel(ofCycle: cycle.cycle).string) }
    }

    private mutating func updateTime() {
        record.seconds = earlierSeconds + Date().timeIntervalSince(opened)
    }

    package func saveRecord() throws {
        try AtomicFile.write(jsonText(record, pretty: true) + "\n", to: "\(path)/run.json")
    }

    /// The columns of the watched part have its name.
    private static func csv(_ history: [EpochRecord], watched: EvaluationSplit) -> String {
        let part = ["loss", "accuracy", "weighted_f1"].map { "\(watched.rawValue)_\($0)" }.joined(separator: ",")
        let header = "cycle,epoch,learning_rate,train_loss,train_accuracy,\(part),seconds,tiles_per_second\n"
        return history.reduce(into: header) { text, epoch in
            let numbers = [
                epoch.trainLoss, epoch.trainAccuracy, epoch.watchedLoss, epoch.watchedAccuracy, epoch.watchedF1,
                epoch.seconds, epoch.tilesPerSecond,
            ]
            text += "\(epoch.cycle),\(epoch.epoch),\(epoch.learningRate),"
            text += numbers.map { String(format: "%.6g", $0) }.joined(separator: ",") + "\n"
        }
    }
}

/// JSON with sorted keys; dates as ISO 8601.
package func jsonText(_ value: some Encodable, pretty: Bool = false) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = pretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys]
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
