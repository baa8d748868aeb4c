import ArgumentParser
import Benchmarks
import Charts
import Console
import FoundationEssentials
import Foundations
import NeuralNetworks

struct Operations: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure every kernel at the shapes of the networks.",
        discussion: """
            Measures each operation with every algorithm that supports its shape and every thread count. Each round \
            also measures the peak arithmetic rate and the memory bandwidth of the machine.

            \(ExitStatus.help)
            """)

    @Option(
        help: ArgumentHelp(
            "Only operations with all these words in network, operation or layer, for example \"lenet5 conv2\".",
            valueName: "text"))
    var filter: String?

    @Option(
        name: .shortAndLong, parsing: .upToNextOption,
        help: ArgumentHelp(
            """
            Thread counts to measure (default: 1, and OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else the processors that \
            this process may use).
            """,
            valueName: "count"))
    var threads = [Int]()

    @OptionGroup var options: BenchOptions

    @Option(help: "Also write all measurements to this JSON file.")
    var json: FilePath?

    @Option(help: ArgumentHelp("Compare with an earlier --json file.", valueName: "old.json"))
    var compare: FilePath?

    @Option(help: ArgumentHelp("Also draw a roofline chart of all operations.", valueName: "file.svg"))
    var roofline: FilePath?

    func validate() throws {
        for count in threads { try ThreadOptions.require(count) }
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            var settings = Benchmark.Settings()
            settings.batch = options.batch
            settings.instructions = options.isa
            let counts = threads.isEmpty ? [1, ThreadCount.usual.count] : threads
            settings.threads = Set(counts).sorted()
            if options.quick { (settings.sweeps, settings.seconds) = (1, 0.002) }
            try options.apply(threads: settings.threads.max()!)
            // Everything that can be missing is looked for before the measurements.
            if roofline != nil { try Gnuplot().installedPath() }
            let old = try compare.map { path throws(FileError) in try BenchmarkReport(path: path) }
            let file = try json.map { path throws(FileError) in try AtomicFile(path) }
            let picture = try roofline.map { path throws(FileError) in try AtomicFile(path) }
            let operations = try chosenOperations()

            var progress = Progress("kernel-bench", unit: "operations")
            let report = try Benchmark(settings).measure(operations) { index, count, operation in
                progress.update(index, of: count, details: operation.title)
                try Interruption.check("interrupted; nothing was written")
            }
            progress.end()
            Terminal.printLines(report.text)
            if let old { Terminal.printLines("\n" + Comparison(old: old, new: report).text) }
            if let file {
                try file.write(Data(try report.json().utf8))
                try file.commit()
            }
            if let picture {
                let drawings = try Gnuplot().svg(Roofline(report).charts.suffix(1))
                try picture.write(Data(("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + drawings[0] + "\n").utf8))
                try picture.commit()
            }
        }
    }

    private func chosenOperations() throws -> [Benchmarks.Operation] {
        var operations = [Benchmarks.Operation]()
        for architecture in Architecture.allCases {
            operations += try Operation.layers(of: architecture, batch: options.batch, instructions: options.isa)
            operations += try Operation.optimizer(of: architecture, batch: options.batch)
        }
        operations += Operation.tiles(batch: options.batch)
        guard let filter else { return operations }
        let words = filter.lowercased().split(separator: " ")
        let chosen = operations.filter { operation in words.allSatisfy { operation.title.lowercased().contains($0) } }
        if chosen.isEmpty {
            throw ValidationError("--filter: expected words of an operation, found no operation with \"\(filter)\"")
        }
        return chosen
    }
}
