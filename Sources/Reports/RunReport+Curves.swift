import Charts
import Datasets
import Foundations
import Training

/// The charts of the test scores.
extension RunReport {
    private static let share = 0.0...1.0

    /// ROC curve, precision-recall curve and reliability diagram. Curves that the test tiles do not define are left out.
    var scoreFigures: [Page.Figure] {
        let nuclei = TileLabel.nuclei.rawValue
        let scores = probabilities.logOdds(of: nuclei)
        let positives = probabilities.targets.map { $0 == nuclei }
        return [rocFigure(scores, positives), precisionRecallFigure(scores, positives)].compactMap { $0 }
            + [reliabilityFigure]
    }

    private func rocFigure(_ scores: [Double], _ positives: [Bool]) -> Page.Figure? {
        guard let curve = ROCCurve(scores: scores, positives: positives)?.thinned(),
            let area = areaUnderROC(scores: scores, positives: positives)
        else { return nil }
        let points = curve.points.map { Chart.Point($0.falsePositiveRate, $0.truePositiveRate) }
        var chart = Chart(
            "ROC curve", x: Chart.Axis("false positive rate", Self.share),
            y: Chart.Axis("true positive rate", Self.share),
            [Chart.Series("area \(String(area, decimals: 4))", .line, points)])
        (chart.diagonal, chart.shape) = ("chance", .square)
        return Page.Figure(
            chart,
            "Share of \(TileLabel.nuclei.name) tiles that are found against share of other tiles predicted as "
                + "\(TileLabel.nuclei.name), at every threshold. The closer to the upper left corner, the better.")
    }

    private func precisionRecallFigure(_ scores: [Double], _ positives: [Bool]) -> Page.Figure? {
        guard let curve = PrecisionRecallCurve(scores: scores, positives: positives)?.thinned() else { return nil }
        var chart = Chart(
            "Precision and recall", x: Chart.Axis("recall", Self.share), y: Chart.Axis("precision", Self.share),
            [
                Chart.Series(
                    "average precision \(String(curve.averagePrecision, decimals: 4))", .line,
                    curve.points.map { Chart.Point($0.recall, $0.precision) })
            ])
        let prevalence = Double(positives.count { $0 }) / Double(positives.count)
        chart.level = Chart.Mark(prevalence, "chance, \(String(prevalence, decimals: 2))")
        chart.shape = .square
        return Page.Figure(
            chart,
            "Share of correct predictions of \(TileLabel.nuclei.name) against share of \(TileLabel.nuclei.name) tiles that "
                + "are found, at every threshold. The closer to the upper right corner, the better.")
    }

    private var reliabilityFigure: Page.Figure {
        let diagrams: [(name: String, reliability: Reliability)] =
            uncalibratedEstimates.map {
                [("before calibration", $0.reliability), ("calibrated", estimates.reliability)]
            } ?? [("not calibrated", estimates.reliability)]
        let bins = diagrams.map { $0.reliability.bins.filter { $0.count > 0 } }
        /// The range from the lowest value, rounded down to a tenth, to 1.
        func range(_ values: (Reliability.Bin) -> [Double]) -> ClosedRange<Double> {
            let lowest = bins.joined().flatMap(values).min() ?? 0
            return min(0.9, max(0, (lowest * 10).rounded(.down) / 10))...1
        }
        let series = zip(diagrams, bins).map { diagram, bins in
            let error = String(diagram.reliability.expectedCalibrationError ?? 0, decimals: 3)
            return Chart.Series(
                "\(diagram.name), ECE \(error)", .linesWithPoints, bins.map { Chart.Point($0.confidence, $0.accuracy) })
        }
        var chart = Chart(
            "Reliability", x: Chart.Axis("confidence", range { [$0.confidence] }),
            y: Chart.Axis("accuracy", range { [$0.confidence, $0.accuracy] }), series)
        (chart.diagonal, chart.shape) = ("perfect calibration", .square)
        chart.strip = Chart.Strip(
            y: Chart.Axis("tiles"),
            zip(diagrams, bins).map { diagram, bins in
                Chart.Series(
                    "tiles \(diagram.name)", .linesWithPoints,
                    bins.map { Chart.Point($0.confidence, Double($0.count)) })
            })
        return Page.Figure(
            chart,
            "Upper panel: accuracy of the tiles in each bin of confidence. On the gray diagonal, confidence equals accuracy; "
                + "below it the model is overconfident, above it underconfident. The expected calibration error (ECE) is "
                + "the mean distance from the diagonal, weighted by tiles. Lower panel: tiles in each bin; points of few "
                + "tiles are unreliable.")
    }
}
