import Console
import Datasets
import Foundations
import NeuralNetworks
import Training

/// The result of `nuclei-train evaluate`, printed as JSON or as tables.
struct EvaluationReport: Encodable {
    /// The largest number of groups that are listed by default.
    static let fewGroups = 12
    /// The smallest number of groups for reliable intervals.
    private static let manyGroups = 10

    struct Member: Encodable {
        let path: String
        let chosenOn: EvaluationSplit?
        /// The number of tiles in the split during training. Nil for unseen tiles.
        let tilesInTraining: Int?
        let calibration: Calibration?
    }

    /// The path of the model. Nil for an ensemble.
    let model: String?
    let members: [Member]
    let dataset: String
    let split: EvaluationSplit
    /// The part that the model's epoch was picked on. For an ensemble, the scored split if any member used it.
    let chosenOn: EvaluationSplit?
    let tiles: Int
    /// `tilesInTraining` of the model with the most tiles in the split.
    let tilesInTraining: Int?
    /// The number of tiles that are not scored because they look like tiles of the training data. Nil where it is 0.
    let copiesLeftOut: Int?
    /// The number of held out tiles that are not scored because an initial model or a teacher was trained on them. Nil
    /// where it is 0.
    let learnedLeftOut: Int?
    /// The patterns of --groups.
    let groupPatterns: [String]?
    /// Standard deviation of the blur in pixels. Nil for none.
    let blur: Double?
    /// Class names in the order of the confusion matrix.
    let classes: [String]
    /// A single model is scored without its calibration, an ensemble with it.
    let score: Score
    let uncalibrated: MetricEstimates
    /// Nil when no model has a calibration.
    let calibrated: MetricEstimates?
    /// The worst group first.
    let groups: [GroupScore]
    /// Thresholds are log odds: 0 for a probability of one half. Nil for tiles of one class.
    let roc: ROCCurve?
    let precisionRecall: PrecisionRecallCurve?
    let tilesPerSecond: Double
    /// Calibrated probabilities, for models with a calibration.
    let probabilities: LabeledProbabilities

    private enum CodingKeys: CodingKey {
        case model, members, dataset, split, chosenOn, tiles, tilesInTraining, copiesLeftOut, learnedLeftOut,
            groupPatterns, blur, classes, score
        case uncalibrated, calibrated, groups, roc, precisionRecall, tilesPerSecond
    }

    /// `outputs` has the logits of each member for the same tiles.
    init(
        _ command: Evaluate, _ members: [EnsembleMember], _ outputs: [LabeledLogits], tiles: [Int], of set: TileSet,
        copyCount: Int, learnedCount: Int, tilesPerSecond: Double
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
        copiesLeftOut = copyCount > 0 ? copyCount : nil
        learnedLeftOut = learnedCount > 0 ? learnedCount : nil
        tilesInTraining = self.members.compactMap(\.tilesInTraining).max()
        self.tilesPerSecond = tilesPerSecond

        let plain = outputs.map { $0.probabilities(.identity) }
        let scaled = zip(members, outputs).map { member, output in
            output.probabilities(member.calibration?.scaling ?? .identity)
        }
        probabilities = LabeledProbabilities(meanOf: scaled)
        let isSingle = members.count == 1
        classes = isSingle ? outputs[0].classes : TileLabel.names
        score = try isSingle ? Evaluation.score(outputs[0]) : Evaluation.score(probabilities)
        let groupNames = tiles.map { set.tiles[$0].group }
        uncalibrated = MetricEstimates(LabeledProbabilities(meanOf: plain), groups: groupNames)
        let hasCalibration = members.contains { $0.calibration != nil }
        calibrated = hasCalibration ? MetricEstimates(probabilities, groups: groupNames) : nil
        let hasGroups = groupNames.contains { $0 != nil }
        groups = hasGroups ? GroupScore.all(of: probabilities, groups: groupNames, names: TileLabel.names) : []
        let nuclei = TileLabel.nuclei.rawValue
        let scores = probabilities.logOdds(of: nuclei)
        let positives = probabilities.targets.map { $0 == nuclei }
        roc = ROCCurve(scores: scores, positives: positives)?.thinned()
        precisionRecall = PrecisionRecallCurve(scores: scores, positives: positives)?.thinned()
    }

    /// Prints the report as tables. Without `allGroups`, groups are listed if there are few.
    func show(allGroups: Bool) {
        showTiles()
        showMetrics()
        showClasses()
        if allGroups || 2...Self.fewGroups ~= groups.count { showGroups() }
    }

