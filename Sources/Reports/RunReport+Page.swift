import Datasets
import Foundation
import Foundations
import Training

extension RunReport {
    private static let shownMistakes = 24

    /// The page: results first, then training, then what is needed to reproduce the run.
    package func page() -> Page {
        var sections = [
            Page.Section("Scores on the test", [.list(remarks), .tables([scoreTable, confusionTable])])
        ]
        if !epochs.isEmpty { sections.append(Page.Section("Learning", [.figures(learningFigures)])) }
        sections.append(Page.Section("Confidence and calibration", [.figures(scoreFigures)]))
        if record.settings.pseudoLabeling != nil { sections.append(Page.Section("Pseudo-labeling", cycleBlocks)) }
        sections.append(Page.Section("Mistakes", mistakeBlocks()))
        if hasGroups { sections.append(Page.Section("Groups", [.table(groupTable)])) }
        sections.append(
            Page.Section("Data and settings", [.table(dataTable), .command(record.command), .table(settingsTable)]))
        return Page(title, subtitle: subtitle, headline: headline, sections)
    }

    private var title: String {
        "Training of \(record.settings.architecture.rawValue), \(record.settings.strategy.rawValue)"
    }

    private var subtitle: String {
        let date = record.started.formatted(.iso8601.year().month().day())
        let duration = Duration.seconds(record.seconds.rounded()).formatted(.time(pattern: .hourMinuteSecond))
        return
            "\(FilePath(record.dataset).name), \(date), nuclei \(record.version), \(duration) on \(record.threads.counted("thread"))"
    }

    private var headline: [(value: String, name: String)] {
        let names: [(Metric, String)] = [
            (.accuracy, "test accuracy"), (.f1, "weighted F1"), (.rocAUC, "ROC-AUC"),
            (.calibrationError, "calibration error"),
        ]
        return names.compactMap { metric, name in
            estimates[metric].map { (String($0.value, decimals: 3), name) }
        }
    }

    /// Facts needed to interpret the scores.
    private var remarks: [String] {
        let unseen = warning == nil ? " that were not used for training" : ""
        var remarks = ["Scored on \(split.test.count) test tiles\(unseen), with the best model of the run."]
        if record.chosenOn == .test {
            remarks.append(
                "The best epoch was picked on the test tiles, so the scores are optimistic. Train with --validation "
                    + "for unbiased scores.")
        }
        remarks.append(
            isCalibrated
                ? "Probabilities are calibrated with temperature \(String(keptCycle?.temperature ?? 1, decimals: 3)), "
                    + "fitted on the validation tiles."
                : "Probabilities are not calibrated, because "
                    + (split.validation.isEmpty
                        ? "there are no validation tiles." : "the validation tiles are of one class."))
        if let warning { remarks.append("Warning: \(warning).") }
        return remarks
    }

    private func mistakeBlocks() -> [Page.Block] {
        let (predictions, confidences) = (probabilities.predictions, probabilities.confidences)
        let wrong = split.test.indices.filter { predictions[$0] != probabilities.targets[$0] }
            .sorted { (confidences[$0], $1) > (confidences[$1], $0) }
        if wrong.isEmpty { return [.text("None.")] }
        let pictures = wrong.prefix(Self.shownMistakes).map { place in
            let tile = set.tiles[split.test[place]]
            return set.picture(
                of: split.test[place], scratch: scratch,
                [
                    tile.filename, "truth: \(TileLabel.names[probabilities.targets[place]])",
                    "predicted: \(TileLabel.names[predictions[place]]), \(String(confidences[place], decimals: 3))",
                    tile.group ?? "",
                ])
        }
        let shown =
            pictures.count < wrong.count
            ? "The \(pictures.count) most confident of \(wrong.count) mistakes, in descending order of confidence."
            : "All mistakes, in descending order of confidence."
        return [.text("\(shown) Check the labels, and look for features that the tiles share."), .pictures(pictures)]
    }
}
