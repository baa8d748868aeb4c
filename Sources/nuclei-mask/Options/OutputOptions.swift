import ArgumentParser
import Console
import Foundations
import Masking

extension WindowColumns: ExpressibleByArgument {}

/// The files to write for each image.
struct OutputOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: """
            Mask to write: .png, or .tif for a BigTIFF pyramid (default: {}_nuclei_mask.png). A .json file of the same name \
            records how it was made. In this name and those below, {} stands for the name of IMAGE; a name with {} and \
            without a folder is placed next to IMAGE. With several images each output needs {}.
            """, completion: .file())
    var output: String?

    @Option(help: "Folder for all files whose names have no folder; created if needed.", completion: .directory)
    var outputFolder: FilePath?

    @Option(help: "Bits per pixel of a PNG mask, 8 or 1.")
    var bits = 8

    @Option(
        help: """
            Table to write with a row for each nucleus: number, center, area, shape, probability and stain densities. .csv, \
            or .geojson or .geojson.gz with outlines and measurements for QuPath.
            """, completion: .file())
    var nuclei: String?

    @Option(
        help: """
            TIFF to write with the number of its nucleus in each pixel (id of the table), as integers of 32 bits; 0 for none. \
            Unlike in the mask, no line separates nuclei that touch.
            """, completion: .file())
    var labels: String?

    @Option(help: "TIFF to write with nuclei per square millimeter, in squares of 100 microns.", completion: .file())
    var density: String?

    @Option(
        help: "GeoJSON to write with the outlines of what is white in the mask, for QuPath; .gz compresses it.",
        completion: .file())
    var geojson: String?

    @Option(
        help: ArgumentHelp(
            """
            Pixels that outlines in GeoJSON may differ from those of the mask, to have fewer corners; 0 for none. The outline \
            of the tissue is exact (default: 0.5).
            """, valueName: "pixels"))
    var simplify: Double?

    @Option(
        help: """
            Models that classify windows: GeoJSON to write with the windows as tiles with probabilities, for measurement \
            maps in QuPath; .gz compresses it.
            """, completion: .file())
    var tiles: String?

    @Option(
        help: "Models that classify windows: CSV to write with position, size and probability of each window.",
        completion: .file())
    var csv: String?

    @Option(
        help: """
            Columns of the CSV of windows: all, or those of wsinfer (minx, miny, width, height, prob_NUCLEI) for its tools.
            """)
    var csvColumns = WindowColumns.all

    @Option(
        help: """
            Models that classify windows: TIFF to write with the mean probability as floats, one pixel per stride x stride \
            pixels.
            """,
        completion: .file())
    var probabilities: String?

    @Option(
        help: """
            Models that classify windows: TIFF of the same size to write with the variance of the window probabilities over \
            each place; with --ensemble, over windows and models together.
            """,
        completion: .file())
    var disagreement: String?

    @Option(
        help: """
            Models that classify windows: picture to write with the probabilities as colors over the image, teal to yellow: .tif for a pyramid at \
            full resolution, .png or .jpg for at most 4096 pixels per side.
            """, completion: .file())
    var heatmap: String?

    @Option(
        help: """
            GeoJSON to write with the outline of the tissue, before windows are computed. View or correct it in QuPath \
            and pass it to --tissue.
            """, completion: .file())
    var tissueGeojson: String?

    @Flag(
        help: """
            Keep the cache (MASK.windows), which is deleted by default when the mask is complete. With it, the same command \
            with another output (for windows, also another threshold or blend) recomputes nothing.
            """)
    var keepProbabilities = false

    @Option(
        help: """
            Folder for caches, such as a local disk (default: next to the mask). The same image and settings find theirs, \
            whatever folder the mask is written to.
            """, completion: .directory)
    var scratch: FilePath?

    @Option(
        help: """
            Folder, such as a local disk, to which a slide of one file is copied before it is read; the copy is removed \
            after. For slides on a network file system, which would get many thousand requests.
            """, completion: .directory)
    var stage: FilePath?

    /// The options that name an output, and their values.
    private var requested: [(kind: OutputKind, option: String, name: String?)] {
        [
            (.mask, "--output", output), (.csv, "--csv", csv), (.geojson, "--geojson", geojson),
            (.tiles, "--tiles", tiles),
            (.probabilities, "--probabilities", probabilities), (.disagreement, "--disagreement", disagreement),
            (.heatmap, "--heatmap", heatmap), (.tissue, "--tissue-geojson", tissueGeojson),
            (.nuclei, "--nuclei", nuclei), (.labels, "--labels", labels), (.density, "--density", density),
        ]
    }

    func validate() throws {
        try require([1, 8].contains(bits), "--bits", "8 or 1", found: bits)
        try require(0...100 ~= simplify ?? 0, "--simplify", "0 to 100 pixels", found: simplify ?? 0)
        let hasOutlines = geojson != nil || nuclei.map { FilePath($0).lowercasedExtension != "csv" } ?? false
        try require(simplify == nil || hasOutlines, "--simplify", "--geojson or --nuclei with outlines", found: "none")
        try require(csv != nil || csvColumns == .all, "--csv-columns", "--csv with it", found: "none")
        if bits == 1, let output, FilePath(output).lowercasedExtension != "png" {
            throw ValidationError("--bits 1: expected a PNG mask, found \(output)")
        }
        for (kind, option, name) in requested {
            let extensions = kind.type.fileExtensions
            guard let name, !extensions.isEmpty else { continue }
            let names = extensions.map { ".\($0)" }
            let list = names.dropLast().joined(separator: ", ") + " or " + names.suffix(1).joined()
            let end = FilePath(name).name.lowercased()
            try require(
                names.contains { end.hasSuffix($0) && end != $0 }, option, "a name with \(list)", found: name)
        }
    }

    var formats: OutputFormats {
        var formats = OutputFormats()
        (formats.bits, formats.windowColumns) = (bits, csvColumns)
        formats.tolerance = simplify ?? formats.tolerance
        return formats
    }

    var names: OutputNames {
        let names = requested.compactMap { item in item.name.map { (item.kind, $0) } }
        return OutputNames(Dictionary(uniqueKeysWithValues: names), folder: outputFolder, scratch: scratch)
    }

    /// The first option for an output that the kind of model cannot write; nil without one.
    func firstUseless(outliningNuclei: Bool) -> String? {
        requested.first { $0.name != nil && !$0.kind.exists(outliningNuclei: outliningNuclei) }?.option
    }

    /// Throws where an output is requested that needs overlapping windows.
    func requireOverlap(found: String) throws {
        for (kind, option, name) in requested where name != nil {
            try require(!kind.type.needsOverlap, option, "windows that overlap", found: found)
        }
    }

    /// Throws where two outputs have the same name.
    func requirePlaceholders(for batch: ImageBatch) throws {
        if batch.images.count > 1 {
            for (_, option, name) in requested {
                try require(
                    name?.contains(OutputNames.placeholder) ?? true, option,
                    "a name with {}, which stands for the name of each image", found: name ?? "")
            }
        }
        if let clash = batch.names.clash(for: batch.images) { throw ValidationError(clash) }
    }
}

/// Throws unless the path of a table, if any, ends with `.csv`, so that no image is replaced by mistake.
func requireCSV(_ path: FilePath?, _ option: String) throws {
    try require(path.map { $0.lowercasedExtension == "csv" } ?? true, option, "a name with .csv", found: path ?? "")
}
