import Datasets
import Foundations
import Training

/// The report on a finished training run.
package struct RunReport {
    let record: RunFolder.Record
    let ledger: Ledger
    let set: TileSet
    let split: Split
    /// Probabilities of the test tiles, with the temperature of the kept cycle if the run has validation tiles.
    let probabilities: LabeledProbabilities
    let estimates: MetricEstimates
    /// Estimates before calibration. Nil without calibration.
    let uncalibratedEstimates: MetricEstimates?
    /// A warning about the initial model. Nil without one.
    let warning: String?
    /// A folder in which pictures are encoded.
    let scratch: FilePath

    /// The report on a run whose trainer has the weights of the best model. Predicts the test tiles.
    package init(_ run: TrainingRun) throws {
        self.init(
            run.folder.record, ledger: run.ledger, set: run.trainer.set, split: run.trainer.split,
            logits: try run.trainer.predict(run.trainer.split.test), warning: run.trainer.leakWarning,
            scratch: run.folder.path)
    }

    /// The report on a run with its outputs for the test tiles.
    package init(
        _ record: RunFolder.Record, ledger: Ledger = Ledger(), set: TileSet, split: Split, logits: LabeledLogits,
        warning: String? = nil, scratch: FilePath
    ) {
        self.record = record
        self.ledger = ledger
        self.set = set
        self.split = split
        self.warning = warning
        self.scratch = scratch
        let groups = split.test.map { set.tiles[$0].group }
        let plain = logits.probabilities(.identity)
        if !split.allowsCalibration(on: set) {
            probabilities = plain
            uncalibratedEstimates = nil
        } else {
            probabilities = logits.probabilities(Self.keptCycle(record)?.scaling ?? .identity)
            uncalibratedEstimates = MetricEstimates(plain, groups: groups)
        }
        estimates = MetricEstimates(probabilities, groups: groups)
    }

    private static func keptCycle(_ record: RunFolder.Record) -> CycleRecord? { record.cycles?.last { $0.isKept } }

    /// The cycle whose model is that of the run.
    var keptCycle: CycleRecord? { Self.keptCycle(record) }
    var isCalibrated: Bool { uncalibratedEstimates != nil }
    /// The name of the part that was scored after each epoch.
    var watched: String { (split.validation.isEmpty ? EvaluationSplit.test : .validation).rawValue }
    /// Whether test tiles have groups, which the bootstrap resamples.
    var hasGroups: Bool { testGroups.contains { $0 != nil } }
    var testGroups: [String?] { split.test.map { set.tiles[$0].group } }
    var confusion: ConfusionMatrix {
        ConfusionMatrix(
            truth: probabilities.targets, predictions: probabilities.predictions, classes: probabilities.classes)
    }
}
