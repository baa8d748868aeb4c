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
            it). A file of the same name with .json says how it was made.
            """)
    var output: String?

    @Option(help: "Bits a pixel of a PNG mask, 8 or 1.")
    var bits = 8

    @Option(help: "CSV to write with the place, size and probability of each window.")
    var csv: String?

    @Option(help: "GeoJSON to write with the outlines of the white regions, as QuPath imports it.")
    var geojson: String?

    @Option(help: "TIFF of floats to write with the mean probability, one pixel for each stride x stride pixels.")
    var probabilities: String?

    @Option(help: "TIFF of floats, the same, with the variance of the probabilities of the windows over each place.")
    var disagreement: String?

    @Option(
        help: """
            Picture to write with the probabilities as colours over the image, blue to yellow: .tif for a pyramid at \
            full resolution, .png or .jpg for one of at most 4096 pixels a side.
            """)
    var heatmap: String?

    @Flag(
        help: """
            Keep the file of all windows' probabilities (MASK.windows), which otherwise goes when the mask is there: with it \
            the same command with another threshold, blend or output computes nothing again.
            """)
    var keepProbabilities = false

    @Option(help: "Folder for that file while it is written, such as a local disk (default: beside the mask).")
    var scratch: String?

    func validate() throws {
        try require([1, 8].contains(bits), "--bits", "8 or 1", found: bits)
        if bits == 1, let output, Self.fileExtension(output) != "png" {
            throw ValidationError("--bits 1: expected a PNG mask, found \(output)")
        }
        for (option, path) in [("--probabilities", probabilities), ("--disagreement", disagreement)] {
            if let path { try require(Self.isTIFF(path), option, "a name with .tif or .tiff", found: path) }
        }
        if let heatmap {
            let isPicture = ["png", "jpg", "jpeg"].contains(Self.fileExtension(heatmap)) || Self.isTIFF(heatmap)
            try require(isPicture, "--heatmap", "a name with .tif, .png or .jpg", found: heatmap)
        }
    }

    func maskPath(for image: String) -> String { output ?? defaultPath(for: image, ending: "_nuclei_mask.png") }

    func recordPath(for image: String) -> String { defaultPath(for: maskPath(for: image), ending: ".json") }

    /// The file that lets an interrupted command go on.
    func journalPath(for image: String) -> String {
        let path = maskPath(for: image) + ".windows"
        guard let scratch else { return path }
        // Masks of one name in several folders have journals of their own.
        let place = URL(fileURLWithPath: path).standardizedFileURL.path
        let digest = Array(place.utf8).withUnsafeBytes { SHA256.digest(of: $0) }
        let name = "\(digest.prefix(8))-\((path as NSString).lastPathComponent)"
        return (scratch as NSString).appendingPathComponent(name)
    }

    /// All that is written for an image, by what it is.
    func paths(for image: String) -> [String: String] {
        let optional = [
            "csv": csv, "geojson": geojson, "probabilities": probabilities, "disagreement": disagreement,
            "heatmap": heatmap,
        ]
        let always = ["mask": maskPath(for: image), "record": recordPath(for: image)]
        return always.merging(optional.compactMapValues { $0 }) { $1 }
    }

    /// Throws when a file to write is one of those to read, or two of them are one.
    func requireDistinct(for image: String, inputs: [String]) throws {
        var names = [String: String]()
        let written = paths(for: image).sorted { $0.key < $1.key }.map(\.value) + [journalPath(for: image)]
        for path in written {
            try requireOther(path, than: inputs)
            let place = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            if let other = names.updateValue(path, forKey: place) {
                throw ValidationError("expected another file for each output, found \(other) and \(path)")
            }
        }
    }

    static func isTIFF(_ path: String) -> Bool { ["tif", "tiff"].contains(fileExtension(path)) }

    private static func fileExtension(_ path: String) -> String { (path as NSString).pathExtension.lowercased() }
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
