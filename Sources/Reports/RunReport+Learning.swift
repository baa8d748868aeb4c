import Charts
import Training

/// The charts of the history.
extension RunReport {
    /// Epochs of the kept cycle.
    var epochs: [EpochRecord] {
        let cycle = keptCycle?.cycle ?? 0
        return record.history.filter { $0.cycle == cycle }
    }

    /// Loss, accuracy, overlap with outlines if there are any, gaps and learning rate by epoch.
    var learningFigures: [Page.Figure] {
        let epochs = epochs
        func line(_ name: String, _ value: (EpochRecord) -> Double) -> Chart.Series {
            Chart.Series(name, .line, epochs.map { Chart.Point(Double($0.epoch), value($0)) })
        }
        func chart(_ title: String, _ y: Chart.Axis, _ series: [Chart.Series]) -> Chart {
            var chart = Chart(title, x: Chart.Axis("epoch", isWhole: true), y: y, series)
            chart.mark = record.bestEpoch.map { Chart.Mark(Double($0), "best epoch \($0)") }
            return chart
        }
        var gap = chart(
            "Gap between training and \(watched)", Chart.Axis("difference"),
            [
                line("loss") { $0.watchedLoss - $0.trainLoss },
                line("accuracy") { $0.trainAccuracy - $0.watchedAccuracy },
            ])
        gap.level = Chart.Mark(0, "no gap")
        let outlined = epochs.filter { $0.watchedDice != nil }
        let overlap = Page.Figure(
            chart(
                "Overlap with outlines", Chart.Axis("soft Dice coefficient"),
                [
                    Chart.Series(
                        watched, .line, outlined.map { Chart.Point(Double($0.epoch), $0.watchedDice ?? .nan) })
                ]),
            "Higher is better. How far the probabilities of nuclei agree with the outlines of the \(watched) tiles.")
        return [
            Page.Figure(
                chart(
                    "Loss", Chart.Axis(record.settings.pixelLoss == nil ? "cross-entropy" : "loss of pixels"),
                    [line("training", \.trainLoss), line(watched, \.watchedLoss)]),
                "Lower is better. The training loss is the mean over the steps of an epoch, with label smoothing, "
                    + "augmentation and the loss of teachers if the settings have them. The \(watched) loss is measured after "
                    + "the epoch, without them."
            ),
            Page.Figure(
                chart(
                    "Accuracy", Chart.Axis("share of tiles"),
                    [
                        line("training", \.trainAccuracy), line(watched, \.watchedAccuracy),
                        line("\(watched) F1", \.watchedF1),
                    ]),
                "Higher is better. A weighted F1 far below the accuracy means that one class is often missed."),
        ] + (outlined.isEmpty ? [] : [overlap]) + [
            Page.Figure(
                gap,
                "How much higher the loss and how much lower the accuracy is on \(watched) tiles than on training tiles. "
                    + "A growing gap means overfitting."),
            Page.Figure(
                chart(
                    "Learning rate", Chart.Axis("learning rate", isLogarithmic: true),
                    [line("learning rate") { Double($0.learningRate) }]),
                "The learning rate at the end of each epoch, on a logarithmic scale."),
        ]
    }
}
