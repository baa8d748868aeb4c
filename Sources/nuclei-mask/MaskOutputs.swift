import Console
import Foundations
import Foundation
import Imaging
import Masking

/// The files that come out of one image. They are made before the work begins, so that a place that cannot be written
/// to is known at once, and appear when they are complete.
struct MaskOutputs {
    /// Pixels a side of a heat map that is no pyramid.
    private static let largestHeatMapSide = 4096
    /// Orange, which stands out from H&E for every kind of colour vision.
    private static let outlineColour: [UInt8] = [230, 159, 0]

    private let image: FilePath
    private let settings: MaskSettings
    private let refinement: RefinementSettings?
    private let mask: any RowWriter
    private let record: AtomicFile
    private let table: AtomicFile?
    private let outlines: GeoJSONWriter?
    private let maps: [(quantity: FieldMap.Quantity, writer: TIFFWriter)]
    private let heatMap: (any RowWriter)?

    /// What came out.
    struct Result {
        var summary: MaskSummary
        /// White pixels before refinement.
        var positive: Int
        /// What parted nuclei from the rest in the density of haematoxylin; nil when nothing was refined, or nothing was
        /// white.
        var densityThreshold: Double?
        var polygons: Int?
    }

    init(
        _ options: OutputOptions, for image: FilePath, _ opened: ResolvedImage, settings: MaskSettings,
        refinement: RefinementSettings?
    ) throws {
        (self.image, self.settings, self.refinement) = (image, settings, refinement)
        let (width, height) = (opened.reader.imageWidth, opened.reader.imageHeight)
        let resolution = opened.micronsPerPixel
        func properties(_ description: String, scale: Int = 1) -> TIFFWriter.Properties {
            let scaled = resolution.map { (x: $0.x * Double(scale), y: $0.y * Double(scale)) }
            return .init(micronsPerPixel: scaled, description: description, software: "nuclei \(version)")
        }
        mask = try openMaskForWriting(
            options.names.mask(for: image), width: width, height: height, bits: options.bits,
            properties: properties("mask of nuclei: 255 where they are, else 0"))
        let names = options.names.paths(for: image)
        record = try AtomicFile(names[.record]!)
        table = try names[.csv].map { path throws(FileError) in try AtomicFile(path) }
        outlines = try names[.geojson].map { path throws(FileError) in
            try GeoJSONWriter(
                path, objectType: refinement == nil ? .annotation : .detection, name: "Nuclei",
                colour: Self.outlineColour)
        }
        let mapSize = FieldMap.size(width: width, height: height, side: settings.stride)
        let requested: [(FieldMap.Quantity, FilePath?)] = [
            (.probability, names[.probabilities]), (.variance, names[.disagreement]),
        ]
        maps = try requested.compactMap { quantity, path in
            guard let path else { return nil }
            let description = FieldMap.description(of: quantity, side: settings.stride)
            return (
                quantity,
                try TIFFWriter(
                    path: path, width: mapSize.width, height: mapSize.height, samples: .float,
                    properties: properties(description, scale: settings.stride))
            )
        }
        heatMap = try names[.heatmap].map { path in
            guard !OutputNames.isTIFF(path) else {
                return try TIFFWriter(
                    path: path, width: width, height: height, samples: .rgb, compression: .jpeg(quality: 85),
                    properties: properties("probabilities of nuclei as colours over the image"))
            }
            let panel = Overlay.panel(width: width, height: height, side: Self.largestHeatMapSide)
            return try openImageForWriting(path, width: panel.width, height: panel.height)
        }
    }

    /// Writes all files but the record. `progress` gets what is being made, and how many of how many rows are done.
    func write(
        _ probabilities: ProbabilityGrid, _ field: ProbabilityField,
        progress: (_ what: String, _ done: Int, _ total: Int) throws -> Void
    ) throws -> Result {
        // Files of two runs must not have a record that vouches for them.
        record.removeOld()
        if let table { try probabilities.writeTable(to: table) }
        for (quantity, writer) in maps {
            try FieldMap(field, quantity, side: settings.stride).write(to: writer)
        }
        if let heatMap {
            let side = max(heatMap.width, heatMap.height)
            let picture =
                side < max(field.width, field.height)
                ? try Overlay.open(image, side: side) : try openImage(image, damage: .painted)
            let fitting = DownsamplingReader(picture, width: heatMap.width, height: heatMap.height)
            let isSame = picture.width == heatMap.width && picture.height == heatMap.height
            try HeatMap.write(field, over: isSame ? picture : fitting, to: heatMap) { done in
                try progress("heat map", done, heatMap.height)
            }
        }
        return try writeMask(field, windows: probabilities.grid.count, progress)
    }

    private func writeMask(
        _ field: ProbabilityField, windows: Int, _ progress: (String, Int, Int) throws -> Void
    ) throws -> Result {
        var painter = MaskPainter(mask, windows: windows)
        var tracer = ContourTracer { polygon in try outlines?.write(polygon) }
        var threshold: Double?
        var positive = 0
        func add(_ band: MaskBand) throws {
            try painter.add(band)
            if outlines != nil { try tracer.add(rows: band.rows, white: band.white) }
        }
        if let refinement {
            for row in field.rows.indices { positive += field.band(ofRow: row, threshold: settings.threshold).area }
            let refiner = Refinement(field, threshold: settings.threshold, settings: refinement)
            threshold = try refiner.densityThreshold(openImage(image, damage: .painted)) { done in
                try progress("stain", done, field.height)
            }
            try refiner.bands(
                openImage(image, damage: .painted), above: threshold,
                afterRow: { try progress("nuclei", $0, field.height) }, emit: add)
        } else {
            for row in field.rows.indices { try add(field.band(ofRow: row, threshold: settings.threshold)) }
            positive = painter.summary.nuclei
        }
        try tracer.finish()
        try outlines?.finish()
        try painter.finish()
        return Result(
            summary: painter.summary, positive: positive, densityThreshold: threshold, polygons: outlines?.count)
    }

    /// Writes the record, last of all: it says that the rest is there.
    func finish(_ content: MaskRecord) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try record.write(encoder.encode(content) + Data("\n".utf8))
        try record.commit()
    }
}
