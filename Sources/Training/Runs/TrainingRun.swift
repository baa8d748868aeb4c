import Datasets
import Foundations
import Foundation
import NeuralNetworks

/// What a training run tells its caller as it goes.
package enum TrainingEvent {
    /// Within an epoch: tiles done so far, and loss and accuracy over them.
    case batch(epoch: Int, done: Int, of: Int, loss: Double, accuracy: Double)
    case epoch(EpochRecord, isBest: Bool)
    /// Tiles are being predicted: so many are done.
    case prediction(done: Int, of: Int)
    /// A cycle has ended.
    case cycle(CycleRecord)
    /// Unlabelled tiles have been decided on, for the cycle that follows.
    case labels([PseudoLabel])
}

/// A run from its first epoch to its scores on the test, written down in its folder as it goes, so that it may be
/// stopped anywhere and taken up again.
package struct TrainingRun {
    package private(set) var trainer: Trainer
    package private(set) var folder: RunFolder
    /// Cycles that have ended.
    package private(set) var cycles = [CycleRecord]()
    /// What became of unlabelled tiles, cycle by cycle.
    package private(set) var ledger = [PseudoLabel]()
    /// Epochs of the cycles that have ended.
    private var earlier = [EpochRecord]()

    /// Starts a run in a folder that is new or empty. Throws `FileError` when the initial model does not fit.
    package init(
        _ settings: TrainingSettings, set: TileSet, split: Split, path: FilePath, version: String, command: String,
        checkpointShare: Double = 0.05
    ) throws {
        if settings.pseudoLabelling != nil, split.unlabeled.isEmpty {
            throw FileError(
                set.path, expected: "unlabelled tiles that are of no group held out, for pseudo-labels", found: "none")
        }
        let initial = try settings.initialModel.map { try Self.initialModel(FilePath($0), settings) }
        trainer = try Trainer(settings, set: set, split: split, initial: initial)
        folder = try RunFolder(
            path: path, for: trainer, version: version, command: command, checkpointShare: checkpointShare)
        // A copy: each cycle starts from it, also when the run is taken up later.
        try initial?.write(to: folder.initialModel)
        try folder.saveRecord()
    }

    /// Takes up a run that was stopped, at its last checkpoint. The folder's record says what tiles and
    /// settings it needs.
    package init(resuming folder: RunFolder, set: TileSet, split: Split) throws {
        let settings = folder.record.settings
        let initial = try settings.initialModel.map { _ in try Self.initialModel(folder.initialModel, settings) }
        trainer = try Trainer(settings, set: set, split: split, initial: initial)
        self.folder = folder
        if let checkpoint = try folder.checkpoint() {
            try trainer.restore(checkpoint)
            cycles = checkpoint.state.cycles
            ledger = checkpoint.state.ledger
            earlier = checkpoint.state.history.filter { $0.cycle < checkpoint.state.cycle }
        }
        try self.folder.saveRecord()
    }

    private static func initialModel(_ path: FilePath, _ settings: TrainingSettings) throws -> Model {
        let mapped = try Model(path: path)
        try Evaluation.requireFit(mapped, path: path)
        let description = mapped.description
        guard description.architecture == settings.architecture, description.classes == TileLabel.names else {
            throw FileError(
                path,
                expected: "a \(settings.architecture.rawValue) model of \(TileLabel.names.joined(separator: ", "))",
                found: "\(description.architecture.rawValue) of \(description.classes.joined(separator: ", "))")
        }
        // A copy: cycles that start from it hours later must not depend on what has become of the file.
        let model = try Model(description, records: mapped.records)
        model.network.copyState(of: mapped.network)
        return model
    }

    /// Trains what is left to train. `report` may throw to stop the run between two steps. `conclude` is called when
    /// all is trained and scored, with the best weights in the trainer, and before the run counts as finished: what
    /// it writes is there when the run is. Whatever the error, the folder then says how the run ended.
    package mutating func run(
        isStop: (any Error) -> Bool, report: (TrainingEvent) throws -> Void,
        conclude: (TrainingRun) throws -> Void = { _ in }
    ) throws {
        do {
            repeat {
                while !trainer.isDone {
                    try trainer.trainEpoch(report: report)
                    try folder.save(trainer, cycles: cycles, ledger: ledger, earlier: earlier)
                }
            } while try endCycle(report: report)
            folder.record.lastTest = try score(folder.lastModel, report)
            folder.record.bestTest = try score(folder.bestModel, report)
            try conclude(self)
            try folder.finish()
        } catch {
            folder.record.state = isStop(error) ? .interrupted : .failed
            folder.record.failure = isStop(error) ? nil : "\(error)"
            // The first error is the one to tell.
            try? folder.saveRecord()
            throw error
        }
    }

    private func score(_ path: FilePath, _ report: (TrainingEvent) throws -> Void) throws -> Score {
        try trainer.restore(from: path)
        return try Evaluation.score(trainer.predict(trainer.split.test, report: report))
    }

    /// Decides what comes of the cycle whose epochs are done, and starts the next one; false when there is none.
    /// All of it is a function of what the checkpoint and the cycle's best model hold, so a run that is stopped here
    /// does it again.
    private mutating func endCycle(report: (TrainingEvent) throws -> Void) throws -> Bool {
        let path = folder.bestModel(ofCycle: trainer.cycle)
        try trainer.restore(from: path)
        let calibration = trainer.split.validation.isEmpty ? nil : try calibrate(report)
        let logits = try trainer.predict(trainer.watchedTiles, report: report)
        let losses = logits.probabilities(calibration?.scaling ?? TemperatureScaling(temperature: 1)).losses
        let loss = losses.reduce(0, +) / Double(losses.count)
        let isKept = cycles.last { $0.isKept }.map { loss < $0.calibratedLoss } ?? true
        let accepted = ledger.filter { $0.cycle == trainer.cycle && $0.verdict == .kept }
        let cycle = CycleRecord(
            cycle: trainer.cycle,
            accepted: Dictionary(
                uniqueKeysWithValues: TileLabel.allCases.map { label in
                    (label.name, accepted.count { $0.label == label })
                }),
            epochs: trainer.history.count, bestEpoch: trainer.best!.epoch, watched: try Evaluation.score(logits),
            calibratedLoss: loss,
            temperature: calibration?.temperature ?? 1, isKept: isKept)
        cycles.append(cycle)
        try folder.save(trainer, cycle, calibration: calibration)
        if trainer.settings.pseudoLabelling != nil { try report(.cycle(cycle)) }
        guard isKept, let settings = trainer.settings.pseudoLabelling, trainer.cycle < settings.cycles,
            let calibration
        else { return false }
        let labels = try pseudoLabels(settings, calibration.scaling, report)
        ledger += labels
        try folder.save(ledger)
        try report(.labels(labels))
        guard labels.contains(where: { $0.verdict == .kept }) else { return false }
        earlier += trainer.history
        try trainer.start(cycle: cycle.cycle + 1, pseudoLabels: labels)
        return true
    }

    /// Fits a temperature on the validation tiles.
    private func calibrate(_ report: (TrainingEvent) throws -> Void) throws -> Calibration {
        let logits = try trainer.predict(trainer.split.validation, report: report)
        return Calibration(logits.fitTemperature(), fittedOn: .validation, tiles: logits.targets.count)
    }

    private func pseudoLabels(
        _ settings: PseudoLabelling, _ scaling: TemperatureScaling, _ report: (TrainingEvent) throws -> Void
    ) throws -> [PseudoLabel] {
        let tiles = trainer.split.unlabeled
        let classes = TileLabel.allCases.count
        let probabilities = scaling.probabilities(try trainer.logits(of: tiles, report: report), classes: classes)
        return settings.select(
            cycle: trainer.cycle + 1, tiles: tiles.map { trainer.set.tiles[$0] },
            probabilities: tiles.indices.map { Array(probabilities[$0 * classes..<($0 + 1) * classes]) },
            given: trainer.set.counts(of: trainer.split.train))
    }
}
