import ArgumentParser
import Console
import Files
import Foundation
import Imaging
import Masking
import NeuralNetworks
import Tensors

extension EdgeRule: ExpressibleByArgument {}

struct Mask: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the mask of an image.",
        discussion: """
            IMAGE is a JPEG or PNG crop, or a whole slide in any format that OpenSlide reads. Slides are resampled to \
            the microns per pixel of the tiles that the model learnt from, where it knows them; crops are taken to \
            have them. Windows as large as the model's tiles slide over it; the probabilities of nuclei of all \
            windows that cover a pixel are averaged. The mask is a PNG of the image's size: 255 where nuclei are, \
            else 0.

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

    @Option(help: "File to write (default: IMAGE's name with _nuclei_mask.png, beside it).")
    var output: String?

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
            let loaded = try Model(pathOrBuiltIn: model)
            let tile = loaded.description.tileSize
            try require(stride <= tile, "--stride", "1 to \(tile), the model's tile size", found: stride)
            var settings = MaskSettings()
            settings.stride = stride
            settings.threshold = threshold
            settings.edges = edges
            let resolved = try openBlocks(image, modelMicronsPerPixel: loaded.description.micronsPerPixel, resolution)
            let reader = resolved.reader
            let masker = try Masker(
                loaded, path: model ?? Model.builtInName, batchSize: batch.size, settings: settings)
            let total = try masker.grid(for: reader).count
            let path = output ?? defaultPath(for: image, ending: "_nuclei_mask.png")
            try requireOther(path, than: [image] + (model.map { [$0] } ?? []) + tissue.files)
            let writer = try PNGWriter(
                path: path, width: reader.imageWidth, height: reader.imageHeight, channels: .grey)
            let size = "\(reader.imageWidth) x \(reader.imageHeight) pixels"
            if masker.pads(width: reader.width, height: reader.height) {
                Terminal.printLine("\(image): \(size), smaller than a tile of \(tile): padded by reflection")
            }
            if let note = resolved.note { Terminal.printLine("\(image): \(note)") }
            let map = try tissue.map(of: reader)
            masker.sharing = sharedFeatures ? .automatic : .none
            let start = ContinuousClock.now
            var progress = Progress((image as NSString).lastPathComponent, unit: "windows")
            let probabilities = try masker.probabilities(reader, tissue: map) { done in
                progress.update(done, of: total)
                try Interruption.check("interrupted; no mask was written")
            }
            let summary = try masker.write(
                probabilities, width: reader.imageWidth, height: reader.imageHeight, to: writer)
            let seconds = Progress.seconds(ContinuousClock.now - start)
            let counts = probabilities.counts()
            Terminal.printLine(
                String(
                    format: "%@: %@, %d windows in %.1f s (%.1f windows/s)", image, size, summary.windows, seconds,
                    Double(counts[.predicted, default: 0]) / seconds))
            if let line = coverageLine(counts) { Terminal.printLine(line) }
            Terminal.printLine(
                masker.sharingPlan.map {
                    "windows shared the features of \($0.trunk) layers, every \($0.stride) pixels"
                }
                    ?? "windows were computed one by one")
            Terminal.printLine(String(format: "nuclei cover %.2f %% of the image", summary.coverage * 100))
            if summary.uncovered > 0 {
                let share = Double(summary.uncovered) / (Double(reader.imageWidth) * Double(reader.imageHeight)) * 100
                Terminal.printLine(
                    String(format: "%.2f %% at the right and lower edge were not looked at (--edges none)", share))
            }
            Terminal.printLine("mask: \(path)")
            if let unreadable = counts[.unreadable], unreadable > 0 {
                let share = Double(summary.unreadable) / (Double(reader.imageWidth) * Double(reader.imageHeight)) * 100
                Terminal.writeError(
                    String(
                        format: "warning: %@: %d windows could not be read; nothing is known of %.2f %% of the image\n",
                        image, unreadable, share))
                throw ExitStatus.partlyUnreadable
            }
        }
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

    private var resolution: ResolutionChoice {
        level.map { .level($0) } ?? mpp.map { .imageMicronsPerPixel($0) } ?? .model
    }
}

/// Throws when a file to write is one of those to read.
func requireOther(_ output: String, than inputs: [String]) throws(FileError) {
    if let input = inputs.first(where: { AtomicFile.areSame(output, $0) }) {
        throw FileError(output, .unwritable, "expected another file than the input \(input), found the same")
    }
}

/// A path beside an image: its name without the extension, and an ending.
func defaultPath(for image: String, ending: String) -> String {
    (image as NSString).deletingPathExtension + ending
}
