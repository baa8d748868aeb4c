import Benchmarks
import Charts

/// A report as pictures: how much operations compute for each byte they move, and how fast they do it, under the
/// machine's limits (the roofline model; Williams, Waterman, Patterson 2009).
struct Roofline {
    private let report: BenchmarkReport

    init(_ report: BenchmarkReport) {
        self.report = report
    }

    /// A chart for each number of threads.
    var charts: [Chart] { report.peaks.map(chart) }

    /// Short names: they stand beside each other above the picture.
    private static let groups: [(name: String, kinds: Set<Operation.Kind>)] = [
        ("forward", [.convolution, .convolutionTraining]),
        ("data gradient", [.convolutionData]),
        ("weight gradient", [.convolutionWeight]),
        ("dense, AdamW", [.dense, .denseData, .denseWeight, .step]),
    ]
    /// Smaller operations are over before threads have woken up, and would only stretch the picture.
    private static let fewestOperations = 1e6

    private func chart(_ peak: BenchmarkReport.Peak) -> Chart {
        let results = report.results.filter {
            $0.threads == peak.threads && $0.operations ?? 0 >= Self.fewestOperations
        }
        func points(_ results: [BenchmarkResult]) -> [Chart.Point] {
            results.map { Chart.Point($0.operations! / $0.bytes, $0.operations! / $0.medianSeconds / 1e9) }
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
            "", x: Chart.Axis("operations for each byte", isLogarithmic: true),
            y: Chart.Axis("GFLOP/s, \(peak.threads) thread\(peak.threads > 1 ? "s" : "")", isLogarithmic: true),
            series + (others.points.isEmpty ? [] : [others]))
        chart.shape = .large
        return chart
    }

    private func roof(_ peak: BenchmarkReport.Peak, over points: [Chart.Point]) -> [Chart.Point] {
        let operations = Distribution(peak.operations).median / 1e9
        let bytes = Distribution(zip(peak.read, peak.triad).map(max)).median / 1e9
        let corner = operations / bytes
        let left = min(points.map(\.x).min() ?? corner, corner) / 2
        let right = max(points.map(\.x).max() ?? corner, corner) * 2
        return [Chart.Point(left, left * bytes), Chart.Point(corner, operations), Chart.Point(right, operations)]
    }
}
