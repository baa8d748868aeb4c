import BundledModels
import Datasets
import Foundations
import NeuralNetworks

/// Progress of a training run.
package enum TrainingEvent {
    /// A batch of an epoch: tiles done so far, with their mean loss and accuracy.
    case batch(epoch: Int, done: Int, of: Int, loss: Double, accuracy: Double)
    /// The end of an epoch.
    case epoch(EpochRecord, isBest: Bool)
    /// Progress of prediction, in tiles.
    case prediction(done: Int, of: Int)
    /// The end of a cycle.
    case cycle(CycleRecord)
    /// Decisions on unlabeled tiles for the next cycle.
    case labels([PseudoLabel])
    /// Labels of the pixels of tiles without outlines for the next cycle.
    case pixelLabels([PixelLabelRecord])
}

/// A run from its first epoch to its test scores. Its folder is updated after every epoch, so that the run can be stopped
/// at any point and resumed.
package struct TrainingRun {
    package private(set) var trainer: Trainer
    package private(set) var folder: RunFolder
    /// Finished cycles.
    package private(set) var cycles = [CycleRecord]()
    /// Decisions of all cycles.
    package private(set) var ledger = Ledger()
    /// What the initial model does not say, in a run that has just started.
    package private(set) var notes = [String]()
    /// Epochs of the finished cycles.
    private var earlier = [EpochRecord]()

    /// Starts a run in a new or empty folder. Throws `FileError` when the initial model or a teacher does not fit, or when
    /// pseudo-labeling finds nothing to label.
    package init(
        _ settings: TrainingSettings, set: TileSet, split: Split, path: FilePath, version: String, command: String,
        checkpointShare: Double = 0.05
    ) throws {
        let labelsPixels = settings.architecture.outlinesNuclei && split.train.contains { set.tiles[$0].truth == .any }
        if settings.pseudoLabeling != nil, split.unlabeled.isEmpty, !labelsPixels {
            throw FileError(
                set.path, expected: "unlabeled tiles outside the held-out groups, for pseudo-labels", found: "none")
        }
        var notes = [String]()
        let initial = try settings.initialModel.map { try Self.initialModel(FilePath($0), settings, &notes) }
        self.notes = notes
        let teachers = try (settings.teachers ?? []).map { try settings.teacher(FilePath($0)) }
        for (path, teacher) in zip(settings.teachers ?? [], teachers)
        where (try? SplitRecord(teacher.model, path: "")) == nil {
            self.notes.append("\(path) does not record its training tiles: scores may be optimistic")
        }
        trainer = try Trainer(
            settings, set: set, split: split, initial: initial, teachers: teachers.map(\.model))
        folder = try RunFolder(
            path: path, for: trainer, version: version, command: command, checkpointShare: checkpointShare)
        if !teachers.isEmpty { folder.record.teacherDigests = teachers.map(\.sha256) }
        try folder.saveRecord()
        // Every cycle starts from this copy, also after the run is resumed.
        try initial?.write(to: folder.initialModel)
        try folder.copyTeachers()
    }

    /// Resumes a run from its last checkpoint. The folder's record has the data set and the settings of `set` and
    /// `split`. Throws `FileError` when they do not match the checkpoint.
    package init(resuming folder: RunFolder, set: TileSet, split: Split) throws {
        let settings = folder.record.settings
        guard folder.record.digest.map({ $0 == set.digest }) ?? true else {
            throw Checkpoint.otherTiles(set)
        }
        var unused = [String]()
        let initial = try settings.initialModel.map { given in
            // A run that was killed before it had its copy has no checkpoint either.
            let isCopied = folder.initialModel.exists || folder.hasCheckpoint
            return try Self.initialModel(isCopied ? folder.initialModel : FilePath(given), settings, &unused)
        }
        if !folder.initialModel.exists { try initial?.write(to: folder.initialModel) }
        try folder.copyTeachers()
        let teachers = try (settings.teachers ?? []).indices.map { index in
            let teacher = try settings.teacher(folder.teacher(index))
            if let digest = folder.record.teacherDigests?[index], digest != teacher.sha256 {
                throw FileError(
                    folder.teacher(index), expected: "the teacher that the run was started with", found: "another file")
            }
            return teacher.model
        }
        trainer = try Trainer(settings, set: set, split: split, initial: initial, teachers: teachers)
        self.folder = folder
        if let checkpoint = try folder.checkpoint() {
            ledger = checkpoint.state.decisions
            if !ledger.tiles.isEmpty || !ledger.pixels.isEmpty { try folder.save(ledger) }
            let kept = ledger.decisions(of: checkpoint.state.cycle).tiles.filter { $0.verdict == .kept }
            guard trainer.accepted(kept).count == kept.count else { throw Checkpoint.otherTiles(set) }
            try trainer.restore(checkpoint) { [trainer, ledger] decisions in
                guard !decisions.pixels.isEmpty else { return [:] }
                let teacher = checkpoint.state.cycle - 1
                return try trainer.pixelLabels(
                    by: Model(path: folder.bestModel(ofCycle: teacher)),
                    knowsOutlines: Self.hasLearnedOutlines(teacher, trainer, ledger), decisions.tiles
                ) { _ in }
            }
            cycles = checkpoint.state.cycles
            earlier = checkpoint.state.history.filter { $0.cycle < checkpoint.state.cycle }
        }
        // Epochs after the last checkpoint are repeated.
        self.folder.record.history = earlier + trainer.history
        try self.folder.saveRecord()
    }

    /// A model with the weights of a bundled model or in a file, which is a model file or has only tensors. A head for
    /// other classes is replaced by random weights.
    private static func initialModel(
        _ path: FilePath, _ settings: TrainingSettings, _ notes: inout [String]
    ) throws -> Model {
        let file = try ModelChoice(path).open()
        // Only files without a format and a model are tensors alone.
        let isModel = file.metadata["format"]?.hasPrefix("nuclei-model") ?? false || file.metadata["model"] != nil
        let stored = isModel ? try Model(file) : nil
        let architecture = settings.architecture
        if let found = stored?.description.architecture, found != architecture {
            throw FileError(path, expected: "a \(architecture.rawValue) model", found: "a \(found.rawValue) model")
        }
        if stored == nil {
            notes.append("\(path) has no channel statistics: tiles are normalized by those of ImageNet")
        }
        // A copy in memory, because later cycles need it even if the file changes.
        let model = try Model(
            ModelDescription(
                architecture: architecture, tileSize: architecture.tileSize, classes: TileLabel.names,
                statistics: stored?.description.statistics ?? .imageNet),
            records: stored?.records ?? [:])
        try model.network.initialize(seed: settings.seed)
        let hasOtherClasses = stored.map { $0.description.classes != TileLabel.names } ?? false
        if try !model.network.load(pretrained: file, keepsHead: hasOtherClasses) {
            notes.append(
                "\(path) has no head for \(TileLabel.names.joined(separator: ", ")): "
                    + "\(model.network.plan.headName) starts with random weights")
        }
        return model
    }

    /// Trains all remaining epochs and scores the best and the last model.
    ///
    /// `onEvent` may throw to stop the run between two steps. `beforeFinishing` runs with the best weights in the trainer,
    /// before the run is marked as finished, so the files it writes exist for every finished run. On any error, the
    /// record of the folder says whether the run was interrupted or failed.
    package mutating func run(
        isInterruption: (any Error) -> Bool, onEvent: (TrainingEvent) throws -> Void,
        beforeFinishing: (TrainingRun) throws -> Void = { _ in }
    ) throws {
        do {
            repeat {
                while !trainer.isDone {
                    try trainer.trainEpoch(onEvent: onEvent)
                    try folder.save(trainer, cycles: cycles, ledger: ledger, earlier: earlier)
                }
            } while try endCycle(onEvent)
            try restoreFitted(folder.lastModel, onEvent)
            try saveFitted(folder.lastModel, .identity, onEvent)
            folder.record.lastTest = try score(folder.lastModel, onEvent)
            folder.record.bestTest = try score(folder.bestModel, onEvent)
            try beforeFinishing(self)
            try folder.finish()
        } catch {
            folder.record.state = isInterruption(error) ? .interrupted : .failed
            folder.record.failure = isInterruption(error) ? nil : "\(error)"
            // An error here must not hide the first one.
            try? folder.saveRecord()
            throw error
        }
    }

    /// Loads a model of the run, and fits how the score of a tile follows from its pixels.
    private mutating func restoreFitted(_ path: FilePath, _ onEvent: (TrainingEvent) throws -> Void) throws {
        try trainer.restore(from: path)
        try trainer.fitTileScore(onEvent: onEvent)
    }

    /// Records in the file of the restored model what was fitted, and what it needs for fixed point.
    private mutating func saveFitted(
        _ path: FilePath, _ scaling: TemperatureScaling, _ onEvent: (TrainingEvent) throws -> Void
    ) throws {
        try trainer.fitFixedPoint(scaling, onEvent: onEvent)
        var model = trainer.model
        model.records = try Model(path: path).records
        try model.write(to: path)
    }

    private mutating func score(_ path: FilePath, _ onEvent: (TrainingEvent) throws -> Void) throws -> Score {
        try trainer.restore(from: path)
        return try Evaluation.score(trainer.predict(trainer.split.test, onEvent: onEvent))
    }

    /// Ends a cycle whose epochs are done, and starts the next one. Returns false when it was the last.
    ///
    /// The result depends only on the checkpoint and the cycle's best model, so a run stopped here repeats this step.
    private mutating func endCycle(_ onEvent: (TrainingEvent) throws -> Void) throws -> Bool {
        let path = folder.bestModel(ofCycle: trainer.cycle)
        try restoreFitted(path, onEvent)
        let calibration = try calibrate(onEvent)
        try saveFitted(path, calibration?.scaling ?? .identity, onEvent)
        let logits = try trainer.predict(trainer.watchedTiles, onEvent: onEvent)
        let losses = logits.probabilities(calibration?.scaling ?? .identity).losses
        let loss = losses.reduce(0, +) / Double(losses.count)
        let pixels = try trainer.pixelScore(of: trainer.watchedTiles)
        let pixelLoss = pixels?.dice == nil ? nil : pixels?.loss
        let isKept = cycles.last { $0.isKept }.map { isBetter(loss, losses, pixelLoss, than: $0) } ?? true
        let accepted = ledger.decisions(of: trainer.cycle).tiles.filter { $0.verdict == .kept }
        let cycle = CycleRecord(
            cycle: trainer.cycle,
            accepted: Dictionary(
                uniqueKeysWithValues: TileLabel.allCases.map { label in
                    (label.name, accepted.count { $0.label == label })
                }),
            epochs: trainer.history.count, bestEpoch: trainer.best!.epoch, watched: try Evaluation.score(logits),
            calibratedLoss: loss, pixelLoss: pixelLoss,
            temperature: calibration?.temperature ?? 1, isKept: isKept)
        cycles.append(cycle)
        try folder.save(trainer, cycle, calibration: calibration)
        if trainer.settings.pseudoLabeling != nil { try onEvent(.cycle(cycle)) }
        guard isKept, let settings = trainer.settings.pseudoLabeling, trainer.cycle < settings.cycles,
            !trainer.split.validation.isEmpty
        else { return false }
        // Without a calibration, probabilities say little about tiles.
        let labels = try calibration.map { try pseudoLabels(settings, $0.scaling, onEvent) } ?? []
        let pixelLabels = try trainer.pixelLabels(
            by: trainer.model, knowsOutlines: hasLearnedOutlines(trainer.cycle), labels, onEvent: onEvent)
        let records = trainer.records(pixelLabels, cycle: cycle.cycle + 1)
        ledger.tiles += labels
        ledger.pixels += records
        try folder.save(ledger)
        if !labels.isEmpty { try onEvent(.labels(labels)) }
        if !records.isEmpty { try onEvent(.pixelLabels(records)) }
        guard labels.contains(where: { $0.verdict == .kept }) || records.contains(where: { $0.nuclei > 0 }) else {
            return false
        }
        earlier += trainer.history
        try trainer.start(cycle: cycle.cycle + 1, pseudoLabels: labels, pixelLabels: pixelLabels)
        return true
    }

    /// Whether a cycle improves on an earlier one, by its losses on the watched tiles and their mean.
    private func isBetter(_ loss: Double, _ losses: [Double], _ pixelLoss: Double?, than earlier: CycleRecord) -> Bool {
        if let pixelLoss, let earlierLoss = earlier.pixelLoss { return pixelLoss < earlierLoss }
        guard trainer.settings.architecture.outlinesNuclei else { return loss < earlier.calibratedLoss }
        if hasLearnedOutlines(trainer.cycle), !hasLearnedOutlines(earlier.cycle) { return true }
        // Labels of tiles do not tell whether outlines are better, only whether tiles are judged worse.
        let variance = losses.reduce(0) { $0 + ($1 - loss) * ($1 - loss) } / Double(max(1, losses.count - 1))
        return loss < earlier.calibratedLoss + (variance / Double(losses.count)).squareRoot()
    }

    /// Whether the network of a cycle has learned outlines, given ones or pixel labels.
    private func hasLearnedOutlines(_ cycle: Int) -> Bool { Self.hasLearnedOutlines(cycle, trainer, ledger) }

    private static func hasLearnedOutlines(_ cycle: Int, _ trainer: Trainer, _ ledger: Ledger) -> Bool {
        trainer.split.train.contains { trainer.set.tiles[$0].hasOutlinedNuclei }
            || ledger.decisions(of: cycle).pixels.contains { $0.nuclei > 0 }
    }

    /// Fits a temperature on the validation tiles; nil where that is not possible.
    private func calibrate(_ onEvent: (TrainingEvent) throws -> Void) throws -> Calibration? {
        guard trainer.split.allowsCalibration(on: trainer.set) else { return nil }
        let logits = try trainer.predict(trainer.split.validation, onEvent: onEvent)
        return Calibration(
            logits.fitTemperature(), fittedOn: EvaluationSplit.validation.rawValue, tiles: logits.targets.count)
    }

    private func pseudoLabels(
        _ settings: PseudoLabeling, _ scaling: TemperatureScaling, _ onEvent: (TrainingEvent) throws -> Void
    ) throws -> [PseudoLabel] {
        let tiles = trainer.split.unlabeled
        if tiles.isEmpty { return [] }
        let classes = TileLabel.allCases.count
        let probabilities = scaling.probabilities(try trainer.logits(of: tiles, onEvent: onEvent), classes: classes)
        return settings.select(
            cycle: trainer.cycle + 1, tiles: tiles.map { trainer.set.tiles[$0] },
            probabilities: tiles.indices.map { Array(probabilities[$0 * classes..<($0 + 1) * classes]) },
            given: trainer.set.counts(of: trainer.split.train))
    }
}
