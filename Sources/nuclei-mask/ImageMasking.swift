import Console
import Foundations
import Foundation
import Imaging
import Masking
import NeuralNetworks

/// Masks one image of a command and says how it went.
struct ImageMasking {
    private let job: MaskingJob
    private let image: FilePath
    /// Which of how many images it is; nil for a single one, of which more is said.
    private let place: (index: Int, count: Int)?

    init(_ job: MaskingJob, _ image: FilePath, place: (index: Int, count: Int)?) {
        (self.job, self.image, self.place) = (job, image, place)
    }

    private var outputs: OutputOptions { job.options.outputs }
    private func say(_ text: String) { Terminal.printLine("\(image): \(text)") }

    /// Writes what is to be written of the image, the record last.
    func run() throws -> MaskRecord {
        let (masker, settings) = (job.masker, job.options.settings)
        let request = try job.request(for: image)
        let opened = try job.open(image)
        let reader = opened.reader
        let total = try masker.grid(for: reader).count
        let refinement = job.refinement(of: opened, say: say)
        let files = try MaskOutputs(outputs, for: image, opened, settings: settings, refinement: refinement)
        let size = "\(reader.imageWidth) x \(reader.imageHeight) pixels"
        if masker.pads(width: reader.width, height: reader.height) {
            say("\(size), smaller than a tile of \(job.model.tileSize): padded by reflection")
        }
        if let note = opened.note { say(note) }
        let tissue = try job.options.tissue.map(of: reader, job.names, say: say)
        try job.writeTissue(tissue, of: reader)
        let start = ContinuousClock.now
        var progress = Progress(title, unit: "windows")
        var journal: Journal?
        // What an error leaves is of use as long as there is a block in it.
        defer { if let journal, journal.completeBlocks == 0, !outputs.keepProbabilities { journal.remove() } }
        let probabilities = try masker.probabilities(reader, tissue: tissue) { layout, windows, blocks in
            let opened = try openJournal(layout, windows, blocks)
            journal = opened
            return opened
        } afterBatch: { done in
            progress.update(done, of: total, details: decoded(reader, since: start))
            try Interruption.check(interrupted(journal))
        }
        let predicted = ContinuousClock.now
        let counts = probabilities.counts()
        let field = masker.field(probabilities, width: reader.imageWidth, height: reader.imageHeight)
        if let journal, journal.blocksFound > 0 {
            say("\(journal.blocksFound) of \(journal.blocks) blocks were found in \(journal.path)")
        }
        let result = try write(files, probabilities, field, journal)
        let seconds = MaskRecord.Seconds(
            loading: job.loading, predicting: Progress.seconds(predicted - start), parts: masker.seconds,
            writing: Progress.seconds(ContinuousClock.now - predicted))
        let record = MaskRecord(
            request, image: .init(opened), model: job.model,
            refinement: refinement.map {
                .init(method: Refiner.haematoxylin.rawValue, settings: $0, densityThreshold: result.densityThreshold)
            },
            windows: .init(probabilities.grid, counts, masker.sharingPlan),
            coverage: .init(
                result.summary, positive: refinement == nil ? nil : result.positive, opened.micronsPerPixel),
            polygons: result.polygons, files: job.names.paths(for: image), seconds: seconds)
        try files.finish(record)
        if !outputs.keepProbabilities { journal?.remove() }
        report(record, size: size)
        return record
    }

    /// What stands before the progress: the slide's name and, of several, which it is.
    private var title: String {
        let name = image.name
        return place.map { "\($0.index + 1)/\($0.count) \(name)" } ?? name
    }

    /// How fast pixels are decoded, at three bytes a pixel.
    private func decoded(_ reader: any BlockReader, since start: ContinuousClock.Instant) -> String {
        let seconds = max(Progress.seconds(ContinuousClock.now - start), 1e-9)
        return String(format: "%.1f MB/s decoded", Double(reader.decodedPixels) * 3e-6 / seconds)
    }

