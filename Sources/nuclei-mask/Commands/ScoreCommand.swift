import ArgumentParser
import Console
import Foundations
import Imaging
import Masking

struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Compare masks with the truth, by pixels and by objects.",
        discussion: """
            MASK and TRUTH are files of the same size or folders. Files in folders belong together if their names are the \
            same without extensions and words such as _nuclei_mask, _truth, -labels at the end. A file is a label image \
            (PNG or TIFF: 0 is background, n is nucleus n), a mask (one value but 0: connected pixels, also at corners, \
            are an object), or GeoJSON with a polygon for each object.

            Objects match if their intersection over union is above 0.5, so that each has one match at most. Pooled scores \
            are those of all images side by side; means are over images. The count error is the difference of the numbers of \
            objects as a share of the true number.

            \(ExitStatus.helpForMany)
            """)

    @Argument(help: "Mask to score, or folder with masks.", completion: .file())
    var mask: FilePath

    @Argument(help: "True mask, or folder with true masks.", completion: .file())
    var truth: FilePath

    @Option(help: "CSV to write with a row for each image.", completion: .file())
    var csv: FilePath?

    @Flag(help: "Print JSON instead of the table.")
    var json = false

    @OptionGroup var messages: MessageOptions

    func validate() throws { try requireCSV(csv, "--csv") }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply(json: json, resultsArePurpose: true)
            let found = try Interruption.endingAtOnce { try ScorePairs(mask: mask, truth: truth) }
            warn(found.masksAlone, "without truth")
            warn(found.truthAlone, "without a mask")
            try csv?.requireDistinct(from: found.pairs.flatMap { [$0.mask, $0.truth] })
            var (report, failures) = (ScoreReport(), [ExitCode]())
            var progress = Progress("score", unit: "images")
            for (index, pair) in found.pairs.enumerated() {
                try Interruption.check("interrupted")
                progress.update(index, of: found.pairs.count)
                do {
                    report.append(try Interruption.endingAtOnce { try score(pair) })
                } catch  where !(error is Interrupted) && found.pairs.count > 1 {
                    failures.append(Console.report(error))
                }
            }
            if json {
                try Terminal.printJSON(report)
            } else {
                for line in report.table { Terminal.printLine(line) }
            }
            if let csv { try AtomicFile.write(report.csv, to: csv) }
            let status = ExitStatus.combined(failures, isPartlyUnreadable: false)
            if status != .success { throw status }
        }
    }

    /// Warns about files that have no partner.
    private func warn(_ files: [FilePath], _ problem: String) {
        if files.isEmpty { return }
        let names = files.prefix(5).map(\.name).joined(separator: ", ")
        let more = files.count > 5 ? " and \(files.count - 5) more" : ""
        Terminal.warn("\(files.count.counted("file")) \(problem): \(names)\(more)")
    }

    private func score(_ pair: ScorePairs.Pair) throws(FileError) -> ScoreReport.Image {
        let (mask, truth) = try labels(pair)
        guard mask.width == truth.width, mask.height == truth.height else {
            throw FileError(
                pair.mask, expected: "the size of \(pair.truth), \(truth.width) x \(truth.height)",
                found: "\(mask.width) x \(mask.height)")
        }
        return ScoreReport.Image(
            pair, width: mask.width, height: mask.height, score: MaskScore(mask.nuclei, truth.nuclei))
    }

    /// Both images. Polygons get the size of the other one.
    private func labels(_ pair: ScorePairs.Pair) throws(FileError) -> (mask: LabelImage, truth: LabelImage) {
        func hasPolygons(_ path: FilePath) -> Bool { ["geojson", "json"].contains(path.lowercasedExtension) }
        func polygons(_ path: FilePath, like other: LabelImage) throws(FileError) -> LabelImage {
            try LabelImage(outlines: path, width: other.width, height: other.height) { Terminal.note($0) }
        }
        switch (hasPolygons(pair.mask), hasPolygons(pair.truth)) {
        case (false, false): return try (LabelImage(decoding: pair.mask), LabelImage(decoding: pair.truth))
        case (true, false):
            let truth = try LabelImage(decoding: pair.truth)
            return (try polygons(pair.mask, like: truth), truth)
        case (false, true):
            let mask = try LabelImage(decoding: pair.mask)
            return (mask, try polygons(pair.truth, like: mask))
        case (true, true):
            throw FileError(
                pair.mask, expected: "a label image as mask or truth, which has the size in pixels",
                found: "GeoJSON for both")
        }
    }
}
