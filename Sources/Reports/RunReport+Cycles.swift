import Charts
import Datasets
import Foundations
import Training

/// The cycles of pseudo-labeling.
extension RunReport {
    /// Class names as the page lists them, nuclei first.
    private var classNames: [String] { TileLabel.names.reversed() }
    private var cycles: [CycleRecord] { record.cycles ?? [] }

    var cycleBlocks: [Page.Block] {
        func points(_ value: (CycleRecord) -> Double) -> [Chart.Point] {
            cycles.map { Chart.Point(Double($0.cycle), value($0)) }
        }
        func chart(_ title: String, _ y: String, _ series: [Chart.Series]) -> Chart {
            var chart = Chart(title, x: Chart.Axis("cycle", isWhole: true), y: Chart.Axis(y), series)
            chart.shape = .square
            return chart
        }
        let width = 0.8 / Double(classNames.count)
        let accepted = classNames.enumerated().map { index, name in
            let shift = (Double(index) - Double(classNames.count - 1) / 2) * width
            return Chart.Series(
                name, .bars(width: width),
                cycles.map { Chart.Point(Double($0.cycle) + shift, Double($0.accepted[name] ?? 0)) })
        }
        let figures = [
            Page.Figure(
                chart(
                    "Accuracy by cycle", "share of tiles",
                    [
                        Chart.Series("accuracy", .linesWithPoints, points(\.watched.accuracy)),
                        Chart.Series("weighted F1", .linesWithPoints, points(\.watched.weighted.f1)),
                    ]),
                "On the \(watched) tiles. Cycle 0 trains on the given labels only."),
            Page.Figure(
                chart(
                    "Loss by cycle", "cross-entropy",
                    [Chart.Series("calibrated loss", .linesWithPoints, points(\.calibratedLoss))]),
                "On the \(watched) tiles. A cycle with a lower loss than the one before is an improvement."),
            Page.Figure(
                chart("Accepted pseudo-labels", "tiles", accepted),
                "Accepted labels of each cycle by class. If the classes diverge from cycle to cycle, the model may be "
                    + "reinforcing its own mistakes."),
        ]
        return [
            .text(
                "Each cycle trains from scratch on the given labels and on confident labels of the previous model. It is "
                    + "kept if it lowers the calibrated loss on the \(watched) tiles. pseudo_labels.csv has every decision."
            ), .figures(figures), .table(cycleTable),
        ]
    }

    private var cycleTable: Page.Table {
        let reasons = [PseudoLabel.Verdict.unsure, .classIsFull]
        let rows = cycles.map { cycle in
            let labels = ledger.filter { $0.cycle == cycle.cycle }
            let counts = classNames.map { "\(cycle.accepted[$0] ?? 0) \($0)" }.joined(separator: ", ")
            return [
                "\(cycle.cycle)", cycle.cycle == 0 ? "none" : "\(counts) of \(labels.count) tiles",
            ] + reasons.map { reason in "\(labels.count { $0.verdict == reason })" }
                + [cycle.watched.accuracy, cycle.watched.weighted.f1, cycle.calibratedLoss].map {
                    String($0, decimals: 4)
                } + [cycle.isKept ? "kept" : "discarded: no improvement"]
        }
        return Page.Table(
            "Cycles, scored on the \(watched) tiles",
            ["cycle", "accepted labels"] + reasons.map { "rejected: \($0.rawValue)" }
                + ["accuracy", "weighted F1", "calibrated loss", "outcome"], rows)
    }
}
