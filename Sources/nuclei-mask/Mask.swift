import ArgumentParser
import Console
import Foundations
import Foundation
import Masking

struct Mask: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the masks of images.",
        discussion: """
            IMAGE is a JPEG or PNG crop, or a whole slide in any format that OpenSlide reads. Slides are resampled to \
            the microns per pixel of the tiles that the model learnt from, where it knows them; crops are taken to \
            have them. Windows as large as the model's tiles slide over it; the probabilities of nuclei of all \
            windows that cover a pixel are averaged. The mask has the image's size: 255 where nuclei are, else 0; in \
            the lower levels of a pyramid greys are means.

            Of several images, one that fails is reported and the others go on; finished ones are skipped; Ctrl-C stops all, \
            and the same command goes on. Of folders the images and slides that lie in them are taken, not those of folders \
            within, nor what this program has written.

            \(ExitStatus.helpForMany)
            """)

    @OptionGroup var options: MaskingOptions

    @Option(
        help: """
            CSV to write with a row for each image, after every image (default: of several, summary.csv in the output \
            folder or, without one, here).
            """)
    var summary: FilePath?

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            let job = try MaskingJob(options)
            job.reportLeftOut()
            if let folder = options.outputs.outputFolder { try Folder.ensure(folder) }
            let path = try summaryPath(job)
            if let path { try job.requireFree(path) }
            var summary = RunSummary(job.images.map { ($0, job.names.mask(for: $0)) })
            var failures = [ExitCode]()
            let start = ContinuousClock.now
            try write(summary, to: path)
            for (index, image) in job.images.enumerated() {
                var failure: (any Error)?
                do {
                    try Interruption.check("interrupted; the same command goes on")
                    if let record = job.finished(image) {
                        Terminal.printLine("\(image): finished before, skipped (--overwrite makes it again)")
                        summary.finish(index, record, wasFound: true)
                        continue
                    }
                    let masking = ImageMasking(job, image, place: job.isSingle ? nil : (index, job.images.count))
                    summary.finish(index, try masking.run(), wasFound: false)
                } catch {
                    let state = error is Interrupted ? RunSummary.State.interrupted : .failed
                    summary.stop(index, state, "\(error)".replacing("\n", with: "; "))
                    failure = error
                }
                // Said first: the summary may fail for the same reason.
                let isFinal = failure is Interrupted || job.isSingle
                if let failure, !isFinal { failures.append(report(failure)) }
                try write(summary, to: path)
                guard let failure, isFinal else { continue }
                if !job.isSingle { print(summary, path, since: start) }
                throw failure
            }
            try write(summary, to: path)
            if !job.isSingle { print(summary, path, since: start) }
            let status = ExitStatus.combined(failures, isPartlyUnreadable: summary.hasUnreadableParts)
            if status != .success { throw status }
        }
    }

    /// Where the summary goes. One that was not asked for takes nobody's place.
    private func summaryPath(_ job: MaskingJob) throws -> FilePath? {
        if job.isSingle || summary != nil { return summary }
        let path = (options.outputs.outputFolder ?? "").appending("summary.csv")
        try RunSummary.requireReplaceable(path)
        return path
    }

    private func write(_ summary: RunSummary, to path: FilePath?) throws {
        if let path { try AtomicFile.write(summary.csv, to: path) }
    }

    private func print(_ summary: RunSummary, _ path: FilePath?, since start: ContinuousClock.Instant) {
        Terminal.printLine()
        for line in summary.table { Terminal.printLine(line) }
        let seconds = Progress.seconds(ContinuousClock.now - start)
        Terminal.printLine("\n\(summary.rows.count) images: \(summary.counts) in \(Progress.clock(seconds))")
        if let path { Terminal.printLine("summary: \(path)") }
    }
}
