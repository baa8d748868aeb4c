import FoundationEssentials
import Tensors

/// Measures operations in rounds. Each round measures the limits of the machine and every algorithm once, so that changes
/// of the machine's speed affect all alike. The rounds of an operation are spread over several sweeps through all
/// operations, so that a disturbance of a few seconds affects only some of them. No measurement is discarded.
package struct Benchmark {
    package struct Settings: Sendable {
        package var batch = 32
        /// Thread counts to measure.
        package var threads = [1]
        package var sweeps = 3
        /// Rounds of each operation in a sweep.
        package var rounds = 3
        /// Approximate duration of a measurement. Short operations are repeated.
        package var seconds = 0.02
        package var instructions = InstructionSet.any

        package init() {}
    }

    private struct Variant {
        let threads: Int
        let algorithm: ConvolutionAlgorithm?
        var scratchCount = 0
        var repeats = 1
        var needsWarmUp = true
        var rounds = [(seconds: Double, peak: MachinePeak.Rates)]()
    }

    private let settings: Settings
    private let stopwatch = Stopwatch()
    private let peak = MachinePeak()

    package init(_ settings: Settings) {
        precondition(settings.sweeps >= 1 && settings.rounds >= 1 && !settings.threads.isEmpty)
        self.settings = settings
    }

    /// Measures all operations. Calls `willMeasure` before each measurement with its index and the total count; it may
    /// throw to stop.
    package func measure(
        _ operations: [Operation], willMeasure: (_ index: Int, _ count: Int, Operation) throws -> Void = { _, _, _ in }
    ) throws -> BenchmarkReport {
        let load = MachineState.load
        var peaks = [Int: BenchmarkReport.Peak]()
        var variants = operations.map(variants)
        defer { try? Kernels.setConvolutionAlgorithm(.any, settings.instructions) }
        for sweep in 0..<settings.sweeps {
            for (index, operation) in operations.enumerated() {
                try willMeasure(sweep * operations.count + index, settings.sweeps * operations.count, operation)
                try measureRounds(operation, &variants[index]) { threads, rates in
                    peaks[threads, default: BenchmarkReport.Peak(threads: threads)].append(rates)
                }
            }
        }
        let machine = BenchmarkReport.Machine(
            processor: MachineState.processor, peakInstructions: MachinePeak.instructions,
            instructions: settings.instructions.rawValue, load: [load, MachineState.load],
            processorShare: min(1, stopwatch.processorShare))
        let results = zip(operations, variants).flatMap { operation, variants in
            variants.map { variant in
                BenchmarkResult(
                    operation, batch: settings.batch, threads: variant.threads, algorithm: variant.algorithm?.name,
                    isPreferred: variant.algorithm == operation.preferred,
                    scratchBytes: variant.scratchCount * MemoryLayout<Float>.stride, rounds: variant.rounds)
            }
        }
        return BenchmarkReport(
            date: Date().formatted(.iso8601), machine: machine, peaks: peaks.values.sorted { $0.threads < $1.threads },
            results: results)
    }

    private func variants(of operation: Operation) -> [Variant] {
        let algorithms = operation.algorithms.isEmpty ? [nil] : operation.algorithms.map(Optional.some)
        return settings.threads.flatMap { threads in algorithms.map { Variant(threads: threads, algorithm: $0) } }
    }

    private func measureRounds(
        _ operation: Operation, _ variants: inout [Variant], record: (Int, MachinePeak.Rates) -> Void
    ) throws {
        try Kernels.setThreadCount(settings.threads.max()!)
        try Kernels.setConvolutionAlgorithm(.any, settings.instructions)
        let loaded = try operation.load()
        for index in variants.indices {
            try select(variants[index])
            variants[index].scratchCount = loaded.scratchCount()
        }
        let scratch = Tensor([max(1, variants.map(\.scratchCount).max()!)])
        for index in variants.indices where variants[index].rounds.isEmpty {
            try calibrate(&variants[index], loaded, scratch)
        }
        for round in 0..<settings.rounds {
            for threads in settings.threads {
                let rates = peak.measure(threads: threads)
                record(threads, rates)
                let indices = variants.indices.filter { variants[$0].threads == threads }
                for index in round % 2 == 0 ? indices : indices.reversed() {
                    try select(variants[index])
                    let seconds = try time(variants[index], loaded, scratch)
                    variants[index].rounds.append((seconds, rates))
                }
            }
        }
    }

    private func select(_ variant: Variant) throws(KernelError) {
        try Kernels.setThreadCount(variant.threads)
        try Kernels.setConvolutionAlgorithm(variant.algorithm ?? .any, settings.instructions)
    }

    /// Sets the number of repetitions in one measurement.
    private func calibrate(_ variant: inout Variant, _ loaded: Operation.Loaded, _ scratch: Tensor) throws {
        try select(variant)
        try loaded.execute(scratch)
        let once = try time(variant, loaded, scratch)
        variant.repeats = Int(min(1e6, max(1, (settings.seconds / max(once, 1e-9)).rounded(.up))))
        variant.needsWarmUp = once < settings.seconds
    }

    /// Seconds for one execution. A short operation is first executed once without being timed.
    private func time(_ variant: Variant, _ loaded: Operation.Loaded, _ scratch: Tensor) throws -> Double {
        if variant.needsWarmUp { try loaded.execute(scratch) }
        let seconds = try stopwatch.seconds(threads: variant.threads) {
            for _ in 0..<variant.repeats { try loaded.execute(scratch) }
        }
        return max(seconds, 1e-9) / Double(variant.repeats)
    }
}
