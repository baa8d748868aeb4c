import ArgumentParser
import Console
import Foundations
import Glibc
import Masking

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Estimate time, memory and disk of masking without running it.",
        discussion: """
            Accepts the same arguments as masking and opens every image: prints what would be read, the number of windows \
            and how many have tissue, the expected time, memory and disk, and what would fail. Times are estimated from \
            windows computed, pixels decoded and mask rows written now; --refine and --heatmap are not included. No file \
            remains, except the outline of the tissue if --tissue-geojson requests it.

            \(ExitStatus.helpForMany) The status is the one that masking would end with.
            """)

    @OptionGroup var options: MaskingOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Option(
        help: """
            CSV to write with a row for each image, those that take longest first; it is also a list for --images. Tasks of \
            a job array that begin with the longest images end together.
            """, completion: .file())
    var table: FilePath?

    func validate() throws { try requireCSV(table, "--table") }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            options.messages.apply(json: json, resultsArePurpose: true)
            let setup = try MaskingSetup(options)
            setup.noteLeftOut()
            if let table { try setup.requireFree(table) }
            Terminal.showStatus("measuring \(setup.pipeline.model.path)")
            var estimator = try MaskEstimator(setup.pipeline, threads: options.threads.count)
            // Estimating tries to write to the folder. Folders that were created are removed again if they stay empty.
            let madeFolders = try setup.makeFolders()
            defer { for folder in madeFolders { rmdir(folder.string) } }
            var estimates = [ImageEstimate]()
            var progress = Progress("plan", unit: "images")
            for (index, image) in setup.batch.images.enumerated() {
                try Interruption.check("interrupted")
                progress.update(index, of: setup.batch.images.count)
                estimates.append(
                    estimator.estimate(setup.request(for: image), overwrites: setup.overwrites))
            }
            let report = PlanReport(
                estimates, micronsPerPixel: setup.batch.images.map(setup.statedMicronsPerPixel),
                unit: setup.pipeline.method.unit, secondsPerUnit: estimator.secondsPerUnit,
                threads: options.threads.count,
                keepsCache: options.outputs.keepProbabilities)
            if let table { try AtomicFile.write(report.csv, to: table) }
            if json { try Terminal.printJSON(report) } else { report.printTable() }
            let failures =
                setup.batch.problems.map { Console.report($0) } + estimates.flatMap(\.problems).map(\.exitStatus)
            let status = ExitStatus.combined(
                failures, isPartlyUnreadable: estimates.contains { $0.outcome == .partlyUnreadable })
            if status != .success { throw status }
        }
    }
}
