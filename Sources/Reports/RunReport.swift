import Foundation

/// What a training run was and what came of it, as a page.
package struct RunReport: Sendable {
    package struct Epoch: Sendable {
        package var number: Int
        package var trainLoss: Double
        package var trainAccuracy: Double
        package var watchedLoss: Double
        package var watchedAccuracy: Double
        package var watchedF1: Double
        package var learningRate: Double

        package init(
            number: Int, trainLoss: Double, trainAccuracy: Double, watchedLoss: Double, watchedAccuracy: Double,
            watchedF1: Double, learningRate: Double
        ) {
            self.number = number
            self.trainLoss = trainLoss
            self.trainAccuracy = trainAccuracy
            self.watchedLoss = watchedLoss
            self.watchedAccuracy = watchedAccuracy
            self.watchedF1 = watchedF1
            self.learningRate = learningRate
        }
    }

    /// A reliability diagram: points of mean confidence and share of hits.
    package struct Reliability: Sendable {
        package var name: String
        package var bins: [Chart.Point]
        /// Expected calibration error.
        package var error: Double

        package init(_ name: String, bins: [Chart.Point], error: Double) {
            self.name = name
            self.bins = bins
            self.error = error
        }
    }

    package struct Cycle: Sendable {
        package var name: String
        package var accepted: String
        package var accuracy: Double
        package var f1: Double
        package var loss: Double
        package var outcome: String

        package init(
            name: String, accepted: String, accuracy: Double, f1: Double, loss: Double, outcome: String
        ) {
            self.name = name
            self.accepted = accepted
            self.accuracy = accuracy
            self.f1 = f1
            self.loss = loss
            self.outcome = outcome
        }
    }

    package var title = ""
    package var subtitle = ""
    package var headline: [(value: String, name: String)] = []
    /// Sentences that a reader has to know to understand the scores.
    package var remarks: [String] = []
    package var scores: Page.Table?
    package var groups: Page.Table?
    package var data: Page.Table?
    /// Name and value.
    package var settings: [[String]] = []
    /// Of the cycle whose model was kept.
    package var epochs: [Epoch] = []
    package var watched = "validation"
    package var bestEpoch: Int?
    package var classes: [String] = []
    /// counts[truth][prediction].
    package var confusion: [[Int]] = []
    package var roc: (points: [Chart.Point], area: Double)?
    package var precisionRecall: (points: [Chart.Point], average: Double)?
    package var reliability: [Reliability] = []
    package var mistakes: [Page.Picture] = []
    package var mistakeCount = 0
    package var cycles: [Cycle] = []

    package init() {}

    package var page: Page {
        var sections = [Page.Section]()
        var result: [Page.Block] = remarks.isEmpty ? [] : [.list(remarks)]
        if let scores { result.append(.table(scores)) }
        if !confusion.isEmpty { result.append(.table(confusionTable)) }
        sections.append(Page.Section("Scores on the test", result))
        if !curves.isEmpty { sections.append(Page.Section("How sure, and how right", [.figures(curves)])) }
        if !cycles.isEmpty { sections.append(Page.Section("Pseudo-labelling", pseudoLabelling)) }
        if !epochs.isEmpty { sections.append(Page.Section("Learning", [.figures(learning)])) }
        if !mistakes.isEmpty {
            let shown = "The \(mistakes.count) most confident of \(mistakeCount) mistakes, the worst first."
            sections.append(Page.Section("Mistakes", [.text(shown), .pictures(mistakes)]))
        }
        if let groups { sections.append(Page.Section("Groups", [.table(groups)])) }
        sections.append(
            Page.Section(
                "Data and settings",
                (data.map { [.table($0)] } ?? []) + [.table(Page.Table("Settings", ["name", "value"], settings))]))
        return Page(title, subtitle: subtitle, headline: headline, sections)
    }

    private var confusionTable: Page.Table {
        let rows = zip(classes, confusion).map { name, counts in
            let total = counts.reduce(0, +)
            return ["truly \(name)"]
                + counts.map { count in
                    total == 0 ? "\(count)" : String(format: "%d (%.1f %%)", count, Double(count) / Double(total) * 100)
                }
        }
        return Page.Table(
            "Confusion matrix: tiles of each class, and what they were taken for",
            [""] + classes.map { "taken for \($0)" },
            rows)
    }

    private var curves: [Page.Figure] {
        var figures = [Page.Figure]()
        let share = 0.0...1.0
        if let roc {
            var chart = Chart(
                "ROC curve", x: .init("false positive rate", share), y: .init("true positive rate", share),
                [.init(String(format: "area %.4f", roc.area), .line, roc.points)])
            (chart.hasDiagonal, chart.isSquare) = (true, true)
            figures.append(
                .init(
                    chart,
                    "Tiles with nuclei that are found, against tiles without that are taken for such, at every threshold. Chance is the dashed line."
                ))
        }
        if let precisionRecall {
            var chart = Chart(
                "Precision and recall", x: .init("recall", share), y: .init("precision", share),
                [
                    .init(
                        String(format: "average precision %.4f", precisionRecall.average), .line, precisionRecall.points
                    )
                ])
            chart.isSquare = true
            figures.append(
                .init(
                    chart,
                    "How many of the tiles that are taken for NUCLEI are right, against how many of all are found."))
        }
        if !reliability.isEmpty {
            var chart = Chart(
                "Reliability", x: .init("confidence", 0.5...1), y: .init("share that is right", share),
                reliability.map {
                    .init(String(format: "%@, error %.3f", $0.name, $0.error), .linesWithPoints, $0.bins)
                })
            (chart.hasDiagonal, chart.isSquare) = (true, true)
            figures.append(
                .init(
                    chart,
                    "Probabilities mean what they say on the dashed line: of tiles with a confidence of 0.9, nine in ten are right. Below it the network is too sure, above it not sure enough."
                ))
        }
        return figures
    }

    private var learning: [Page.Figure] {
        func series(_ name: String, _ value: (Epoch) -> Double) -> Chart.Series {
            .init(name, .line, epochs.map { .init(Double($0.number), value($0)) })
        }
        let x = Chart.Axis("epoch", 0...Double(max(1, epochs.map(\.number).max() ?? 1)))
        let mark = bestEpoch.map { Chart.Mark(Double($0), "best") }
        func chart(_ title: String, _ y: Chart.Axis, _ series: [Chart.Series]) -> Chart {
            var chart = Chart(title, x: x, y: y, series)
            chart.mark = mark
            return chart
        }
        return [
            .init(
                chart(
                    "Loss", .init("cross-entropy"), [series("training", \.trainLoss), series(watched, \.watchedLoss)]),
                "The training loss is that of the batches as the weights change, with smoothed labels and varied tiles where the settings say so; the other is taken after each epoch, of plain labels and tiles."
            ),
            .init(
                chart(
                    "Accuracy", .init("share of tiles"),
                    [
                        series("training", \.trainAccuracy), series(watched, \.watchedAccuracy),
                        series("\(watched), weighted F1", \.watchedF1),
                    ]),
                "The share of tiles whose class was found."),
            .init(
                chart(
                    "Gap", .init("\(watched) loss - training loss"), [series("gap", { $0.watchedLoss - $0.trainLoss })]),
                "A gap that grows while the training loss falls is overfitting."),
            .init(
                chart("Learning rate", .init("step size"), [series("learning rate", \.learningRate)]),
                "Of the last step of each epoch."),
        ]
    }

    private var pseudoLabelling: [Page.Block] {
        let rows = cycles.map {
            [
                $0.name, $0.accepted, String(format: "%.4f", $0.accuracy), String(format: "%.4f", $0.f1),
                String(format: "%.4f", $0.loss), $0.outcome,
            ]
        }
        return [
            .text(
                "Each cycle trains from scratch on the given labels and on unlabelled tiles that the model of the cycle before was sure of. A cycle stays only when it lowers the calibrated loss on the \(watched) tiles. pseudo_labels.csv has every decision."
            ),
            .table(
                Page.Table(
                    "Cycles, scored on the \(watched) tiles",
                    ["cycle", "accepted labels", "accuracy", "weighted F1", "calibrated loss", "outcome"], rows)),
        ]
    }
}
