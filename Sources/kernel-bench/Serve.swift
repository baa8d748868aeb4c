import ArgumentParser
import Benchmarks
import Console
import Foundations
import Foundation
import NeuralNetworks

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take turns with other programs: a measurement for each line on the standard input.",
        discussion: """
            Loads everything, does the work once, and prints a line of JSON: "ready", and "first_call_s", how long that \
            took. Then it answers every line on the standard input with a line of JSON: "per_s" tiles in a second, \
            "ms" for a batch, and "rss_mb", the most memory held so far. It ends with the input.

            --export writes what others need to do the same work: model.safetensors, the network, and \
            batch.safetensors with the tensors "input", the tiles, and "logits", what the network makes of them.

            \(ExitStatus.help)
            """)

    @OptionGroup var work: WorkOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var options: BenchOptions

    @Option(help: "About how long a measurement takes.")
    var seconds = 0.4

    @Option(help: ArgumentHelp("Also write network, tiles and logits to this folder.", valueName: "folder"))
    var export: FilePath?

    func validate() throws {
        try require(0.001...60 ~= seconds, "--seconds", "0.001 to 60", found: seconds)
    }

    func run() throws {
        try reportingErrors {
            try options.apply(threads: threads.count)
            let work = try work.load(batch: options.batch)
            if let export { try write(work, to: export) }
            let first = try time(1, work)
            let once = try time(1, work)
            let count = max(1, Int((seconds / once).rounded()))
            try answer(["ready": 1, "first_call_s": first, "rss_mb": memory])
            while readLine() != nil {
                // Brings threads and caches back.
                try work.run()
                let seconds = try time(count, work)
                try answer(["per_s": Double(options.batch) / seconds, "ms": seconds * 1e3, "rss_mb": memory])
            }
        }
    }

    /// Seconds for doing the work once, measured over several times.
    private func time(_ count: Int, _ work: NetworkWork) throws -> Double {
        let start = ContinuousClock.now
        for _ in 0..<count { try work.run() }
        return Progress.seconds(ContinuousClock.now - start) / Double(count)
    }

    private var memory: Double { (Double(MachineState.peakMemory) / 1_048_576).rounded() }

    private func answer(_ numbers: [String: Double]) throws {
        let data = try JSONSerialization.data(withJSONObject: numbers, options: [.sortedKeys])
        Terminal.printLine(String(decoding: data, as: UTF8.self))
    }

    private func write(_ work: NetworkWork, to folder: FilePath) throws {
        try Folder.ensure(folder)
        try work.model.write(to: "\(folder)/model.safetensors")
        let input = work.workspace.input
        try SafetensorsFile.write(
            [("input", input), ("logits", work.logits())], metadata: [:], to: "\(folder)/batch.safetensors")
    }
}
