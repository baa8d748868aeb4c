import Console
import Datasets
import Foundation
import NeuralNetworks
import Training

/// What `nuclei-train evaluate` prints, as JSON or as tables.
struct EvaluationReport: Encodable {
    /// Up to so many groups are always listed.
    static let fewGroups = 12
    /// Intervals from fewer groups are too narrow more often than they say.
    private static let manyGroups = 10

    struct Member: Encodable {
        let path: String
        let chosenOn: EvaluationSplit?
        /// How many tiles training had in the split; nil for unseen ones.
        let tilesInTraining: Int?
        let calibration: Calibration?
    }

    /// nil for several models.
    let model: String?
    let members: [Member]
    let dataset: String
    let split: EvaluationSplit
    /// What chose the model's epoch; of several models, the split if that of any.
    let chosenOn: EvaluationSplit?
    let tiles: Int
    /// Of the model with the most tiles in the split.
    let tilesInTraining: Int?
    /// The patterns that chose among the groups.
    let groupPatterns: [String]?
    /// Pixels of the Gaussian that the tiles were blurred by; nil for none.
    let blur: Double?
    /// In the order of the confusion matrix.
    let classes: [String]
    /// A single model's without its calibration, the mean of several models' with it.
    let score: Score
    let uncalibrated: Assessment
    /// nil when no model has a calibration.
    let calibrated: Assessment?
    /// The worst first.
    let groups: [GroupScore]
    /// Thresholds are logarithms of odds, 0 for a probability of one half. nil for tiles of one class.
    let roc: ROCCurve?
    let precisionRecall: PrecisionRecallCurve?
    let tilesPerSecond: Double
    /// Calibrated where there is a calibration.
    let probabilities: LabelledProbabilities

    private enum CodingKeys: CodingKey {
        case model, members, dataset, split, chosenOn, tiles, tilesInTraining, groupPatterns, blur, classes, score
        case uncalibrated, calibrated, groups, roc, precisionRecall, tilesPerSecond
    }

    /// `outputs`: those of each member for the same tiles.
    init(
        _ command: Evaluate, _ members: [EnsembleMember], _ outputs: [LabelledLogits], tiles: [Int], of set: TileSet,
        tilesPerSecond: Double
    ) throws {
        model = command.model?.string
        dataset = command.dataset.string
        split = command.split
        groupPatterns = command.groups.isEmpty ? nil : command.groups
        blur = command.blur > 0 ? command.blur : nil
        self.members = members.map { member in
            Member(
                path: member.path.string, chosenOn: member.split.chosenOn,
                tilesInTraining: member.split.count(of: command.split), calibration: member.calibration)
        }
        let choices = members.compactMap(\.split.chosenOn)
        chosenOn = choices.first { $0 == command.split } ?? choices.first
        self.tiles = tiles.count
        tilesInTraining = self.members.compactMap(\.tilesInTraining).max()
        self.tilesPerSecond = tilesPerSecond

        let plain = outputs.map { $0.probabilities(TemperatureScaling(temperature: 1)) }
        let scaled = zip(members, outputs).map { member, output in
            output.probabilities(member.calibration?.scaling ?? TemperatureScaling(temperature: 1))
        }
        probabilities = LabelledProbabilities(meanOf: scaled)
        let isSingle = members.count == 1
        classes = isSingle ? outputs[0].classes : TileLabel.names
        score = try isSingle ? Evaluation.score(outputs[0]) : Evaluation.score(probabilities)
        let groupNames = tiles.map { set.tiles[$0].group }
        uncalibrated = Assessment(LabelledProbabilities(meanOf: plain), groups: groupNames)
        let hasCalibration = members.contains { $0.calibration != nil }
        calibrated = hasCalibration ? Assessment(probabilities, groups: groupNames) : nil
        let hasGroups = groupNames.contains { $0 != nil }
        groups = hasGroups ? GroupScore.all(of: probabilities, groups: groupNames, names: TileLabel.names) : []
        let nuclei = TileLabel.nuclei.rawValue
        let scores = probabilities.logOdds(of: nuclei)
        let positives = probabilities.targets.map { $0 == nuclei }
        roc = ROCCurve(scores: scores, positives: positives)?.thinned()
        precisionRecall = PrecisionRecallCurve(scores: scores, positives: positives)?.thinned()
    }

