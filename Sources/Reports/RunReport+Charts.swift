import Foundation

extension RunReport {
    private static let share = 0.0...1.0

    /// Loss, accuracy, their gaps, learning rate.
    var learning: [Page.Figure] {
        func points(_ value: (Epoch) -> Double?) -> [Chart.Point] {
            epochs.map { .init(Double($0.number), value($0) ?? .nan) }
        }
        func chart(_ title: String, _ y: Chart.Axis, _ series: [Chart.Series]) -> Chart {
            var chart = Chart(title, x: .init("epoch", isWhole: true), y: y, series)
            chart.mark = bestEpoch.map { .init(Double($0), "best epoch \($0)") }
            return chart
        }
        let isWatched = epochs.contains { $0.watchedLoss != nil }
        func watchedSeries(_ series: Chart.Series...) -> [Chart.Series] { isWatched ? series : [] }
        var figures = [
            Page.Figure(
                chart(
                    "Loss", .init("cross-entropy"),
                    [.init("training", .line, points(\.trainLoss))]
                        + watchedSeries(.init(watched, .line, points(\.watchedLoss)))),
                "Lower is better. The training loss is the mean over an epoch's steps while the weights change, with "
                    + "whatever smoothing and augmentation the settings ask for; the other is taken after the epoch, without."
            ),
            Page.Figure(
                chart(
                    "Accuracy", .init("share of tiles"),
                    [.init("training", .line, points(\.trainAccuracy))]
                        + watchedSeries(
                            .init(watched, .line, points(\.watchedAccuracy)),
                            .init("\(watched) F1", .line, points(\.watchedF1)))),
                "Higher is better: the share of tiles whose class was found. A weighted F1 far below the accuracy tells of "
                    + "a class that is often missed."),
        ]
        if isWatched {
            let gaps: [Chart.Series] = [
                .init("loss", .line, points { epoch in epoch.watchedLoss.map { $0 - epoch.trainLoss } }),
                .init(
                    "accuracy", .line,
                    points { epoch in epoch.watchedAccuracy.map { epoch.trainAccuracy - $0 } }),
            ]
            var gap = chart("Gap between training and \(watched)", .init("difference"), gaps)
            gap.level = .init(0, "no gap")
            figures.append(
                .init(
                    gap,
                    "By how much the \(watched) tiles have the higher loss and the lower accuracy. At zero the network does as "
                        + "well on them as on those it is trained on; a gap that grows is overfitting."))
        }
        let rates = Chart.Series("learning rate", .line, points(\.learningRate))
        figures.append(
            .init(
                chart("Learning rate", .init("learning rate", isLogarithmic: true), [rates]),
                "The size of the optimizer's steps, on a logarithmic scale."))
        return figures
    }

    /// ROC, precision and recall, reliability.
    var curves: [Page.Figure] {
        var figures = [Page.Figure]()
        if let roc {
            var chart = Chart(
                "ROC curve", x: .init("false positive rate", Self.share), y: .init("true positive rate", Self.share),
                [.init(String(format: "area %.4f", roc.area), .line, roc.points)])
            (chart.diagonal, chart.shape) = ("chance", .square)
            figures.append(
                .init(
                    chart,
                    "\(positiveClass) tiles that are found, against other tiles that are taken for them, at every "
                        + "threshold. The closer to the upper left corner the better."))
        }
        if let precisionRecall {
            var chart = Chart(
                "Precision and recall", x: .init("recall", Self.share), y: .init("precision", Self.share),
                [
                    .init(
                        String(format: "average precision %.4f", precisionRecall.average), .line, precisionRecall.points
                    )
                ])
            chart.level = prevalence.map { .init($0, String(format: "chance, %.2f", $0)) }
            chart.shape = .square
            figures.append(
                .init(
                    chart,
                    "How many of the tiles taken for \(positiveClass) are, against how many of all \(positiveClass) are "
                        + "found. The closer to the upper right corner the better."))
        }
        if !reliability.isEmpty { figures.append(reliabilityFigure) }
        return figures
    }

    /// The share of positive tiles among those scored.
    private var prevalence: Double? {
        let total = confusion.reduce(0) { $0 + $1.reduce(0, +) }
        guard let positive = classes.firstIndex(of: positiveClass), confusion.indices.contains(positive), total > 0
        else { return nil }
        return Double(confusion[positive].reduce(0, +)) / Double(total)
    }

    private var reliabilityFigure: Page.Figure {
        func range(_ values: (Chart.Point) -> [Double]) -> ClosedRange<Double> {
            let lowest = reliability.flatMap { $0.bins.flatMap(values) }.filter(\.isFinite).min() ?? 0
            return min(0.9, max(0, (lowest * 10).rounded(.down) / 10))...1
        }
        var chart = Chart(
            "Reliability", x: .init("confidence", range { [$0.x] }),
            y: .init("share that is right", range { [$0.x, $0.y] }),
            reliability.map { .init(String(format: "%@, ECE %.3f", $0.name, $0.error), .linesWithPoints, $0.bins) })
        (chart.diagonal, chart.shape) = ("perfect", .square)
        chart.strip = countStrip
        return .init(
            chart,
            "On the dashed line probabilities mean what they say: of tiles with a confidence of 0.9, nine in ten are "
                + "right. Below it the network is too sure, above it not sure enough. ECE is the mean distance from it, "
                + "where every tile counts; bins of few tiles scatter.")
    }

    /// How many tiles the points above stand for.
    private var countStrip: Chart.Strip? {
        guard reliability.contains(where: { !$0.counts.isEmpty }) else { return nil }
        let series = reliability.map { diagram in
            Chart.Series(
                "tiles \(diagram.name)", .linesWithPoints,
                zip(diagram.bins, diagram.counts).map { .init($0.x, Double($1)) })
        }
        return Chart.Strip(y: .init("tiles"), series)
    }
}
