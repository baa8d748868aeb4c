import ArgumentParser
import Console
import Foundations
import Imaging
import Masking

struct OverlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overlay",
        abstract: "Write a picture of an image, its mask, and the mask in red over the image, side by side.",
        discussion: ExitStatus.help)

    @Argument(help: "Crop or whole slide that has a mask.")
    var image: FilePath

    @Option(help: "Mask (default: the name of IMAGE with _nuclei_mask.png, next to it).")
    var mask: FilePath?

    @Option(help: "Picture to write, .png or .jpg (default: the name of IMAGE with _nuclei_overlay.png, next to it).")
    var output: FilePath?

    @Option(help: "Longest side of each of the three panels, in pixels.")
    var size = 1024

    func validate() throws {
        try require(16...20000 ~= size, "--size", "16 to 20000", found: size)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            let full = try openImage(image)
            let maskPath = mask ?? OutputNames().mask(for: image)
            guard maskPath.exists else {
                throw FileError(maskPath, .unreadable, "expected the mask of \(image), found no file; make it first")
            }
            let mask = try openImage(maskPath)
            guard mask.width == full.width, mask.height == full.height else {
                throw FileError(
                    maskPath, expected: "the size of \(image), \(full.width) x \(full.height)",
                    found: "\(mask.width) x \(mask.height)")
            }
            let panel = Overlay.panel(width: full.width, height: full.height, side: size)
            let path = output ?? image.removingExtension.withSuffix("_nuclei_overlay.png")
            try path.requireDistinct(from: [image, maskPath])
            let picture = Overlay.size(panel: panel)
            let writer = try openImageForWriting(path, width: picture.width, height: picture.height)
            AtomicFile.removeLeftovers(of: path)
            let coverage = try Overlay.write(
                image: Overlay.open(image, side: size), mask: mask, panel: panel, to: writer
            ) { try Interruption.check("interrupted; no overlay was written") }
            Terminal.printLine("nuclei cover \(String(coverage * 100, decimals: 2)) % of \(image)")
            Terminal.printLine("overlay: \(path)")
        }
    }
}
