import ArgumentParser
import Benchmarks
import Console
import Foundations
import NeuralNetworks

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure on request, to alternate with other programs.",
        discussion: """
            Loads everything, executes the work once, and prints a line of JSON with "ready", "first_call_s" (seconds \
            of the first execution) and "rss_mb". Then measures for each line on standard input, and prints a line of \
            JSON with "per_s" (tiles per second), "ms" (milliseconds per batch) and "rss_mb" (peak memory in MB). Ends \
            at the end of input.

            --export writes files for other programs: model.safetensors with the network, and batch.safetensors with \
            the tensors "input" (the tiles) and "logits" (the output for them), always computed with floats.

            \(ExitStatus.help)
            """)

    @OptionGroup var work: WorkOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var options: BenchOptions

    @Option(help: "Approximate duration of a measurement, in seconds.")
    var seconds = 0.4

    @Option(help: ArgumentHelp("Also write the network, tiles and logits to this folder.", valueName: "folder"))
    var export: FilePath?

    func validate() throws {
        try require(0.001...60 ~= seconds, "--seconds", "0.001 to 60", found: seconds)
    }

    func run() throws {
        try reportingErrors {
            try options.apply(threads: threads.count)
            let work = try self.work.load(batch: options.batch)
            if let export {
                let floats = work.precision == .float32
                try write(floats ? work : NetworkWork(work.architecture, work.task, batch: work.batch), to: export)
            }
            let first = try time(1, work)
            let once = try time(1, work)
            let count = max(1, Int((seconds / once).rounded()))
            try answer(["ready": 1, "first_call_s": first, "rss_mb": memory])
            while readLine() != nil {
                // Wakes up the threads and fills the caches.
                try work.run()
                let seconds = try time(count, work)
                try answer(["per_s": Double(options.batch) / seconds, "ms": seconds * 1e3, "rss_mb": memory])
            }
        }
    }

    /// Average seconds of `count` executions.
    private func time(_ count: Int, _ work: NetworkWork) throws -> Double {
        let start = ContinuousClock.now
        for _ in 0..<count { try work.run() }
        return start.secondsSince / Double(count)
    }

    private var memory: Double { (Double(MachineState.peakMemory) / 1_048_576).rounded() }

    private func answer(_ numbers: [String: Double]) throws {
        try Terminal.printJSON(numbers, pretty: false)
    }

    private func write(_ work: NetworkWork, to folder: FilePath) throws {
        try Folder.ensure(folder)
        try work.model.write(to: "\(folder)/model.safetensors")
        let input = work.workspace.input
        try SafetensorsFile.write(
            [("input", input), ("logits", work.logits())], metadata: [:], to: "\(folder)/batch.safetensors")
    }
}
