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
            IMAGE is a JPEG or PNG crop, or a whole slide in any format that OpenSlide reads (at its full \
            resolution). Windows as large as the model's tiles slide over it; the probabilities of nuclei of all \
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

    @OptionGroup var outputs: OutputOptions

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        try require(stride >= 1, "--stride", "at least 1", found: stride)
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
            settings.blend = blend
            if stride == tile { try requireOverlap(tile) }
            let reader = try openImage(image)
            let masker = try Masker(loaded, path: model ?? Model.builtInName, batchSize: batch.size, settings: settings)
            let total = try masker.grid(for: reader).count
            try outputs.requireDistinct(for: image, inputs: [image] + (model.map { [$0] } ?? []))
            let refinement = refinement(of: reader, loaded.description)
            let files = try MaskOutputs(outputs, for: image, reader, settings: settings, refinement: refinement)
            let size = "\(reader.width) x \(reader.height) pixels"
            if masker.pads(width: reader.width, height: reader.height) {
                Terminal.printLine("\(image): \(size), smaller than a tile of \(tile): padded by reflection")
            }
            compareResolution(of: reader, with: loaded.description)
            let start = ContinuousClock.now
            let name = (image as NSString).lastPathComponent
            var progress = Progress(name, unit: "windows")
            let probabilities = try masker.probabilities(reader) { done in
                progress.update(done, of: total)
                try Interruption.check("interrupted; no mask was written")
            }
            let predicted = ContinuousClock.now
            let field = masker.field(probabilities, width: reader.width, height: reader.height)
            let result = try write(files, probabilities, field)
            let (predicting, writing) = (
                Progress.seconds(predicted - start), Progress.seconds(ContinuousClock.now - predicted)
            )
            try files.finish(
                MaskRecord(
                    version: version, image: .init(reader), model: named(loaded.description), settings: settings,
                    refinement: refinement.map {
                        .init(
                            method: Refiner.haematoxylin.rawValue, settings: $0,
                            densityThreshold: result.densityThreshold)
                    },
                    windows: .init(
                        count: total, columns: probabilities.grid.columns.starts.count,
                        rows: probabilities.grid.rows.starts.count, size: tile),
                    coverage: .init(result, reader.micronsPerPixel, isRefined: refinement != nil),
                    polygons: result.polygons, files: outputs.paths(for: image),
                    seconds: .init(predicting: predicting, writing: writing)))
            Terminal.printLine(
                String(
                    format: "%@: %@, %d windows in %.1f s (%.1f windows/s)", image, size, total, predicting + writing,
                    Double(total) / predicting))
            report(result, reader)
        }
    }

    /// Writes what comes out, with progress where an image is read again.
    private func write(
        _ files: MaskOutputs, _ probabilities: ProbabilityGrid, _ field: ProbabilityField
    ) throws -> MaskOutputs.Result {
        var bars = [String: Console.Progress]()
        return try files.write(probabilities, field) { what, done, total in
            bars[what, default: Progress("\((image as NSString).lastPathComponent): \(what)", unit: "rows")]
                .update(done, of: total)
            try Interruption.check("interrupted; no mask was written")
        }
    }

    private func report(_ result: MaskOutputs.Result, _ reader: any RowReader) {
        let summary = result.summary
        Terminal.printLine(String(format: "nuclei cover %.2f %% of the image", summary.coverage * 100))
        if refine != nil, result.positive > 0 {
            Terminal.printLine(
                String(
                    format: "refined: nuclei cover %.2f %% of the regions that have some",
                    Double(summary.nuclei) / Double(result.positive) * 100))
        }
        if summary.uncovered > 0 {
            let share = Double(summary.uncovered) / Double(reader.width * reader.height) * 100
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
    private func refinement(of reader: any RowReader, _ model: ModelDescription) -> RefinementSettings? {
        guard refine != nil else { return nil }
        if let slide = reader.micronsPerPixel { return RefinementSettings(micronsPerPixel: (slide.x + slide.y) / 2) }
        let assumed = model.micronsPerPixel ?? 0.25
        Terminal.printLine(
            String(
                format: "%@: its resolution is not known; refined as if it were %.3f microns per pixel", image, assumed)
        )
        return RefinementSettings(micronsPerPixel: assumed)
    }

    /// Says so when slide and model were seen at resolutions that differ by more than a tenth.
    private func compareResolution(of reader: any RowReader, with model: ModelDescription) {
        guard let slide = (reader as? SlideReader)?.metadata.micronsPerPixel, let learnt = model.micronsPerPixel,
            !(0.9...1.1 ~= slide.x / learnt)
        else { return }
        Terminal.printLine(
            String(
                format:
                    "%@: %.3f microns per pixel, but the model learnt at %.3f; read at full resolution all the same",
                image, slide.x, learnt))
    }
}
