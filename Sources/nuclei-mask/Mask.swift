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
            let reader = try openImage(image)
            let masker = try Masker(loaded, path: model ?? Model.builtInName, batchSize: batch.size, settings: settings)
            let total = try masker.grid(for: reader).count
            let path = outputs.maskPath(for: image)
            try requireOther(path, than: [image] + (model.map { [$0] } ?? []))
            let writer = try openMaskForWriting(
                path, width: reader.width, height: reader.height, bits: outputs.bits,
                properties: .init(micronsPerPixel: reader.micronsPerPixel, software: "nuclei \(version)"))
            let size = "\(reader.width) x \(reader.height) pixels"
            if masker.pads(width: reader.width, height: reader.height) {
                Terminal.printLine("\(image): \(size), smaller than a tile of \(tile): padded by reflection")
            }
            compareResolution(of: reader, with: loaded.description)
            let start = ContinuousClock.now
            var progress = Progress((image as NSString).lastPathComponent, unit: "windows")
            let probabilities = try masker.probabilities(reader) { done in
                progress.update(done, of: total)
                try Interruption.check("interrupted; no mask was written")
            }
            let summary = try masker.write(
                probabilities, width: reader.width, height: reader.height, to: writer)
            let seconds = Progress.seconds(ContinuousClock.now - start)
            Terminal.printLine(
                String(
                    format: "%@: %@, %d windows in %.1f s (%.1f windows/s)", image, size, summary.windows, seconds,
                    Double(summary.windows) / seconds))
            Terminal.printLine(String(format: "nuclei cover %.2f %% of the image", summary.coverage * 100))
            if summary.uncovered > 0 {
                let share = Double(summary.uncovered) / Double(reader.width * reader.height) * 100
                Terminal.printLine(
                    String(format: "%.2f %% at the right and lower edge were not looked at (--edges none)", share))
            }
            Terminal.printLine("mask: \(path)")
        }
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
