import FoundationEssentials
import Foundations
import Imaging

/// A self-contained HTML page about the mask of an image: the image to zoom, probabilities with a threshold that can be
/// moved, outlines, and what the record says.
package struct SlidePage {
    /// The content that the script of the page reads.
    private struct Content: Encodable {
        struct Size: Encodable {
            let width: Int
            let height: Int
            /// Microns per pixel, for areas and the scale bar; nil if unknown.
            let microns: MaskRecord.Scale?
        }

        struct Fact: Encodable {
            let name: String
            let value: String
        }

        let title: String
        let image: Size
        let picture: SlidePicture
        let map: SlideMap?
        let shapes: SlideShapes
        /// "nuclei" or "regions".
        let shapeName: String
        /// Corners of rings, x before y, in pixels of the image.
        let tissue: [[Int]]
        let unreadable: [[Int]]
        /// Red, green and blue of probabilities from 0 to 1 in 255 steps.
        let colors: [[Int]]
        let threshold: Double
        let processedSquareMillimeters: Double?
        let facts: [Fact]
        let warnings: [String]
        let hints: [String]
    }

    private let content: Content
    /// The image that the mask was made from, where that has another name; else nil.
    package let otherImage: FilePath?

    /// Receives the name of a step, and how many of its rows are done. May throw to cancel.
    package typealias Progress = OutputProgress

    /// Collects what there is about a mask with a record. The picture of the image has no side longer than `side`. A
    /// scratch file is made beside `output`. Throws `FileError`, also where the image does not have the size in the
    /// record.
    package init(
        _ image: FilePath, mask: FilePath, side: Int, beside output: FilePath, _ progress: Progress
    ) throws {
        let recordPath = MaskRecord.path(ofMask: mask)
        guard let record = MaskRecord(reading: recordPath) else {
            throw FileError(
                recordPath, .unreadable,
                "expected the record of \(mask), found \(recordPath.exists ? "another file" : "none")")
        }
        if let path = record.files[OutputKind.mask.rawValue], FilePath(path).name != mask.name {
            throw FileError(recordPath, expected: "the record of \(mask)", found: "that of \(path)")
        }
        otherImage = record.otherImage(than: image)
        let made = try SlidePicture.make(image, side: side, beside: output) { try progress("picture", $0, $1) }
        guard made.width == record.image.width, made.height == record.image.height else {
            throw FileError(
                image, expected: "the size in \(recordPath), \(record.image.width) x \(record.image.height)",
                found: "\(made.width) x \(made.height)")
        }
        /// A file of the mask; nil where there is none, or no longer. Its path starts at the folder of the record.
        func file(_ kind: OutputKind) -> FilePath? {
            guard let path = record.files[kind.rawValue].map({ FilePath($0) }) else { return nil }
            return [recordPath.folder.pushing(path), mask.sibling(path.name)].first(where: \.exists)
        }
        /// Throws where a file that only the program writes is not as it was written.
        func requireUnchanged(_ kind: OutputKind, _ path: FilePath) throws(FileError) {
            guard record.digests?[kind.rawValue]?.matches(path) ?? true else {
                throw FileError(
                    path, expected: "the file that \(recordPath) is the record of", found: "another content")
            }
        }
        let microns = record.image.micronsPerPixel
        let stride = Double(record.settings.stride) * Double(made.width) / Double(record.image.laidWidth)
        let outline = file(.tissue)
        let map = try file(.csv).map { path throws(FileError) in
            try requireUnchanged(.csv, path)
            let tissue = try outline.map { path throws(FileError) in
                try TissueMap(outline: path, classes: [], imageWidth: made.width, imageHeight: made.height) { _ in }
            }
            return try SlideMap(path, tissue, width: made.width, height: made.height, stride: stride)
        }
        var hints = [String]()
        if map != nil, outline == nil, record.coverage.withoutTissue.pixels > 0 {
            hints.append("With --tissue-geojson '{}_tissue.geojson', cells end at the tissue, like the mask.")
        }
        let shapes: SlideShapes
        if let path = file(.nuclei), ["geojson", "json"].contains(path.lowercasedExtension) {
            try requireUnchanged(.nuclei, path)
            let used = record.micronsPerPixel
            shapes = try SlideShapes(nuclei: path, squareMicrons: used.x * used.y)
        } else {
            shapes = try SlideShapes(mask: mask) { try progress("mask", $0, $1) }
            if record.nuclei != nil {
                hints.append("With --nuclei '{}.geojson', the page has a threshold for the probability of nuclei.")
            } else if map == nil {
                hints.append("With --csv '{}.csv', the page has the probabilities of windows and a threshold.")
            }
        }
        if shapes.count > SlideShapes.mostOutlines {
            hints.append("More than \(SlideShapes.mostOutlines) shapes are drawn as circles of the same area.")
        }
        let tissue = try outline.map { try OutlineFile($0).objects.flatMap(\.polygons) } ?? []
        content = Content(
            title: image.name.escapingControls,
            image: .init(width: made.width, height: made.height, microns: microns), picture: made.picture, map: map,
            shapes: shapes, shapeName: Self.showsNuclei(record) ? "nuclei" : "regions",
            tissue: tissue.joined().map { ring in
                ring.flatMap { [SlideShapes.whole($0.x), SlideShapes.whole($0.y)] }
            }, unreadable: made.unreadable.flatMap(\.rings).map { ring in ring.flatMap { [$0.x, $0.y] } },
            colors: (0...255).map { HeatMap.color(of: Double($0) / 255).map { Int($0.rounded()) } },
            threshold: shapes.haveProbabilities ? 0 : record.settings.threshold,
            processedSquareMillimeters: record.nuclei?.squareMillimeters
                ?? record.coverage.processed?.squareMillimeters,
            facts: Self.facts(record).map { .init(name: $0, value: $1.escapingControls) },
            warnings: (record.warnings ?? []).map(\.escapingControls), hints: hints)
    }

    private static func showsNuclei(_ record: MaskRecord) -> Bool {
        record.refinement != nil || record.settings.nuclei != nil && record.settings.within == nil
    }

    private static func facts(_ record: MaskRecord) -> [(String, String)] {
        func area(_ part: MaskRecord.Part) -> String {
            "\(String(part.share * 100, decimals: 2)) %"
                + (part.squareMillimeters.map { ", \(String($0, significantDigits: 4)) mm²" } ?? "")
        }
        let (image, model, settings, coverage) = (record.image, record.model, record.settings, record.coverage)
        var facts = [
            ("size", "\(image.width) x \(image.height) pixels"),
            (
                "resolution",
                (image.micronsPerPixel.map { "\(describeResolution(($0.x, $0.y))) microns per pixel" }
                    ?? "not known"
                    + (record.nuclei == nil
                        ? "" : ", areas are those at \(describeResolution(record.micronsPerPixel))"))
                    + (image.resolutionSource == .user ? ", as the user stated" : "")
            ),
            ("white in the mask", area(coverage.nuclei)), ("black, predicted", area(coverage.noNuclei)),
            ("not processed", area(coverage.withoutTissue)),
        ]
        for (name, part) in [
            ("outside the slide", coverage.outside), ("unreadable", coverage.unreadable),
            ("without a window", coverage.uncovered),
        ] where part.pixels > 0 {
            facts.append((name, area(part)))
        }
        if let nuclei = record.nuclei {
            let density = nuclei.perSquareMillimeter.map { ", \(String($0, decimals: 0)) per mm²" } ?? ""
            facts.append(("nuclei", "\(nuclei.nuclei)\(density)"))
        }
        facts += [
            ("model", "\(model.path), \(model.architecture)"), ("SHA-256", String(model.sha256.prefix(16))),
            ("threshold", "\(settings.threshold)"),
        ]
        if let within = settings.within { facts.append(("within", "\(within) microns of a nucleus")) }
        if settings.nuclei == nil {
            facts.append(
                ("windows", "every \(settings.stride) of \(model.tileSize) pixels, \(settings.blend.rawValue)"))
        }
        if let refinement = record.refinement { facts.append(("refined by", refinement.method)) }
        facts.append(("made by", "nuclei \(record.version)"))
        return facts
    }

    /// The text of the page.
    package func html() throws -> String {
        // In a script element, only "<" has a meaning; base64 has none.
        let json = try JSON.text(content).replacing("<", with: "\\u003c")
        return Self.page(data: json)
    }

    /// Throws `FileError` of kind `unwritable`.
    package func write(to path: FilePath) throws {
        let text = try html()
        try AtomicFile.write(text, to: path)
    }
}
