import BundledModels
import FoundationEssentials
import Foundations
import Glibc
import NeuralNetworks

/// The folder of a run.
///
/// It holds `best.safetensors`, `last.safetensors`, `history.csv`, `run.json`, `pseudo_labels.csv` for pseudo-labeling,
/// `pixel_labels.csv` for that of pixels and, until the run has finished, the files that resuming needs. Each file is
/// replaced as a whole after each epoch. Checkpoints are large, so they are written only as often as a small share of the
/// time allows.
package struct RunFolder {
    package let path: FilePath
    package internal(set) var record: Record
    /// Keeps other processes out of the run.
    private let lock: FolderLock
    /// When this process started or resumed the run.
    private let opened = ContinuousClock.now
    /// Time that earlier processes spent on the run.
    private var earlierSeconds = 0.0
    /// The largest share of the time for checkpoints.
    private let checkpointShare: Double
    /// When the last checkpoint was finished, and how long it took to write.
    private var lastCheckpoint: (end: ContinuousClock.Instant, seconds: Double)?

    /// Makes the folder of a new run. Throws `FileError` unless the folder is new or empty.
    package init(
        path: FilePath, for trainer: Trainer, version: String, command: String, checkpointShare: Double = 0.05
    ) throws(FileError) {
        try Folder.make(path)
        self.path = path
        self.checkpointShare = checkpointShare
        lock = try FolderLock(path)
        if lock.isHeld { AtomicFile.removeLeftovers(in: path) }
        record = Record(
            trainer.settings, set: trainer.set, split: trainer.split,
            parameters: trainer.model.network.parameters.layout.parameterCount, chosenOn: trainer.chosenOn,
            version: version, command: command)
    }

    /// Opens the folder of an unfinished run. `dataset` is the new place of its data set; nil where it has not moved.
    /// Throws `FileError` when there is no run, or it has finished.
    package init(
        resuming path: FilePath, movedTo dataset: FilePath? = nil, checkpointShare: Double = 0.05
    ) throws(FileError) {
        let file = Self.recordFile(path)
        guard FileManager.default.isReadableFile(atPath: file.string) else { throw Self.unreadable(file) }
        // The lock comes first: another process may be finishing the run.
        lock = try FolderLock(path)
        let record = try Self.record(of: path)
        self.path = path
        self.checkpointShare = checkpointShare
        self.record = record
        guard record.state != .finished else {
            // A run that was killed just before its end may have left these files.
            removeResumeFiles()
            throw FileError(file, expected: "an unfinished run", found: "a finished one")
        }
        if let dataset { self.record.dataset = dataset.absolute.string }
        self.record.state = .running
        self.record.execution = Record.ownExecution
        self.record.failure = nil
        earlierSeconds = record.seconds
        if lock.isHeld { AtomicFile.removeLeftovers(in: path) }
    }

    package static func recordFile(_ path: FilePath) -> FilePath { "\(path)/run.json" }

    private static func unreadable(_ file: FilePath) -> FileError {
        FileError(file, .unreadable, "expected the record of a run, found no readable file")
    }

    /// Reads the record of the run in a folder. Throws `FileError` where there is none that is valid.
    package static func record(of path: FilePath) throws(FileError) -> Record {
        let file = recordFile(path)
        guard let data = try? FileBytes.data(file) else { throw unreadable(file) }
        guard let record = try? JSON.decode(Record.self, from: data) else {
            throw FileError(file, expected: "the record of a run of this version", found: "something else")
        }
        try record.check(file)
        return record
    }

    var hasCheckpoint: Bool { checkpointFile.exists }
    private var checkpointFile: FilePath { "\(path)/checkpoint.safetensors" }
    package var bestModel: FilePath { "\(path)/best.safetensors" }
    package var lastModel: FilePath { "\(path)/last.safetensors" }
    /// A copy of the initial model, until the run has finished.
    var initialModel: FilePath { "\(path)/initial.safetensors" }
    /// The copy of a teacher's file, until the run has finished.
    func teacher(_ index: Int) -> FilePath { "\(path)/teacher-\(index + 1).safetensors" }

    /// Copies the teachers that have no copy yet.
    func copyTeachers() throws(FileError) {
        for (index, path) in (record.settings.teachers ?? []).enumerated() where !teacher(index).exists {
            try AtomicFile.write(ModelChoice(FilePath(path)).data, to: teacher(index))
        }
    }

    package var ledger: FilePath { "\(path)/pseudo_labels.csv" }
    package var pixelLedger: FilePath { "\(path)/pixel_labels.csv" }

    /// The best model of a cycle. After cycle 0 it replaces the best model of the run only if the cycle is kept.
    func bestModel(ofCycle cycle: Int) -> FilePath {
        cycle == 0 ? bestModel : "\(path)/cycle-\(cycle).safetensors"
    }

    /// The last checkpoint. Nil when there is none yet.
    func checkpoint() throws -> Checkpoint? {
        hasCheckpoint ? try Checkpoint(path: checkpointFile) : nil
    }

    /// Saves the epoch that has just ended.
    package mutating func save(
        _ trainer: Trainer, cycles: [CycleRecord] = [], ledger: Ledger = Ledger(), earlier: [EpochRecord] = []
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
        try AtomicFile.write(historyTable(record.history, watched: trainer.watched), to: "\(path)/history.csv")
        try saveRecord()
        // The checkpoint comes last: a run killed before this point repeats the epochs since the previous checkpoint,
        // with the same bits. The end of a cycle always has one, because the next cycle has other weights and tiles.
        guard trainer.isDone || checkpointIsDue else { return }
        let start = ContinuousClock.now
        try trainer.writeCheckpoint(to: checkpointFile, cycles: cycles, ledger: ledger, earlier: earlier)
        lastCheckpoint = (.now, start.secondsSince)
    }

    private var checkpointIsDue: Bool {
        guard let lastCheckpoint else { return true }
        return lastCheckpoint.end.secondsSince * checkpointShare >= lastCheckpoint.seconds
    }

    /// Saves the result of a cycle. The trainer must have the weights of its best epoch.
    mutating func save(_ trainer: Trainer, _ cycle: CycleRecord, calibration: Calibration?) throws {
        record.cycles = (record.cycles ?? []).filter { $0.cycle < cycle.cycle } + [cycle]
        updateTime()
        let path = bestModel(ofCycle: cycle.cycle)
        if let calibration {
            var model = trainer.model
            model.records = try records(trainer, metrics: trainer.best!)
            model.records[Calibration.key] = try JSON.text(calibration)
            try model.write(to: path)
        }
        if cycle.isKept, path != bestModel {
            record.bestEpoch = cycle.bestEpoch
            if !AtomicFile.link(path, to: bestModel) { try Model(path: path).write(to: bestModel) }
        }
        try saveRecord()
    }

    /// Saves the decisions of all cycles.
    func save(_ decisions: Ledger) throws {
        let rows = decisions.tiles.map { label in
            let isKept = label.verdict == .kept
            return csvLine([
                "\(label.cycle)", label.filename, label.label.name, String(label.confidence, decimals: 6),
                isKept ? "yes" : "no", isKept ? "" : label.verdict.rawValue,
            ])
        }
        let header = csvLine(["cycle", "tile", "label", "confidence", "kept", "reason"])
        try AtomicFile.write(header + rows.joined(), to: ledger)
        guard !decisions.pixels.isEmpty else { return }
        let pixels = decisions.pixels.map { tile in
            csvLine([
                "\(tile.cycle)", tile.filename, "\(tile.nuclei)", "\(tile.rejected)",
                String(tile.nucleiShare, decimals: 4), String(tile.backgroundShare, decimals: 4),
            ])
        }
        let columns = csvLine(["cycle", "tile", "nuclei", "rejected", "nuclei_share", "background_share"])
        try AtomicFile.write(columns + pixels.joined(), to: pixelLedger)
    }

    private func records(_ trainer: Trainer, metrics: EpochRecord) throws -> [String: String] {
        [
            "version": record.version,
            "seed": String(trainer.settings.seed),
            "settings": try JSON.text(trainer.settings),
            "history": try JSON.text(record.history.map(EpochOutcome.init)),
            "metrics": try JSON.text(EpochOutcome(epoch: metrics)),
            SplitRecord.key: try JSON.text(trainer.splitRecord),
        ]
    }

    /// Marks the run as finished, and removes the files that resuming needs.
    mutating func finish() throws {
        record.state = .finished
        updateTime()
        try saveRecord()
        removeResumeFiles()
    }

    private func removeResumeFiles() {
        unlink(checkpointFile.string)
        unlink(initialModel.string)
        for index in (record.settings.teachers ?? []).indices { unlink(teacher(index).string) }
        for cycle in record.cycles ?? [] where cycle.cycle > 0 { unlink(bestModel(ofCycle: cycle.cycle).string) }
    }

    private mutating func updateTime() {
        record.seconds = earlierSeconds + opened.secondsSince
    }

    package func saveRecord() throws {
        try AtomicFile.write(JSON.text(record, pretty: true) + "\n", to: "\(path)/run.json")
    }
}

/// The content of `history.csv`. The columns of the watched part carry its name; the one of Dice exists only if an
/// epoch has it.
private func historyTable(_ history: [EpochRecord], watched: EvaluationSplit) -> String {
    let hasDice = history.contains { $0.watchedDice != nil }
    let header =
        ["cycle", "epoch", "learning_rate", "train_loss", "train_accuracy"]
        + (["loss", "accuracy", "weighted_f1"] + (hasDice ? ["dice"] : [])).map { "\(watched.rawValue)_\($0)" }
        + ["seconds", "tiles_per_second"]
    let rows = history.map { epoch in
        let numbers = [
            epoch.trainLoss, epoch.trainAccuracy, epoch.watchedLoss, epoch.watchedAccuracy, epoch.watchedF1,
        ]
        let parts = [numbers, hasDice ? [epoch.watchedDice ?? .nan] : [], [epoch.seconds, epoch.tilesPerSecond]]
        return ["\(epoch.cycle)", "\(epoch.epoch)", "\(epoch.learningRate)"]
            + parts.joined().map { String($0, significantDigits: 6) }
    }
    return ([header] + rows).map { csvLine($0) }.joined()
}
