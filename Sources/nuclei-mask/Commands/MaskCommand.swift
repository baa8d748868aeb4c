import ArgumentParser
import Console
import Foundations
import Masking

struct MaskCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mask",
        abstract: "Write the masks of images.",
        discussion: """
            IMAGE is a JPEG, PNG or TIFF crop, or a whole slide in any format that OpenSlide reads. Images are resampled \
            to the microns per pixel of the model's training tiles, if the model states them; those that state no \
            resolution, and get no --mpp, are treated as having them, with a warning. The default model outlines nuclei. \
            With one that classifies windows, these slide over the image, and the probabilities of all windows over a \
            pixel are averaged. The mask has the size of the image: 255 where nuclei are, 0 elsewhere; in the \
            lower levels of a pyramid, gray values are means.

            With several images, one that fails is reported and the others continue; finished ones are skipped; Ctrl-C \
            stops all, and the same command resumes. From a folder, the images and slides directly in it are taken (with \
            --recursive, also those in its folders), except files that this program has written.

            \(ExitStatus.helpForMany)
            """)

    @OptionGroup var options: MaskingOptions

    @Option(
        help: """
            CSV to write with a row for each image, updated every few seconds (default: with several images, summary.csv \
            in the output folder or the current folder; summary-I-of-N.csv with --shard).
            """)
    var summary: FilePath?

    @Flag(help: "Print one JSON document with the result for each image; other lines go to standard error.")
    var json = false

    @Flag(
        help: "End with 0 instead of 74 where parts of a slide could not be read. Warnings and records stay the same.")
    var acceptUnreadable = false

    func validate() throws {
        try requireCSV(summary, "--summary")
        let commands = NucleiMask.configuration.subcommands.map { $0._commandName }
        if let command = options.images.first(where: { commands.contains($0) && !FilePath($0).exists }) {
            throw ValidationError("expected options after the name of the command: nuclei-mask \(command) ...")
        }
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            options.messages.apply(json: json)
            let setup = try MaskingSetup(options)
            setup.noteLeftOut()
            _ = try setup.makeFolders()
            let path = try summaryPath(setup)
            if let path { try setup.requireFree(path) }
            let status = try maskAll(setup, summary: path)
            if status != .success { throw status }
        }
    }

    /// Masks all images and returns the exit status. A failure of one image is reported and the others continue, but an
    /// interruption, or the failure of a single image, is thrown.
    private func maskAll(_ setup: MaskingSetup, summary path: FilePath?) throws -> ExitCode {
        let batch = setup.batch
        var summary = RunSummary(batch.images.map { ($0, batch.names.mask(for: $0)) })
        var failures = batch.problems.map { report($0) }
        let start = ContinuousClock.now
        var file = SummaryFile(path)
        func printSummary() throws {
            let seconds = start.secondsSince
            if !batch.isSingle { summary.printTable(path, seconds: seconds) }
            if json { try Terminal.printJSON(MaskDocument(summary, path, seconds: seconds)) }
        }
        try file.write(summary)
        for index in batch.images.indices {
            do {
                try Interruption.check("interrupted; the same command resumes")
                try mask(index, setup, &summary)
            } catch {
                let isBusy = (error as? FileError)?.kind == .busy
                summary.stop(index, error is Interrupted ? .interrupted : isBusy ? .busy : .failed, "\(error)")
                if error is Interrupted || batch.isSingle {
                    try file.write(summary)
                    try printSummary()
                    throw error
                }
                // Reported before the summary is written, which may fail for the same reason.
                failures.append(report(error))
            }
            try file.update(summary)
        }
        try file.write(summary)
        try printSummary()
        return ExitStatus.combined(failures, isPartlyUnreadable: summary.hasUnreadableParts && !acceptUnreadable)
    }

    /// Masks one image, unless it is finished.
    private func mask(_ index: Int, _ setup: MaskingSetup, _ summary: inout RunSummary) throws {
        let batch = setup.batch
        let request = setup.request(for: batch.images[index])
        func skip(_ record: MaskRecord) {
            Terminal.printLine("\(request.image): already finished, skipped (use --overwrite to mask it again)")
            summary.finish(index, record, wasFound: true)
        }
        if let record = setup.finishedRecord(of: request) { return skip(record) }
        let observer = TerminalObserver(request.image, position: batch.isSingle ? nil : (index, batch.images.count))
        let (record, wasFound) = try setup.pipeline.attempt(request, repeats: setup.overwrites, observer)
        if wasFound { return skip(record) }
        summary.finish(index, record, wasFound: false)
        let cache = request.keepsCache ? try setup.pipeline.cache(of: request) : nil
        MaskReport(record, request, cache: cache, observer.findings).print(
            inDetail: batch.isSingle || options.messages.verbose)
    }

    /// The file for the summary; nil without one. A default name does not replace other files.
    private func summaryPath(_ setup: MaskingSetup) throws -> FilePath? {
        if setup.batch.isSingle || summary != nil { return summary }
        let part = options.shard.map { "-\($0.number)-of-\($0.count)" } ?? ""
        let path = (options.outputs.outputFolder ?? "").appending("summary\(part).csv")
        try RunSummary.requireReplaceable(path)
        return path
    }
}
