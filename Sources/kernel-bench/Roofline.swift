import Benchmarks
import Charts

/// Roofline charts of a report: arithmetic intensity and rate of operations, below the limits of the machine (Williams,
/// Waterman and Patterson 2009).
struct Roofline {
    private let report: BenchmarkReport

    init(_ report: BenchmarkReport) {
        self.report = report
    }

    /// One chart for each thread count.
    var charts: [Chart] { report.peaks.map(chart) }

    /// Series of the chart. Short names fit in one line of the legend.
    private static let groups: [(name: String, kinds: Set<Operation.Kind>)] = [
        ("forward", [.convolution, .convolutionTraining]),
        ("int16", [.convolutionFixedPoint]),
        ("data gradient", [.convolutionData]),
        ("weight gradient", [.convolutionWeight]),
        ("dense, AdamW", [.dense, .denseData, .denseWeight, .step]),
    ]
    /// Smaller operations are dominated by thread start-up and would stretch the axes.
    private static let minimumFlops = 1e6

    private func chart(_ peak: BenchmarkReport.Peak) -> Chart {
        let results = report.results.filter {
            $0.threads == peak.threads && $0.flops ?? 0 >= Self.minimumFlops
        }
        func points(_ results: [BenchmarkResult]) -> [Chart.Point] {
            results.map { Chart.Point($0.flops! / $0.bytes, $0.flops! / $0.medianSeconds / 1e9) }
        }
        let chosen = { (result: BenchmarkResult) in result.algorithm == nil || result.isPreferred }
        var series = [Chart.Series("limit", .line, roof(peak, over: points(results)))]
        for group in Self.groups {
            let own = results.filter { group.kinds.contains($0.kind) && chosen($0) }
            if !own.isEmpty { series.append(Chart.Series(group.name, .points, points(own))) }
        }
        var others = Chart.Series("not chosen", .points, points(results.filter { !chosen($0) }))
        others.isMuted = true
        var chart = Chart(
            "", x: Chart.Axis("FLOP per byte", isLogarithmic: true),
            y: Chart.Axis("GFLOP/s, \(peak.threads) thread\(peak.threads > 1 ? "s" : "")", isLogarithmic: true),
            series + (others.points.isEmpty ? [] : [others]))
        chart.shape = .large
        return chart
    }

    private func roof(_ peak: BenchmarkReport.Peak, over points: [Chart.Point]) -> [Chart.Point] {
        let flops = Distribution(peak.flops).median / 1e9
        let bytes = Distribution(zip(peak.read, peak.triad).map(max)).median / 1e9
        let corner = flops / bytes
        let left = min(points.map(\.x).min() ?? corner, corner) / 2
        let right = max(points.map(\.x).max() ?? corner, corner) * 2
        return [Chart.Point(left, left * bytes), Chart.Point(corner, flops), Chart.Point(right, flops)]
    }
}
