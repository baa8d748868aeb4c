import Console
import Datasets
import Foundation
import Reports
import Training

extension RunReport {
    private static let pictured = 24

    /// The report on a run that has finished; its trainer has the weights of the best model.
    init(_ run: TrainingRun) throws {
        self.init()
        let (trainer, record) = (run.trainer, run.folder.record)
        let tiles = trainer.split.test
        let set = trainer.set
        let logits = try trainer.predict(tiles)
        let groupNames = tiles.map { set.tiles[$0].group }
        let plain = logits.probabilities(TemperatureScaling(temperature: 1))
        let kept = run.cycles.last { $0.isKept }
        let isCalibrated = trainer.watched == .validation
        let temperature = kept?.temperature ?? 1
        let best = isCalibrated ? logits.probabilities(TemperatureScaling(temperature: temperature)) : plain
        let assessment = Assessment(best, groups: groupNames)
        let before = isCalibrated ? Assessment(plain, groups: groupNames) : assessment

        title = "Training of \(trainer.settings.architecture.rawValue), \(trainer.settings.strategy.rawValue)"
        let date = record.started.formatted(.iso8601.year().month().day())
        subtitle =
            "\(URL(fileURLWithPath: record.dataset).lastPathComponent), \(date), nuclei \(record.version), "
            + Console.Progress.clock(record.seconds) + " on \(record.threads) threads"
        headline = Self.headline(assessment)
        remarks = Self.remarks(run, tiles: tiles.count, isCalibrated: isCalibrated, temperature: temperature)
        scores = Self.scoreTable(assessment, before: isCalibrated ? before : nil, hasGroups: set.hasGroups)
        classes = TileLabel.names
        confusion =
            ConfusionMatrix(
                truth: best.targets, predictions: best.predictions, classes: classes.count
            ).counts
        let nuclei = TileLabel.nuclei.rawValue
        let positives = best.targets.map { $0 == nuclei }
        if let curve = ROCCurve(scores: best.logOdds(of: nuclei), positives: positives)?.thinned(),
            let area = areaUnderROC(scores: best.logOdds(of: nuclei), positives: positives)
        {
            roc = (curve.points.map { .init($0.falsePositiveRate, $0.truePositiveRate) }, area)
        }
        if let curve = PrecisionRecallCurve(scores: best.logOdds(of: nuclei), positives: positives)?.thinned() {
            precisionRecall = (curve.points.map { .init($0.recall, $0.precision) }, curve.averagePrecision)
        }
        reliability = Self.diagrams(before.reliability, isCalibrated ? assessment.reliability : nil)
        (mistakes, mistakeCount) = try Self.mistakes(best, tiles, set)
        if set.hasGroups { groups = Self.groupTable(best, groupNames) }
        data = Self.dataTable(trainer)
        settings = Self.settings(trainer.settings)
        command = record.command
        watched = trainer.watched.rawValue
        bestEpoch = record.bestEpoch
        epochs = record.history.filter { $0.cycle == kept?.cycle ?? 0 }.map { epoch in
            Epoch(
                number: epoch.epoch, trainLoss: epoch.trainLoss, trainAccuracy: epoch.trainAccuracy,
                watchedLoss: epoch.watchedLoss, watchedAccuracy: epoch.watchedAccuracy, watchedF1: epoch.watchedF1,
                learningRate: Double(epoch.learningRate))
        }
        if trainer.settings.pseudoLabelling != nil { cycles = run.cycles.map { Self.cycle($0, run.ledger) } }
    }

    private static func headline(_ assessment: Assessment) -> [(value: String, name: String)] {
        [
            (Figure.accuracy, "test accuracy"), (.f1, "weighted F1"), (.rocAUC, "ROC-AUC"),
            (.calibrationError, "calibration error"),
        ]
        .compactMap { figure, name in
            assessment[figure].map { (String(format: "%.3f", $0.value), name) }
        }
    }

    private static func remarks(
        _ run: TrainingRun, tiles: Int, isCalibrated: Bool, temperature: Double
    ) -> [String] {
        let warning = run.trainer.initialModelWarning
        let unseen = warning == nil ? " that training has not seen" : ""
        var remarks = ["Scored on \(tiles) test tiles\(unseen), with the model that the run kept."]
        if run.trainer.chosenOn == .test {
            remarks.append(
                "The test chose the best epoch, so its score flatters the model; --validation gives a fair one.")
        }
        remarks.append(
            isCalibrated
                ? String(
                    format: "Probabilities are calibrated with temperature %.3f, fitted on the validation tiles.",
                    temperature)
                : "Probabilities are not calibrated: there were no validation tiles to do it on.")
        if let warning { remarks.append(warning) }
        return remarks
    }

    private static func scoreTable(_ assessment: Assessment, before: Assessment?, hasGroups: Bool) -> Page.Table {
        let names: [(Figure, String)] = [
            (.accuracy, "accuracy"), (.precision, "weighted precision"), (.recall, "weighted recall"),
            (.f1, "weighted F1"), (.mcc, "MCC"), (.rocAUC, "ROC-AUC"), (.loss, "loss"),
            (.calibrationError, "calibration error"),
        ]
        func row(_ name: String, _ estimate: Assessment.Estimate?) -> [String] {
            [
                name, estimate.map { String(format: "%.4f", $0.value) } ?? "-",
                estimate?.interval.map { String(format: "%.4f to %.4f", $0.low, $0.high) } ?? "-",
            ]
        }
        var rows = names.map { row($0.1, assessment[$0.0]) }
        if let before {
            rows.append(row("loss before calibration", before[.loss]))
            rows.append(row("calibration error before", before[.calibrationError]))
        }
        return Page.Table(
            "Scores; intervals hold 95 % of 2000 resamples of \(assessment.resampledGroups) \(hasGroups ? "groups" : "tiles")",
            ["", "value", "95 % interval"], rows)
    }

