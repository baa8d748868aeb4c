import Foundations
import NeuralNetworks
import Tensors

/// Times of the layers within a whole inference or training step.
package struct LayerTimes: Codable, Equatable, Sendable {
    package static let format = "kernel-bench-layers-1"

    package struct Part: Codable, Equatable, Sendable {
        package var name: String
        package var phase: NetworkWork.Phase
        /// Multiplications and additions by the definition; nil for layers that are limited by memory.
        package var flops: Double?
        /// Time in each round.
        package var seconds: [Double]
        package var medianSeconds: Double

        private enum CodingKeys: String, CodingKey {
            case name, phase, seconds, medianSeconds
            case flops = "operations"
        }
    }

    package var format = Self.format
    package var network: String
    package var task: NetworkWork.Task
    package var precision: Precision
    package var batch: Int
    package var threads: Int
    package var machine: BenchmarkReport.Machine
    package var peak: BenchmarkReport.Peak
    /// In the order of execution.
    package var parts: [Part]
    /// Total time in each round.
    package var seconds: [Double]
    /// Peak resident memory in bytes, without the arrays of the bandwidth measurement.
    package var peakMemory: Int

    package var tilesPerSecond: Distribution { Distribution(seconds.map { Double(batch) / $0 }) }

    /// Executes the work once to warm up, then once in each round. `willMeasure` is called before each round and may throw
    /// to stop.
    package init(
        _ work: NetworkWork, threads: Int, rounds: Int, instructions: InstructionSet, willMeasure: () throws -> Void
    ) throws {
        precondition(rounds >= 1)
        let stopwatch = Stopwatch()
        let load = MachineState.load
        let clock = ContinuousClock()
        var marks = [(name: String, phase: NetworkWork.Phase, time: ContinuousClock.Instant)]()
        work.observer = { marks.append(($0, $1, clock.now)) }
        defer { work.observer = nil }
        try work.run()
        peakMemory = MachineState.peakMemory
        let flops = work.flopsOfParts
        var parts = marks.map { mark in
            Part(
                name: mark.name, phase: mark.phase, flops: flops["\(mark.name) \(mark.phase)"], seconds: [],
                medianSeconds: 0)
        }
        var totals = [Double]()
        let machinePeak = MachinePeak()
        var peak = BenchmarkReport.Peak(threads: threads)
        for _ in 0..<rounds {
            try willMeasure()
            peak.append(machinePeak.measure(threads: threads))
            marks = []
            let start = clock.now
            totals.append(try stopwatch.seconds(threads: threads) { try work.run() })
            var before = start
            for (index, mark) in marks.enumerated() {
                parts[index].seconds.append((mark.time - before).seconds)
                before = mark.time
            }
        }
        for index in parts.indices { parts[index].medianSeconds = Distribution(parts[index].seconds).median }
        network = work.architecture.rawValue
        task = work.task
        precision = work.precision
        batch = work.batch
        self.threads = threads
        self.parts = parts
        self.peak = peak
        seconds = totals
        machine = BenchmarkReport.Machine(
            processor: MachineState.processor, peakInstructions: MachinePeak.instructions,
            instructions: instructions.rawValue, load: [load, MachineState.load],
            processorShare: min(1, stopwatch.processorShare))
    }

    package var text: String {
        var table = TextTable([
            ("part", .left), ("forward", .right), ("backward", .right), ("step", .right), ("of whole", .right),
            ("GFLOP/s", .right), (precision == .int16 ? "of float peak" : "of peak", .right),
        ])
        let whole = Distribution(seconds)
        let limit = Distribution(peak.flops).median
        var names = [String]()
        for part in parts where !names.contains(part.name) { names.append(part.name) }
        for name in names {
            let own = parts.filter { $0.name == name }
            func time(_ phase: NetworkWork.Phase) -> String {
                own.first { $0.phase == phase }.map { Quantity.time($0.medianSeconds) } ?? "-"
            }
            let counted = own.filter { $0.flops != nil }
            let rate =
                counted.isEmpty
                ? nil : counted.reduce(0) { $0 + $1.flops! } / counted.reduce(0) { $0 + $1.medianSeconds }
            table.append([
                name, time(.forward), time(.backward), time(.step),
                Quantity.percent(own.reduce(0) { $0 + $1.medianSeconds } / whole.median),
                rate.map(Quantity.billions) ?? "-", rate.map { Quantity.percent($0 / limit) } ?? "-",
            ])
        }
        let work = (task == .train ? "training step" : "inference") + (precision == .int16 ? " with int16" : "")
        let machineLines = machine.lines(peaks: [peak])
        return
            (["\(network), \(work) of \(batch) tiles, \(threads) thread\(threads > 1 ? "s" : "")"] + machineLines + [""]
            + table.lines + [
                "",
                "whole: \(Quantity.time(whole.median)) ±\(Quantity.percent(whole.spread)), "
                    + String(tilesPerSecond.median, decimals: 1) + " tiles/s, "
                    + "peak memory \(Quantity.memory(peakMemory)); medians of \(seconds.count) rounds",
            ]).joined(separator: "\n")
    }
}

extension NetworkWork {
    /// Multiplications and additions of convolutions, dense layers and the step, with keys "name phase".
    fileprivate var flopsOfParts: [String: Double] {
        let plan = workspace.network.plan
        let isTrained = plan.isTrained
        var result = [String: Double]()
        for (index, node) in plan.graph.nodes.enumerated() {
            let inputs = plan.inputShapes(of: index)
            let name = node.layer.name
            let needsData: Double = isTrained[node.inputs[0]] ? 1 : 0
            if let layer = node.layer as? ConvolutionLayer, let sums = try? layer.convolution(inputs[0]).unpooledShape()
            {
                let products = layer.convolution(inputs[0]).weightShape.sample.count
                let once = 2 * Double(batch) * Double(sums.count) * Double(products)
                result["\(name) \(Phase.forward)"] = once
                result["\(name) \(Phase.backward)"] = once * (1 + needsData)
            } else if let layer = node.layer as? any FixedPointProduct {
                result["\(name) \(Phase.forward)"] = Double(batch) * layer.flops(for: inputs)
            } else if let layer = node.layer as? LinearLayer {
                let once = 2 * Double(batch) * Double(inputs[0].count) * Double(layer.outputs)
                // The optimizer computes a product gradient.
                let isProduct = plan.memoryTraits(of: index).productParameter != nil
                result["\(name) \(Phase.forward)"] = once
                result["\(name) \(Phase.backward)"] = once * (needsData + (isProduct ? 0 : 1))
                if isProduct { result["\(Self.stepName) \(Phase.step)", default: 0] += once }
            }
        }
        return result
    }
}
