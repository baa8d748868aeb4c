import Foundation
import Tensors

/// Measures operations in rounds: in each, the machine's limits and every algorithm once, so that a change of the
/// machine's speed hits all alike. The rounds of an operation are spread over sweeps through the whole list: what
/// disturbs the machine for some seconds disturbs some of its rounds only. Nothing is thrown away.
package struct Benchmark {
    package struct Settings: Sendable {
        package var batch = 32
        /// Numbers of threads to measure with.
        package var threads = [1]
        package var sweeps = 3
        /// Of each operation in a sweep.
        package var rounds = 3
        /// About how long a measurement takes; short operations are repeated.
        package var seconds = 0.02
        package var instructions = InstructionSet.any

        package init() {}
    }

    private struct Variant {
        let threads: Int
        let algorithm: ConvolutionAlgorithm?
        var scratchCount = 0
        var repeats = 1
        var needsWarmth = true
        var rounds = [(seconds: Double, peak: MachinePeak.Rates)]()
    }

    private let settings: Settings
    private let stopwatch = Stopwatch()
    private let peak = MachinePeak()

    package init(_ settings: Settings) {
        precondition(settings.sweeps >= 1 && settings.rounds >= 1 && !settings.threads.isEmpty)
        self.settings = settings
    }

    /// Measures all operations; `willMeasure` hears before each, how many measurements there are and which this is, and
    /// may throw to stop.
    package func run(
        _ operations: [Operation], willMeasure: (_ index: Int, _ count: Int, Operation) throws -> Void = { _, _, _ in }
    ) throws -> BenchmarkReport {
        let load = MachineState.load
        var peaks = [Int: BenchmarkReport.Peak]()
        var variants = operations.map(variants)
        defer { try? Kernels.setConvolutionAlgorithm(.any, settings.instructions) }
        for sweep in 0..<settings.sweeps {
            for (index, operation) in operations.enumerated() {
                try willMeasure(sweep * operations.count + index, settings.sweeps * operations.count, operation)
                try measure(operation, &variants[index]) { threads, rates in
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
            date: Date(), machine: machine, peaks: peaks.values.sorted { $0.threads < $1.threads }, results: results)
    }

    private func variants(of operation: Operation) -> [Variant] {
        let algorithms = operation.algorithms.isEmpty ? [nil] : operation.algorithms.map(Optional.some)
        return settings.threads.flatMap { threads in algorithms.map { Variant(threads: threads, algorithm: $0) } }
    }

    private func measure(
        _ operation: Operation, _ variants: inout [Variant], note: (Int, MachinePeak.Rates) -> Void
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
                note(threads, rates)
                let places = variants.indices.filter { variants[$0].threads == threads }
                for place in round % 2 == 0 ? places : places.reversed() {
                    try select(variants[place])
                    let seconds = try time(variants[place], loaded, scratch)
                    variants[place].rounds.append((seconds, rates))
                }
            }
        }
    }

    private func select(_ variant: Variant) throws(KernelError) {
        try Kernels.setThreadCount(variant.threads)
        try Kernels.setConvolutionAlgorithm(variant.algorithm ?? .any, settings.instructions)
    }

    /// Finds out how often the operation is to be repeated for one measurement.
    private func calibrate(_ variant: inout Variant, _ loaded: Operation.Loaded, _ scratch: Tensor) throws {
        try select(variant)
        try loaded.run(scratch)
        let once = try time(variant, loaded, scratch)
        variant.repeats = Int(min(1e6, max(1, (settings.seconds / max(once, 1e-9)).rounded(.up))))
        variant.needsWarmth = once < settings.seconds
    }

    /// Seconds for doing it once. The first time after something else is not counted where it would show.
    private func time(_ variant: Variant, _ loaded: Operation.Loaded, _ scratch: Tensor) throws -> Double {
        if variant.needsWarmth { try loaded.run(scratch) }
        let seconds = try stopwatch.seconds(threads: variant.threads) {
            for _ in 0..<variant.repeats { try loaded.run(scratch) }
        }
        return max(seconds, 1e-9) / Double(variant.repeats)
    }
}