    private func showTiles() {
        let isEnsemble = members.count > 1
        if isEnsemble {
            Terminal.printLine("mean of \(members.count) models: \(members.map(\.path).joined(separator: ", "))")
        }
        var what = "\(tiles) tiles of split \(split.rawValue)\(isEnsemble ? " of every model" : "")"
        if let groupPatterns {
            what += " in groups \(groupPatterns.joined(separator: " or "))"
        } else if let all = tilesInTraining, all != tiles {
            what =
                isEnsemble
                ? "\(what), out of \(all) of a single model"
                : "only \(tiles) of the \(all) tiles of split \(split.rawValue)"
        }
        if let blur { what += ", blurred by \(String(blur, significantDigits: 6)) pixels" }
        if split == chosenOn { what += ", which the best epoch was picked on: an optimistic score" }
        Terminal.printLine("\(what)  (\(String(tilesPerSecond, decimals: 1)) tiles/s)")
    }

    private func showMetrics() {
        let shown = calibrated ?? uncalibrated
        var rows: [(String, MetricEstimates.Estimate?)] = [("loss", uncalibrated[.loss])]
        if let calibrated { rows.append(("  calibrated", calibrated[.loss])) }
        rows += [
            ("accuracy", shown[.accuracy]), ("weighted precision", shown[.precision]),
            ("weighted recall", shown[.recall]), ("weighted F1", shown[.f1]), ("MCC", shown[.mcc]),
            ("ROC-AUC", shown[.rocAUC]), ("calibration error", uncalibrated[.calibrationError]),
        ]
        if let calibrated { rows.append(("  calibrated", calibrated[.calibrationError])) }
        Terminal.printLine()
        Terminal.printLine("".padded(20) + "  value" + intervalHeader(shown.resampledGroups))
        for (name, estimate) in rows {
            guard let estimate else {
                Terminal.printLine(name.padded(20) + "      -  undefined for tiles of one class")
                continue
            }
            let interval = estimate.interval.map { interval in
                "  \(String(interval.low, decimals: 4).padded(-7)) ... \(String(interval.high, decimals: 4))"
            }
            Terminal.printLine(
                name.padded(20) + String(estimate.value, decimals: 4).padded(-7) + (interval ?? ""))
        }
        for member in members {
            guard let calibration = member.calibration else { continue }
            let prefix = members.count > 1 ? "\(member.path): " : ""
            Terminal.printLine(
                "\(prefix)temperature \(String(calibration.temperature, decimals: 3)), fitted on "
                    + "\(calibration.tiles) tiles of \(calibration.fittedOn)")
        }
    }

    private func intervalHeader(_ count: Int) -> String {
        if count < 2 { return "  (no intervals: only one group)" }
        let units = groups.isEmpty ? "tiles" : "groups"
        return "  95 % interval  (over \(count) \(units)\(count < Self.manyGroups ? ": a rough estimate" : ""))"
    }

    private func showClasses() {
        let width = max(classes.map(\.count).max() ?? 0, 16) + 2
        Terminal.printLine()
        Terminal.printLine("".padded(width) + "precision  recall      F1   tiles")
        let average = score.weighted
        let rows: [(name: String, metrics: [Double?], support: Int)] =
            classes.map { name in
                let metrics = score.classes[name]!
                return (name, [metrics.precision, metrics.recall, metrics.f1], metrics.support)
            } + [("weighted average", [average.precision, average.recall, average.f1], average.support)]
        for (name, metrics, support) in rows {
            let cells = zip(metrics, [9, 8, 8]).map { metric, width in
                (metric.map { String($0, decimals: 4) } ?? "-").padded(-width)
            }
            Terminal.printLine(name.padded(width) + cells.joined() + String(support).padded(-8))
        }
        Terminal.printLine()
        Terminal.printLine("confusion matrix (rows: truth, columns: prediction)")
        Terminal.printLine("".padded(width) + classes.map { $0.padded(-12) }.joined())
        for (name, row) in zip(classes, score.confusion.counts) {
            Terminal.printLine(name.padded(width) + row.map { String($0).padded(-12) }.joined())
        }
    }

    private func showGroups() {
        let names = groups.map { ($0.group ?? "(no group)").escapingControls }
        let width = max(names.map(\.columns).max() ?? 0, 5) + 2
        // Two columns for each class: its tiles and its recall.
        let header = TileLabel.names.map { $0.padded(-12) + "  recall" }.joined()
        Terminal.printLine()
        Terminal.printLine("group".padded(width) + " tiles  accuracy    loss" + header)
        for (name, group) in zip(names, groups) {
            let classes = TileLabel.names.map { label in
                String(group.counts[label] ?? 0).padded(-12)
                    + (group.recall[label].map { String($0, decimals: 4) } ?? "-").padded(-8)
            }
            let cells = [
                String(group.tiles).padded(-6), String(group.accuracy, decimals: 4).padded(-10),
                String(group.loss, decimals: 4).padded(-8),
            ]
            Terminal.printLine(name.padded(width) + cells.joined() + classes.joined())
        }
    }
}