    func show(allGroups: Bool) {
        showSubject()
        showFigures()
        let width = max(classes.map(\.count).max() ?? 0, 16) + 2
        Terminal.printLine("\n" + "".padded(width) + "precision  recall      F1   tiles")
        for (name, figures) in classes.map({ ($0, score.classes[$0]!) }) + [("weighted average", score.weighted)] {
            let numbers = String(
                format: "%9.4f  %6.4f  %6.4f  %6d", figures.precision, figures.recall, figures.f1, figures.support)
            Terminal.printLine(name.padded(width) + numbers)
        }
        Terminal.printLine("\nconfusion matrix (rows: truth, columns: prediction)")
        Terminal.printLine("".padded(width) + classes.map { $0.padded(-12) }.joined())
        for (name, row) in zip(classes, score.confusion.counts) {
            Terminal.printLine(name.padded(width) + row.map { String($0).padded(-12) }.joined())
        }
        if allGroups || 2...Self.fewGroups ~= groups.count { showGroups() }
    }

    private func showSubject() {
        if members.count > 1 {
            Terminal.printLine("mean of \(members.count) models: \(members.map(\.path).joined(separator: ", "))")
        }
        let every = members.count > 1 ? " of every model" : ""
        var what = "\(tiles) tiles of split \(split.rawValue)\(every)"
        if let groupPatterns {
            what += " in groups \(groupPatterns.joined(separator: " or "))"
        } else if let all = tilesInTraining, all != tiles {
            what =
                members.count > 1
                ? "\(what), of the \(all) that one alone has there"
                : "only \(tiles) of the \(all) tiles of split \(split.rawValue)"
        }
        if let blur { what += String(format: ", blurred by %g pixels", blur) }
        if split == chosenOn { what += ", which also chose the model's epoch: an optimistic score" }
        Terminal.printLine(what + String(format: "  (%.1f tiles/s)", tilesPerSecond))
    }

    private func showFigures() {
        let shown = calibrated ?? uncalibrated
        var rows: [(String, Assessment.Estimate?)] = [("loss", uncalibrated[.loss])]
        if let calibrated { rows.append(("  calibrated", calibrated[.loss])) }
        rows += [
            ("accuracy", shown[.accuracy]), ("weighted precision", shown[.precision]),
            ("weighted recall", shown[.recall]), ("weighted F1", shown[.f1]), ("MCC", shown[.mcc]),
            ("ROC-AUC", shown[.rocAUC]), ("calibration error", uncalibrated[.calibrationError]),
        ]
        if let calibrated { rows.append(("  calibrated", calibrated[.calibrationError])) }
        Terminal.printLine("\n" + "".padded(20) + "  value" + intervalHeader(shown.resampledGroups))
        for (name, estimate) in rows {
            guard let estimate else {
                Terminal.printLine(name.padded(20) + "      -  not defined for tiles of one class")
                continue
            }
            let interval = estimate.interval.map { String(format: "  %7.4f ... %.4f", $0.low, $0.high) } ?? ""
            Terminal.printLine(name.padded(20) + String(format: "%7.4f", estimate.value) + interval)
        }
        for member in members {
            guard let calibration = member.calibration else { continue }
            let whose = members.count > 1 ? "\(member.path): " : ""
            let numbers = String(format: "temperature %.3f", calibration.temperature)
            Terminal.printLine(
                "\(whose)\(numbers), fitted on \(calibration.tiles) tiles of \(calibration.fittedOn.rawValue)")
        }
    }

    private func intervalHeader(_ count: Int) -> String {
        if count < 2 { return "  (no intervals: of one group)" }
        let what = "\(count) \(groups.isEmpty ? "tiles" : "groups") resampled"
        return "  95 % interval  (\(what)\(count < Self.manyGroups ? ", too few for more than a rough guess" : ""))"
    }

    private func showGroups() {
        let names = groups.map { $0.group ?? "(no group)" }
        let width = max(names.map(\.count).max() ?? 0, 5) + 2
        // A class's columns: its tiles, and the share of them that was found.
        let header = TileLabel.names.map { $0.padded(-12) + "  recall" }.joined()
        Terminal.printLine("\n" + "group".padded(width) + " tiles  accuracy    loss" + header)
        for (name, group) in zip(names, groups) {
            let classes = TileLabel.names.map { label in
                let recall = group.recall[label].map { String(format: "%8.4f", $0) } ?? "       -"
                return String(group.counts[label] ?? 0).padded(-12) + recall
            }
            let numbers = String(format: "%6d  %8.4f  %6.4f", group.tiles, group.accuracy, group.loss)
            Terminal.printLine(name.padded(width) + numbers + classes.joined())
        }
    }
}
