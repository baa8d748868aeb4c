import ArgumentParser
import Benchmarks
import Console
import Foundations

struct Layers: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the layers within a whole inference or training step.",
        discussion: ExitStatus.help)

    @OptionGroup var work: WorkOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var options: BenchOptions

    @Option(help: "Number of rounds (default: 15; 3 with --quick).")
    var rounds: Int?

    @Option(help: "Also write all measurements to this JSON file.")
    var json: FilePath?

    func validate() throws {
        try require(1...100_000 ~= rounds ?? 1, "--rounds", "1 to 100000", found: rounds ?? 0)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            try options.apply(threads: threads.count)
            let file = try json.map { path throws(FileError) in try AtomicFile(path) }
            let times = try LayerTimes(
                work.load(batch: options.batch), threads: threads.count, rounds: rounds ?? (options.quick ? 3 : 15),
                instructions: options.isa
            ) {
                try Interruption.check("interrupted; nothing was written")
            }
            Terminal.printLines(times.text)
            if let file {
                try file.write(try JSON.data(times, pretty: true))
                try file.commit()
            }
        }
    }
}
