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
                "On the \(watched) tiles."),
            Page.Figure(
                chart("Accepted pseudo-labels", "tiles", accepted),
                "Accepted labels of each cycle by class. If the classes diverge from cycle to cycle, the model may be "
                    + "reinforcing its own mistakes."),
        ]
        return [
            .text(
                "Each cycle begins with the initial weights again, and trains on the given labels and on confident "
                    + "labels of the previous model. It is "
                    + "kept if \(condition). pseudo_labels.csv has every decision."
                    + (ledger.pixels.isEmpty
                        ? "" : " pixel_labels.csv counts the nuclei of each tile without outlines.")
            ), .figures(figures), .table(cycleTable),
        ]
    }

    /// The condition under which a cycle is kept.
    private var condition: String {
        if cycles.contains(where: { $0.pixelLoss != nil }) {
            return "it lowers the loss of the pixels of the \(watched) tiles"
        }
        if record.settings.architecture.outlinesNuclei {
            return
                "it is the first with labels of pixels, or the calibrated loss on the \(watched) tiles grows by no more "
                + "than its standard error"
        }
        return "it lowers the calibrated loss on the \(watched) tiles"
    }

    private var cycleTable: Page.Table {
        let labelsPixels = !ledger.pixels.isEmpty
        let hasPixelLoss = cycles.contains { $0.pixelLoss != nil }
        let reasons = [PseudoLabel.Verdict.unsure, .classIsFull]
        let rows = cycles.map { cycle in
            let decisions = ledger.decisions(of: cycle.cycle)
            let labels = decisions.tiles
            let labeled = decisions.pixels.filter { $0.nuclei > 0 }
            let nuclei = labeled.reduce(0) { $0 + $1.nuclei }
            let counts = classNames.map { "\(cycle.accepted[$0] ?? 0) \($0)" }.joined(separator: ", ")
            return [
                "\(cycle.cycle)", cycle.cycle == 0 ? "none" : "\(counts) of \(labels.count) tiles",
            ] + reasons.map { reason in "\(labels.count { $0.verdict == reason })" }
                + (labelsPixels
                    ? [
                        decisions.pixels.isEmpty
                            ? "none" : "\(nuclei) nuclei in \(labeled.count) of \(decisions.pixels.count) tiles"
                    ] : [])
                + [cycle.watched.accuracy, cycle.watched.weighted.f1, cycle.calibratedLoss].map {
                    String($0, decimals: 4)
                } + (hasPixelLoss ? [cycle.pixelLoss.map { String($0, decimals: 4) } ?? "-"] : []) + [
                    cycle.isKept ? "kept" : "discarded: no improvement"
                ]
        }
        return Page.Table(
            "Cycles, scored on the \(watched) tiles",
            ["cycle", "accepted labels"] + reasons.map { "rejected: \($0.rawValue)" }
                + (labelsPixels ? ["labeled pixels"] : []) + ["accuracy", "weighted F1", "calibrated loss"]
                + (hasPixelLoss ? ["pixel loss"] : []) + ["outcome"], rows)
    }
}
