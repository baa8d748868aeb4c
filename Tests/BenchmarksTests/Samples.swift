import Benchmarks
import Tensors

/// An operation that is never executed.
func operation(_ layer: String = "conv", flops: Double? = 1e9, floats: Int = 1000) -> Operation {
    Operation(
        network: "net", kind: .convolution, layer: layer, shape: "1>1", flops: flops, floats: floats
    ) { Operation.Loaded { _ in } }
}

/// Measurements of an operation: seconds in each round, on a machine with the given peak FLOP and bytes per second.
func result(
    of operation: Operation = operation(), algorithm: String? = "direct", isPreferred: Bool = true, threads: Int = 2,
    _ seconds: [Double], peak: Double = 1e11, bytes: Double = 1e10
) -> BenchmarkResult {
    BenchmarkResult(
        operation, batch: 4, threads: threads, algorithm: algorithm, isPreferred: isPreferred, scratchBytes: 2_000_000,
        rounds: seconds.map { ($0, MachinePeak.Rates(flops: peak, read: bytes, triad: bytes / 2)) })
}

func report(_ results: [BenchmarkResult], processor: String = "cpu") -> BenchmarkReport {
    BenchmarkReport(
        date: "1970-01-01T00:00:00Z",
        machine: BenchmarkReport.Machine(
            processor: processor, peakInstructions: "AVX2", instructions: "any", load: [1.5, 2.5],
            processorShare: 0.75),
        peaks: [BenchmarkReport.Peak(threads: 2, flops: [1e11, 2e11, 3e11], read: [1e10], triad: [5e9])],
        results: results)
}
