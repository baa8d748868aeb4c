import Benchmarks
import Tensors

/// An operation that is never done.
func operation(_ layer: String = "conv", operations: Double? = 1e9, floats: Int = 1000) -> Operation {
    Operation(
        network: "net", kind: .convolution, layer: layer, shape: "1>1", operations: operations, floats: floats
    ) { Operation.Loaded { _ in } }
}

/// Measurements of it: seconds in each round, on a machine with a peak of so many operations and bytes in a second.
func result(
    of operation: Operation = operation(), algorithm: String? = "direct", isPreferred: Bool = true, threads: Int = 2,
    _ seconds: [Double], peak: Double = 1e11, bytes: Double = 1e10
) -> BenchmarkResult {
    BenchmarkResult(
        operation, batch: 4, threads: threads, algorithm: algorithm, isPreferred: isPreferred, scratchBytes: 2_000_000,
        rounds: seconds.map { ($0, MachinePeak.Rates(operations: peak, read: bytes, triad: bytes / 2)) })
}

func report(_ results: [BenchmarkResult], processor: String = "cpu") -> BenchmarkReport {
    BenchmarkReport(
        date: .init(timeIntervalSince1970: 0),
        machine: BenchmarkReport.Machine(
            processor: processor, peakInstructions: "AVX2", instructions: "any", load: [1.5, 2.5],
            processorShare: 0.75),
        peaks: [BenchmarkReport.Peak(threads: 2, operations: [1e11, 2e11, 3e11], read: [1e10], triad: [5e9])],
        results: results)
}
