import ArgumentParser
import Console
import Files
import Foundation
import Imaging
import Masking
import NeuralNetworks
import Tensors

extension EdgeRule: ExpressibleByArgument {}
extension Blend: ExpressibleByArgument {}

/// How the positive regions of a mask become nuclei.
enum Refiner: String, CaseIterable, ExpressibleByArgument {
    case haematoxylin
}

struct Mask: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the mask of an image.",
        discussion: """
            IMAGE is a JPEG or PNG crop, or a whole slide in any format that OpenSlide reads. Slides are resampled to \
            the microns per pixel of the tiles that the model learnt from, where it knows them; crops are taken to \
            have them. Windows as large as the model's tiles slide over it; the probabilities of nuclei of all \
            windows that cover a pixel are averaged. The mask has the image's size: 255 where nuclei are, else 0; in \
            the lower levels of a pyramid greys are means.

            \(ExitStatus.help)
            """)

    @Argument(help: "Crop or whole slide.")
    var image: String

    @Option(help: "Model file (default: the model that is part of the program, nuclei-compact).")
    var model: String?

    @Option(help: "Pixels from one window to the next, at most the model's tile size.")
    var stride = 128

    @Option(help: "Microns per pixel of the image, for one that does not say or is wrong.")
    var mpp: Double?

    @Option(help: "Level of a slide to look at as it is, instead of resampling to the model's resolution.")
    var level: Int?

    @OptionGroup var batch: BatchOptions

    @Option(help: "A pixel is white where its mean probability of nuclei is above this.")
    var threshold = 0.5

    @Option(help: "Where windows do not end at an edge: one more touches it (clamp), or the rest is left out (none).")
    var edges = EdgeRule.clamp

    @Option(
        help: """
            Weights of the windows over a pixel: the same (uniform), or less towards a window's edge (hann), for masks \
            without block edges, computed for squares of 8 x 8 pixels.
            """)
    var blend = Blend.uniform

    @Option(
        help: """
            Outline the nuclei inside the white regions: pixels with more haematoxylin, by colour deconvolution, than a \
            threshold that is found for the whole image (haematoxylin). Made for H&E at 20x and more.
            """)
    var refine: Refiner?

    @Option(
        help: ArgumentHelp(
            """
            Where to look: in the tissue that a slide's smallest level shows (auto; crops are looked at everywhere), \
            everywhere (off), or inside the polygons of a GeoJSON file in pixels of the full resolution.
            """,
            valueName: "auto|off|FILE.geojson"))
    var tissue = TissueChoice.auto

    @Flag(
        inversion: .prefixedNo,
        help: "Compute what overlapping windows have in common once, where that is less work; the results are the same."
    )
    var sharedFeatures = true

    @OptionGroup var outputs: OutputOptions

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        try require(stride >= 1, "--stride", "at least 1", found: stride)
        try require(mpp.map { $0 > 0 && $0.isFinite } ?? true, "--mpp", "a positive number", found: mpp ?? 0)
        try require(level ?? 0 >= 0, "--level", "0 or more", found: level ?? 0)
        try require(mpp == nil || level == nil, "--level", "no --mpp beside it", found: "both")
        try require(0...1 ~= threshold, "--threshold", "0 to 1", found: threshold)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            try Kernels.setThreadCount(threads.count)
            let began = ContinuousClock.now
            let loaded = try Model(pathOrBuiltIn: model)
            let named = try named(loaded.description)
            let loading = Progress.seconds(ContinuousClock.now - began)
            let tile = loaded.description.tileSize
            try require(stride <= tile, "--stride", "1 to \(tile), the model's tile size", found: stride)
            var settings = MaskSettings()
            settings.stride = stride
            settings.threshold = threshold
            settings.edges = edges
            settings.blend = blend
            if stride == tile { try requireOverlap(tile) }
            let opened = try openBlocks(image, modelMicronsPerPixel: loaded.description.micronsPerPixel, resolution)
            let reader = opened.reader
            let masker = try Masker(loaded, path: model ?? Model.builtInName, batchSize: batch.size, settings: settings)
            masker.sharing = sharedFeatures ? .automatic : .none
            let total = try masker.grid(for: reader).count
            try outputs.requireDistinct(for: image, inputs: [image] + (model.map { [$0] } ?? []) + tissue.files)
            let refinement = refinement(of: opened, loaded.description)
            let files = try MaskOutputs(outputs, for: image, opened, settings: settings, refinement: refinement)
            let size = "\(reader.imageWidth) x \(reader.imageHeight) pixels"
            if masker.pads(width: reader.width, height: reader.height) {
                Terminal.printLine("\(image): \(size), smaller than a tile of \(tile): padded by reflection")
            }
            if let note = opened.note { Terminal.printLine("\(image): \(note)") }
            let map = try tissue.map(of: reader)
            let start = ContinuousClock.now
            let name = (image as NSString).lastPathComponent
            var progress = Progress(name, unit: "windows")
            var journal: Journal?
            // What an error leaves is of use as long as there is a block in it.
            defer { if let journal, journal.completeBlocks == 0, !outputs.keepProbabilities { journal.remove() } }
            let probabilities = try masker.probabilities(reader, tissue: map) { layout, windows, blocks in
                let opened = try openJournal(layout, windows, blocks, named)
                journal = opened
                return opened
            } afterBatch: { done in
                progress.update(done, of: total)
                try Interruption.check(Self.interrupted(journal))
            }
            let predicted = ContinuousClock.now
            let counts = probabilities.counts()
            let field = masker.field(probabilities, width: reader.imageWidth, height: reader.imageHeight)
            if let journal, journal.blocksFound > 0 {
                Terminal.printLine(
                    "\(image): \(journal.blocksFound) of \(journal.blocks) blocks were found in \(journal.path)")
            }
            let result = try write(files, probabilities, field, journal)
            let (predicting, writing) = (
                Progress.seconds(predicted - start), Progress.seconds(ContinuousClock.now - predicted)
            )
            try files.finish(
                MaskRecord(
                    version: version, image: .init(opened), model: named, settings: settings,
                    refinement: refinement.map {
                        .init(
                            method: Refiner.haematoxylin.rawValue, settings: $0,
                            densityThreshold: result.densityThreshold)
                    },
                    windows: .init(probabilities.grid, counts, masker.sharingPlan),
                    coverage: .init(result, opened.micronsPerPixel, isRefined: refinement != nil),
                    polygons: result.polygons, files: outputs.paths(for: image),
                    seconds: .init(
                        loading: loading, predicting: predicting, parts: masker.seconds, writing: writing)))
            Terminal.printLine(
                String(
                    format: "%@: %@, %d windows in %.1f s (%.1f windows/s)", image, size, total, predicting + writing,
                    Double(masker.computed) / predicting))
            if let line = coverageLine(counts) { Terminal.printLine(line) }
            Terminal.printLine(
                masker.sharingPlan.map {
                    "windows shared the features of \($0.trunk) layers, every \($0.stride) pixels"
                }
                    ?? "windows were computed one by one")
            report(result)
            if outputs.keepProbabilities {
                Terminal.printLine("windows: \(outputs.journalPath(for: image))")
            } else {
                journal?.remove()
            }
            if let unreadable = counts[.unreadable], unreadable > 0 {
                let share = share(of: result.summary.blank.unreadable, result.summary)
                Terminal.writeError(
                    String(
                        format: "warning: %@: %d windows could not be read; nothing is known of %.2f %% of the image\n",
                        image, unreadable, share))
                throw ExitStatus.partlyUnreadable
            }
        }
    }

    private static func interrupted(_ journal: Journal?) -> String {
        let goesOn = (journal?.completeBlocks ?? 0) > 0
        return "interrupted; no mask was written\(goesOn ? " yet: the same command goes on" : "")"
    }

    /// The journal of the image's windows. Nobody else writes its mask once it is open.
    private func openJournal(
        _ layout: String, _ windows: Int, _ blocks: Int, _ model: MaskRecord.NamedModel
    ) throws -> Journal {
        let identity = try Journal.Identity(
            image: image, model: model.sha256, windows: windows, layout: "\(layout), version \(version)")
        let journal = try Journal(outputs.journalPath(for: image), identity, blocks: blocks)
        if journal.byteCount >= 1 << 20 {
            Terminal.printLine(
                String(format: "%@: %.1f MB reserved in %@", image, Double(journal.byteCount) / 1e6, journal.path))
        }
        if journal.beganAnew {
            Terminal.printLine("\(image): \(journal.path) was of other settings or another image, and is begun anew")
        }
        for path in outputs.paths(for: image).values { AtomicFile.removeLeftovers(of: path) }
        return journal
    }

    private var resolution: ResolutionChoice {
        level.map { .level($0) } ?? mpp.map { .imageMicronsPerPixel($0) } ?? .model
    }

    /// How many windows had which fate, when not all were predicted.
    private func coverageLine(_ counts: [WindowState: Int]) -> String? {
        let names: [(WindowState, String)] = [
            (.predicted, "predicted"), (.background, "without tissue"), (.outside, "outside the slide"),
            (.unreadable, "unreadable"),
        ]
        let parts = names.compactMap { state, name in
            counts[state].flatMap { $0 > 0 ? "\($0) \(name)" : nil }
        }
        return parts.count == 1 && counts[.predicted, default: 0] > 0
            ? nil : "windows: \(parts.joined(separator: ", "))"
    }

    /// In per cent.
    private func share(of pixels: Int, _ summary: MaskSummary) -> Double {
        Double(pixels) / (Double(summary.width) * Double(summary.height)) * 100
    }

    /// Writes what comes out, with progress where an image is read again.
    private func write(
        _ files: MaskOutputs, _ probabilities: ProbabilityGrid, _ field: ProbabilityField, _ journal: Journal?
    ) throws -> MaskOutputs.Result {
        var bars = [String: Console.Progress]()
        return try files.write(probabilities, field) { what, done, total in
            bars[what, default: Progress("\((image as NSString).lastPathComponent): \(what)", unit: "rows")]
                .update(done, of: total)
            try Interruption.check(Self.interrupted(journal))
        }
    }

    private func report(_ result: MaskOutputs.Result) {
        let summary = result.summary
        Terminal.printLine(String(format: "nuclei cover %.2f %% of the image", summary.coverage * 100))
        if refine != nil, result.positive > 0 {
            Terminal.printLine(
                String(
                    format: "refined: nuclei cover %.2f %% of the regions that have some",
                    Double(summary.nuclei) / Double(result.positive) * 100))
        }
        if summary.blank.uncovered > 0 {
            let share = share(of: summary.blank.uncovered, summary)
            Terminal.printLine(
                String(format: "%.2f %% at the right and lower edge were not looked at (--edges none)", share))
        }
        for (name, path) in outputs.paths(for: image).sorted(by: { $0.key < $1.key }) where name != "mask" {
            Terminal.printLine("\(name): \(path)")
        }
        Terminal.printLine("mask: \(outputs.maskPath(for: image))")
    }

    private func requireOverlap(_ tile: Int) throws {
        let found = "windows that only touch, --stride \(tile)"
        try require(blend == .uniform, "--blend hann", "windows that overlap", found: found)
        try require(outputs.disagreement == nil, "--disagreement", "windows that overlap", found: found)
    }

    private func named(_ model: ModelDescription) throws -> MaskRecord.NamedModel {
        MaskRecord.NamedModel(
            path: self.model ?? Model.builtInName, sha256: try Model.digest(ofPathOrBuiltIn: self.model),
            architecture: model.architecture.rawValue, classes: model.classes, tileSize: model.tileSize,
            micronsPerPixel: model.micronsPerPixel)
    }

    /// How to refine: at the slide's resolution, else the model's, else that of 40x, which is said.
    private func refinement(of image: ResolvedImage, _ model: ModelDescription) -> RefinementSettings? {
        guard refine != nil else { return nil }
        if let slide = image.micronsPerPixel { return RefinementSettings(micronsPerPixel: (slide.x + slide.y) / 2) }
        let assumed = model.micronsPerPixel ?? 0.25
        Terminal.printLine(
            String(
                format: "%@: its resolution is not known; refined as if it were %.3f microns per pixel", self.image,
                assumed)
        )
        return RefinementSettings(micronsPerPixel: assumed)
    }
}
