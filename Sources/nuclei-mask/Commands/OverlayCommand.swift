import ArgumentParser
import Console
import Foundations
import Imaging
import Masking

struct OverlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overlay",
        abstract: "Write pictures of images, their masks, and the masks in red over the images, side by side.",
        discussion: """
            A legend is below the panels, with a scale bar where the microns per pixel are known: from --mpp, the slide, \
            or the record of the mask.

            \(ExitStatus.helpForMany)
            """)

    @OptionGroup var masked: MaskedImages

    @Option(
        name: .shortAndLong,
        help: "Picture to write, .png or .jpg, with {} for the name of IMAGE (default: {}_nuclei_overlay.png).",
        completion: .file())
    var output: String?

    @Option(help: "Longest side of each of the three panels, in pixels.")
    var size = 1024

    @Option(help: "Microns per pixel of the image, for the scale bar.")
    var mpp: Double?

    @OptionGroup var messages: MessageOptions

    func validate() throws {
        try require(16...20000 ~= size, "--size", "16 to 20000", found: size)
        try require(mpp.map { $0 > 0 && $0.isFinite } ?? true, "--mpp", "a positive number", found: mpp ?? 0)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply()
            let batch = try masked.batch(output: output, path: picture)
            try forEachImage(of: batch) { try draw($0, batch.names) }
        }
    }

    private func picture(_ image: FilePath, _ names: OutputNames) -> FilePath {
        names.resolve(output ?? "\(OutputNames.placeholder)_nuclei_overlay.png", for: image)
    }

    private func draw(_ image: FilePath, _ names: OutputNames) throws {
        Terminal.showStatus("\(image.name): opening")
        let (full, maskPath, mask) = try Interruption.endingAtOnce {
            let (full, path) = (try openImage(image), try names.existingMask(masked.mask, for: image))
            return (full, path, try openImage(path))
        }
        guard mask.width == full.width, mask.height == full.height else {
            throw FileError(
                maskPath, expected: "the size of \(image), \(full.width) x \(full.height)",
                found: "\(mask.width) x \(mask.height)")
        }
        let panel = Overlay.panel(width: full.width, height: full.height, side: size)
        let path = picture(image, names)
        try path.requireDistinct(from: [image, maskPath])
        let record = MaskRecord(reading: MaskRecord.path(ofMask: maskPath))
        if let other = record?.otherImage(than: image) { Terminal.warn("\(maskPath) was made from \(other)") }
        let stated =
            (full as? SlideReader)?.metadata.micronsPerPixel?.x
            ?? record?.image.micronsPerPixel?.x
        let picture = Overlay.size(panel: panel)
        let writer = try openImageForWriting(
            path, width: picture.width, height: picture.height, software: WrittenImage.software(version: version))
        AtomicFile.removeLeftovers(of: path)
        var progress = Progress(image.name, unit: "rows")
        let coverage = try Overlay.write(
            image: Overlay.open(image, side: size), mask: mask, panel: panel, micronsPerPixel: mpp ?? stated, to: writer
        ) {
            progress.update($0, of: panel.height)
            try Interruption.check("interrupted; no overlay of \(image) was written")
        }
        Terminal.printLine("nuclei cover \(String(coverage * 100, decimals: 2)) % of \(image)")
        Terminal.printLine("overlay: \(path)")
    }
}
