import ArgumentParser
import Console
import Foundations
import Foundation
import Imaging
import Masking

struct OverlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overlay",
        abstract: "Show an image, its mask, and the mask in red over the image, side by side.",
        discussion: ExitStatus.help)

    @Argument(help: "Crop or whole slide that has a mask.")
    var image: FilePath

    @Option(help: "Its mask (default: IMAGE's name with _nuclei_mask.png, beside it).")
    var mask: FilePath?

    @Option(help: "Picture to write, .png or .jpg (default: IMAGE's name with _nuclei_overlay.png, beside it).")
    var output: FilePath?

    @Option(help: "Longest side of each of the three panels, in pixels.")
    var size = 1024

    func validate() throws {
        try require(16...20000 ~= size, "--size", "16 to 20000", found: size)
    }

    func run() throws {
        try reportingErrors {
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
            let path = output ?? defaultPath(for: image, ending: "_nuclei_overlay.png")
            try requireOther(path, than: [image, maskPath])
            let picture = Overlay.size(panel: panel)
            let writer = try openImageForWriting(path, width: picture.width, height: picture.height)
            let coverage = try Overlay.write(
                image: Overlay.open(image, side: size), mask: mask, panel: panel, to: writer)
            Terminal.printLine(String(format: "nuclei cover %.2f %% of %@", coverage * 100, image.string))
            Terminal.printLine("overlay: \(path)")
        }
    }
}
