import ArgumentParser
import Console
import Foundations
import Foundation
import Imaging
import Masking

/// What is written of an image, and where.
struct OutputOptions: ParsableArguments {
    @Option(
        help: """
            Mask to write: .png, or .tif for a pyramid in BigTIFF (default: {}_nuclei_mask.png). A file of the same name \
            with .json says how it was made. In this name and those below {} stands for the name of IMAGE; a name with \
            it that has no folder is meant beside IMAGE. Of several images each output needs it.
            """)
    var output: String?

    @Option(help: "Folder to write all files to whose names have no folder; it is made where it is not there.")
    var outputFolder: FilePath?

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

    @Option(
        help: """
            GeoJSON to write with the outline of the tissue, before windows are computed: to look at in QuPath, to change, \
            and to hand to --tissue.
            """)
    var tissueGeojson: String?

    @Flag(
        help: """
            Keep the file of all windows' probabilities (MASK.windows), which otherwise goes when the mask is there: with it \
            the same command with another threshold, blend or output computes nothing again.
            """)
    var keepProbabilities = false

    @Option(help: "Folder for that file while it is written, such as a local disk (default: beside the mask).")
    var scratch: FilePath?

    func validate() throws {
        try require([1, 8].contains(bits), "--bits", "8 or 1", found: bits)
        if bits == 1, let output, Self.fileExtension(FilePath(output)) != "png" {
            throw ValidationError("--bits 1: expected a PNG mask, found \(output)")
        }
        for (option, path) in [("--probabilities", probabilities), ("--disagreement", disagreement)] {
            if let path { try require(OutputNames.isTIFF(FilePath(path)), option, "a name with .tif or .tiff", found: path) }
        }
        if let heatmap {
            let isPicture = ["png", "jpg", "jpeg"].contains(Self.fileExtension(FilePath(heatmap))) || OutputNames.isTIFF(FilePath(heatmap))
            try require(isPicture, "--heatmap", "a name with .tif, .png or .jpg", found: heatmap)
        }
    }

    /// What is written of an image, and where.
    var names: OutputNames {
        let requested: [OutputNames.Kind: String?] = [
            .mask: output, .csv: csv, .geojson: geojson, .probabilities: probabilities, .disagreement: disagreement,
            .heatmap: heatmap, .tissue: tissueGeojson,
        ]
        return OutputNames(requested.compactMapValues { $0 }, folder: outputFolder, scratch: scratch)
    }

    /// Throws when outputs of several images have one name, a file to write is one of those to read, or two of them are
    /// one.
    func requireDistinct(for images: [FilePath], inputs: [FilePath]) throws {
        let options: [(String, String?)] = [
            ("--output", output), ("--csv", csv), ("--geojson", geojson), ("--probabilities", probabilities),
            ("--disagreement", disagreement), ("--heatmap", heatmap), ("--tissue-geojson", tissueGeojson),
        ]
        if images.count > 1 {
            for (option, name) in options {
                try require(
                    name?.contains(OutputNames.placeholder) ?? true, option,
                    "a name with {}, which stands for each image's", found: name ?? "")
            }
        }
        let names = names
        if let clash = names.clash(for: images) { throw ValidationError(clash) }
        let read = Dictionary(inputs.compactMap { path in FileIdentity(path).map { ($0, path) } }) { first, _ in first }
        for image in images {
            for path in names.paths(for: image).values.sorted { $0.string < $1.string } + [names.journal(for: image)] {
                if let input = FileIdentity(path).flatMap({ read[$0] }) { try requireOther(path, than: [input]) }
            }
        }
    }

    private static func fileExtension(_ path: FilePath) -> String { path.lowercasedExtension }
}

/// Throws when a file to write is one of those to read.
func requireOther(_ output: FilePath, than inputs: [FilePath]) throws(FileError) {
    if let input = inputs.first(where: { AtomicFile.areSame(output, $0) }) {
        throw FileError(output, .unwritable, "expected another file than the input \(input), found the same")
    }
}

/// A path beside an image: its name without the extension, and an ending.
func defaultPath(for image: FilePath, ending: String) -> FilePath {
    image.removingExtension.withSuffix(ending)
}