    private static func diagrams(_ plain: Training.Reliability, _ calibrated: Training.Reliability?) -> [Reliability] {
        let both =
            calibrated.map { [("before calibration", plain), ("calibrated", $0)] } ?? [("not calibrated", plain)]
        return both.map { name, reliability in
            Reliability(
                name, bins: reliability.bins.filter { $0.count > 0 }.map { .init($0.confidence, $0.accuracy) },
                counts: reliability.bins.map(\.count).filter { $0 > 0 },
                error: reliability.expectedCalibrationError ?? 0)
        }
    }

    private static func mistakes(
        _ tiles: LabelledProbabilities, _ indices: [Int], _ set: TileSet
    ) throws -> ([Page.Picture], Int) {
        let (predictions, confidences) = (tiles.predictions, tiles.confidences)
        let wrong = indices.indices.filter { predictions[$0] != tiles.targets[$0] }
            .sorted { (confidences[$0], $1) > (confidences[$1], $0) }
        let pictures = try wrong.prefix(pictured).map { place in
            let tile = set.tiles[indices[place]]
            let taken = String(format: "taken for %@, %.3f", TileLabel.names[predictions[place]], confidences[place])
            return try set.picture(
                of: indices[place],
                [tile.filename, "truly \(TileLabel.names[tiles.targets[place]])", taken, tile.group ?? ""]
                    .filter { !$0.isEmpty })
        }
        return (pictures, wrong.count)
    }

    private static func groupTable(_ tiles: LabelledProbabilities, _ groups: [String?]) -> Page.Table {
        let largest = 100
        let scores = GroupScore.all(of: tiles, groups: groups, names: TileLabel.names)
        let rows = scores.prefix(largest).map { score in
            [score.group ?? "(no group)", "\(score.tiles)", String(format: "%.3f", score.accuracy)]
                + TileLabel.names.flatMap { name in
                    ["\(score.counts[name] ?? 0)", score.recall[name].map { String(format: "%.3f", $0) } ?? "-"]
                } + [String(format: "%.3f", score.loss)]
        }
        let more = scores.count > largest ? " (\(largest) of \(scores.count))" : ""
        return Page.Table(
            "Test tiles by group, the worst first\(more)",
            ["group", "tiles", "accuracy"] + TileLabel.names.flatMap { [$0, "found"] } + ["loss"], rows)
    }

    private static func dataTable(_ trainer: Trainer) -> Page.Table {
        let split = trainer.split
        let parts = [("training", split.train), ("validation", split.validation), ("test", split.test)]
        var rows = parts.filter { !$0.1.isEmpty }.map { name, part in
            [name] + trainer.set.counts(of: part).map(String.init)
                + ["\(Set(part.compactMap { trainer.set.tiles[$0].group }).count)"]
        }
        rows.append(
            [
                "unlabelled", "\(split.unlabeled.count)", "",
                "\(Set(split.unlabeled.compactMap { trainer.set.tiles[$0].group }).count)",
            ])
        return Page.Table("Tiles; no group is in two parts", ["part"] + TileLabel.names + ["groups"], rows)
    }

    /// The settings as `run.json` has them, one line each.
    private static func settings(_ settings: TrainingSettings) -> [[String]] {
        func lines(_ value: Any, _ name: String) -> [[String]] {
            if let object = value as? [String: Any] {
                return object.keys.sorted().flatMap { lines(object[$0]!, name.isEmpty ? $0 : "\(name).\($0)") }
            }
            if let list = value as? [Any] { return [[name, list.map { "\($0)" }.joined(separator: ", ")]] }
            return [[name, "\(value)"]]
        }
        let object = (try? jsonText(settings)).flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) }
        return object.map { lines($0, "") } ?? []
    }

    private static func cycle(_ cycle: CycleRecord, _ ledger: [PseudoLabel]) -> Cycle {
        let labels = ledger.filter { $0.cycle == cycle.cycle }
        let counts = TileLabel.names.reversed().map { "\(cycle.accepted[$0] ?? 0) \($0)" }.joined(separator: ", ")
        return Cycle(
            name: "\(cycle.cycle)", accepted: cycle.cycle == 0 ? "none" : "\(counts) of \(labels.count) tiles",
            acceptedByClass: TileLabel.names.reversed().map { ($0, cycle.accepted[$0] ?? 0) },
            rejectedByReason: [PseudoLabel.Verdict.unsure, .classIsFull].map { verdict in
                (verdict.rawValue, labels.count { $0.verdict == verdict })
            },
            accuracy: cycle.watched.accuracy, f1: cycle.watched.weighted.f1, loss: cycle.calibratedLoss,
            outcome: cycle.isKept ? "kept" : "rolled back: worse than before")
    }
}
