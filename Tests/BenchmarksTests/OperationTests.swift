import Benchmarks
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct OperationTests {
    private func all(_ architecture: Architecture, batch: Int) throws -> [Operation] {
        try Operation.layers(of: architecture, batch: batch, instructions: .any)
            + Operation.optimizer(of: architecture, batch: batch)
    }

    @Test func everyKindAndEveryAlgorithmIsMeasured() throws {
        let operations = try Architecture.allCases.flatMap { try all($0, batch: 2) } + Operation.tiles(batch: 2)
        for kind in Operation.Kind.allCases {
            #expect(operations.contains { $0.kind == kind }, "\(kind.rawValue)")
        }
        #expect(ConvolutionAlgorithm.all.map(\.name) == ["im2col", "direct", "winograd"])
        // Also checks the default algorithm.
        for kind: Operation.Kind in [.convolution, .convolutionTraining, .convolutionData, .convolutionWeight] {
            let own = operations.filter { $0.kind == kind }
            for algorithm in ConvolutionAlgorithm.all {
                #expect(own.contains { $0.algorithms.contains(algorithm) }, "\(kind.rawValue) by \(algorithm)")
            }
            #expect(own.allSatisfy { $0.preferred.map($0.algorithms.contains) == true })
        }
        #expect(Set(operations.map { "\($0.title) \($0.shape)" }).count == operations.count)
    }

    @Test func workIsThatOfTheDefinition() throws {
        let operations = try all(.lenet5, batch: 3)
        func find(_ kind: Operation.Kind, _ layer: String) throws -> Operation {
            try #require(operations.first { $0.kind == kind && $0.layer == layer })
        }
        // 120 filters of 16 x 5 x 5 at 58 x 58 places, 3 tiles, two FLOP each.
        let conv3 = try find(.convolutionWeight, "conv3")
        let (input, output, weights) = (3 * 16 * 62 * 62, 3 * 120 * 58 * 58, 120 * 16 * 25)
        #expect(conv3.flops == Double(2 * output * 16 * 25))
        // Inputs, output gradients, outputs as ReLU mask, weight gradients.
        #expect(conv3.bytes == Double(4 * (input + 2 * output + weights)))
        let fc1 = try find(.dense, "fc1")
        let matrix = 403_680 * 84
        #expect(fc1.flops == Double(2 * matrix * 3))
        #expect(fc1.bytes == Double(4 * (matrix + 3 * (403_680 + 84))))
        // The first layer has no gradient with respect to its input.
        #expect(!operations.contains { $0.kind == .convolutionData && $0.layer == "conv1" })
        // Weights and two moments are read and written; the factors of the gradient are read.
        let step = try find(.step, "AdamW")
        let gradient = 33_960_366 - matrix + 3 * (403_680 + 84)
        #expect(step.bytes == Double(4 * (6 * 33_960_366 + gradient)))
    }

    @Test func everyOperationRuns() throws {
        try run(all(.compact, batch: 2) + Operation.tiles(batch: 2), threads: [2])
    }

    @Test func convolutionsOfLeNetRun() throws {
        let kinds = try all(.lenet5, batch: 1)
        try run(
            kinds.filter { $0.kind.rawValue.hasPrefix("convolution") || $0.kind == .denseFixedPoint },
            threads: [1, 2])
    }

    private func run(_ operations: [Operation], threads counts: [Int]) throws {
        defer { try? Kernels.setConvolutionAlgorithm(.any, .any) }
        let threads = Kernels.threadCount
        defer { try? Kernels.setThreadCount(threads) }
        var settings = Benchmark.Settings()
        (settings.batch, settings.threads, settings.sweeps, settings.rounds) = (2, counts, 1, 1)
        settings.seconds = 1e-6
        let report = try Benchmark(settings).measure(operations)
        let expected = operations.reduce(0) { $0 + counts.count * max(1, $1.algorithms.count) }
        #expect(report.results.count == expected)
        #expect(report.results.allSatisfy { $0.seconds.count == 1 && $0.medianSeconds > 0 })
        #expect(report.peaks.map(\.threads) == counts)
        #expect(report.peaks.allSatisfy { $0.flops.count == operations.count })
    }

    @Test func roundsAreSpreadOverSweeps() throws {
        var settings = Benchmark.Settings()
        (settings.sweeps, settings.rounds, settings.seconds) = (3, 2, 1e-6)
        let operation = try #require(Operation.tiles(batch: 1).first)
        var order = [Int]()
        let report = try Benchmark(settings).measure([operation, operation]) { index, count, _ in
            order.append(index)
            #expect(count == 6)
        }
        #expect(order == [0, 1, 2, 3, 4, 5])
        #expect(report.results.allSatisfy { $0.seconds.count == 6 && $0.peakBytes.count == 6 })
    }
}

@Suite(.kernelTurns) struct MachinePeakTests {
    @Test func ratesAreThoseOfAProcessor() {
        let peak = MachinePeak()
        let rates = peak.measure(threads: 1)
        // Wide limits for old and new machines.
        #expect(1e8...1e13 ~= rates.flops && 1e7...1e13 ~= rates.read && 1e7...1e13 ~= rates.triad)
        #expect(rates.bytes >= rates.read && rates.bytes >= rates.triad)
        #expect(["AVX-512", "AVX2", "portable"].contains(MachinePeak.instructions))
    }
}