    private func interrupted(_ journal: Journal?) -> String {
        let goesOn = place != nil || (journal?.completeBlocks ?? 0) > 0
        return "interrupted; no mask\(place == nil ? "" : " of \(image)") was written"
            + (goesOn ? " yet: the same command goes on" : "")
    }

    /// The journal of the image's windows. Nobody else writes its mask once it is open.
    private func openJournal(_ layout: String, _ windows: Int, _ blocks: Int) throws -> Journal {
        let identity = try Journal.Identity(
            image: image, model: job.model.sha256, windows: windows, layout: "\(layout), version \(version)")
        let journal = try Journal(job.names.journal(for: image), identity, blocks: blocks)
        if journal.byteCount >= 1 << 20 {
            say(String(format: "%.1f MB reserved in %@", Double(journal.byteCount) / 1e6, journal.path.string))
        }
        if journal.beganAnew { say("\(journal.path) was of other settings or another image, and is begun anew") }
        for path in job.names.paths(for: image).values { AtomicFile.removeLeftovers(of: path) }
        return journal
    }

    /// Writes what comes out, with progress where an image is read again.
    private func write(
        _ files: MaskOutputs, _ probabilities: ProbabilityGrid, _ field: ProbabilityField, _ journal: Journal?
    ) throws -> MaskOutputs.Result {
        var bars = [String: Console.Progress]()
        return try files.write(probabilities, field) { what, done, total in
            bars[what, default: Progress("\(title): \(what)", unit: "rows")].update(done, of: total)
            try Interruption.check(interrupted(journal))
        }
    }

    private func report(_ record: MaskRecord, size: String) {
        let (windows, coverage) = (record.windows, record.coverage)
        let seconds = record.seconds
        let work = String(
            format: "%@, %d windows in %.1f s (%.1f windows/s)", size, windows.count,
            seconds.predicting + seconds.writing, Double(job.masker.computed) / seconds.predicting)
        let nuclei = String(format: "nuclei cover %.2f %%", coverage.nuclei.share * 100)
        say(place == nil ? work : "\(work); \(nuclei)")
        if place == nil {
            details(record)
        }
        if let parts = record.unreadableParts {
            Terminal.writeError(
                String(
                    format: "warning: %@: %@ could not be read; nothing is known of %.2f %% of the image\n", image.string,
                    parts, coverage.unreadable.share * 100))
        }
    }

    /// All that is said of a single image.
    private func details(_ record: MaskRecord) {
        let (windows, coverage) = (record.windows, record.coverage)
        let fates = [
            (windows.predicted, "predicted"), (windows.withoutTissue, "without tissue"),
            (windows.outside, "outside the slide"), (windows.unreadable, "unreadable"),
        ]
        if windows.predicted < windows.count {
            let known = fates.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
            Terminal.printLine("windows: \(known.joined(separator: ", "))")
        }
        Terminal.printLine(
            job.masker.sharingPlan.map {
                "windows shared the features of \($0.trunk) layers, every \($0.stride) pixels"
            } ?? "windows were computed one by one")
        Terminal.printLine(String(format: "nuclei cover %.2f %% of the image", coverage.nuclei.share * 100))
        if let positive = coverage.positiveRegions, positive.pixels > 0 {
            Terminal.printLine(
                String(
                    format: "refined: nuclei cover %.2f %% of the regions that have some",
                    Double(coverage.nuclei.pixels) / Double(positive.pixels) * 100))
        }
        if coverage.uncovered.pixels > 0 {
            Terminal.printLine(
                String(
                    format: "%.2f %% at the right and lower edge were not looked at (--edges none)",
                    coverage.uncovered.share * 100))
        }
        let paths = job.names.paths(for: image)
        for (kind, path) in paths.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where kind != .mask {
            Terminal.printLine("\(kind.rawValue): \(path)")
        }
        Terminal.printLine("mask: \(job.names.mask(for: image))")
        if outputs.keepProbabilities { Terminal.printLine("windows: \(job.names.journal(for: image))") }
    }
}
