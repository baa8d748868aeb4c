import ArgumentParser
import Console
import Files
import Foundation
import Imaging

/// What is written of an image, and where.
struct OutputOptions: ParsableArguments {
    @Option(
        help: """
            Mask to write: .png, or .tif for a pyramid in BigTIFF (default: IMAGE's name with _nuclei_mask.png, beside \
            it).
            """)
    var output: String?

    @Option(help: "Bits a pixel of a PNG mask, 8 or 1.")
    var bits = 8

    func validate() throws {
        try require([1, 8].contains(bits), "--bits", "8 or 1", found: bits)
        if bits == 1, let output, (output as NSString).pathExtension.lowercased() != "png" {
            throw ValidationError("--bits 1: expected a PNG mask, found \(output)")
        }
    }

    func maskPath(for image: String) -> String { output ?? defaultPath(for: image, ending: "_nuclei_mask.png") }
}

extension RowReader {
    /// What a slide says of its full resolution; nil for other images.
    var micronsPerPixel: (x: Double, y: Double)? { (self as? SlideReader)?.metadata.micronsPerPixel }
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
