import Foundations
import Glibc
import Imaging

/// A data set cut from an image or slide with outlines of nuclei in a GeoJSON file, such as a QuPath export.
///
/// Tiles are cut where the file has annotations of the classes `tileClasses`, or on a grid over the tissue. Nuclei are the
/// objects of the classes `nucleusClasses`; without any, all detections and cells, and objects whose class begins with
/// "nucle", but not those whose class ends with `*`, which QuPath ignores. Of cells, the nucleus counts.
package struct OutlineImport: Encodable, Sendable {
    package let image: String
    package let outlines: String
    /// Patterns (`*`, `?`) of class names, whatever their case.
    package let tileClasses: [String]
    package let nucleusClasses: [String]
    /// Whether tiles are cut all over the tissue, in which all nuclei are outlined then.
    package let isGrid: Bool
    /// The largest side of a tile in pixels. Larger annotations are cut into several tiles.
    package let tileSize: Int
    /// Nil for the name of the image.
    package let group: String?
    /// Microns per pixel; nil for those that the file states.
    package let micronsPerPixel: Double?

    package init(
        image: FilePath, outlines: FilePath, tileClasses: [String], nucleusClasses: [String], isGrid: Bool,
        tileSize: Int, group: String?, micronsPerPixel: Double?
    ) {
        (self.image, self.outlines) = (image.string, outlines.string)
        (self.tileClasses, self.nucleusClasses, self.isGrid) = (tileClasses, nucleusClasses, isGrid)
        (self.tileSize, self.group, self.micronsPerPixel) = (tileSize, group, micronsPerPixel)
    }

    /// The least share of its frame that an annotation must fill to be cut as a rectangle. Outside of it, nuclei may be
    /// without outlines.
    private static let smallestFill = 0.98

    /// The contents of the new data set, in numbers.
    package struct Result: Sendable {
        package let tiles: Int
        /// Tiles without a nucleus.
        package let emptyTiles: Int
        /// Nuclei with a pixel in a tile, for each tile.
        package let nuclei: Int
        /// Outlines inside of tiles that are no nuclei, by class, such as "3 of no class, 1 of Tumor"; nil for none.
        package let others: String?
    }

    /// Writes the data set to a new or empty folder: PNG tiles and label images of 16 bits. An interrupted import is
    /// continued. `afterEach` receives the number of finished tiles and of all tiles, and may throw to stop. Throws
    /// `FileError`.
    package func write(
        to output: FilePath, threads: Int, afterEach: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> Result {
        let path = FilePath(image)
        let source = try openBlocks(path)
        let objects = try OutlineFile(FilePath(outlines)).objects
        let tiles = try isGrid ? gridTiles(path, source) : annotatedTiles(objects, source)
        let outlined = objects.filter(isNucleus)
        let others = others(in: objects, tiles)
        if outlined.isEmpty, !nucleusClasses.isEmpty || others != nil {
            // Outlines that are no nuclei would become background.
            let expected =
                nucleusClasses.isEmpty
                ? "detections, cells, or a class that begins with Nucle (else name it with --nucleus-class)"
                : "nuclei of the class \(nucleusClasses.joined(separator: " or "))"
            throw FileError(FilePath(outlines), expected: expected, found: Self.classes(of: objects))
        }
        let nuclei = NucleusIndex(outlined.map(\.nucleusPolygons), tileSize)
        for tile in tiles {
            let count = nuclei.touching(tile).count
            guard count <= UInt16.max else {
                throw FileError(
                    FilePath(outlines), expected: "at most \(UInt16.max) nuclei in a tile (see --cut-size)",
                    found: "\(count) in that at \(tile.x), \(tile.y)")
            }
        }
        let writer = try DatasetWriter(output, settings: self)
        var names = DatasetNames()
        let block = PixelBlock()
        var (rows, empty, count) = ([LabelFile.Row](), 0, 0)
        for (index, tile) in tiles.enumerated() {
            let name = names.name("\(path.stem ?? "image")_\(tile.x)_\(tile.y)", ".png")
            let maskName = names.name("\(FilePath(name).stem ?? "")_labels", ".png")
            let labels = LabelMap(LabelImage(nuclei.touching(tile), in: tile))
            if writer.needs(maskName, from: FilePath(outlines)) {
                try labels.image.write(to: writer.folder.appending(maskName))
            }
            if writer.needs(name, from: path) {
                try source.read(tile, into: block, threads: threads)
                if let problem = block.problem { throw problem }
                let png = try PNGWriter(
                    path: writer.folder.appending(name), width: tile.width, height: tile.height, channels: .rgb)
                try png.write(rows: block.bytes, count: tile.height)
                try png.finish()
            }
            count += labels.count
            empty += labels.count == 0 ? 1 : 0
            rows.append(
                LabelFile.Row(
                    filename: name, label: labels.count == 0 ? .noNucleus : nil, group: group ?? path.stem,
                    micronsPerPixel: micronsPerPixel ?? stated(source), mask: maskName))
            try afterEach(index + 1, tiles.count)
        }
        try writer.finish(rows)
        return Result(tiles: rows.count, emptyTiles: empty, nuclei: count, others: others)
    }

    /// The outlines inside of tiles that are no nuclei, by class. Larger ones, such as the outline of the tissue, are
    /// none of them, nor are annotations that QuPath ignores.
    private func others(in objects: [OutlinedObject], _ tiles: [PixelRegion]) -> String? {
        var counts = [String: Int]()
        for object in objects where !isNucleus(object) && !isRegion(object) {
            if object.isIgnored, !isDetection(object) { continue }
            let (x, y) = object.frame
            let isInside = tiles.contains {
                Double($0.x) <= x.lowerBound && x.upperBound <= Double($0.right)
                    && Double($0.y) <= y.lowerBound && y.upperBound <= Double($0.bottom)
            }
            if isInside { counts[object.className, default: 0] += 1 }
        }
        if counts.isEmpty { return nil }
        return counts.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key.isEmpty ? "no class" : $0.key)" }
            .joined(separator: ", ")
    }

    private func stated(_ source: any BlockReader) -> Double? {
        let microns = source.slide?.micronsPerPixel ?? (source as? RowBlockReader)?.micronsPerPixel
        return microns.map { ($0.x * $0.y).squareRoot() }
    }

    private static func matches(_ name: String, _ patterns: [String]) -> Bool {
        patterns.contains { fnmatch($0.lowercased(), name.lowercased(), 0) == 0 }
    }

    private func isNucleus(_ object: OutlinedObject) -> Bool {
        if !nucleusClasses.isEmpty { return Self.matches(object.className, nucleusClasses) }
        if isRegion(object) || object.isIgnored { return false }
        return isDetection(object) || object.className.lowercased().hasPrefix("nucle")
    }

    /// Whether the object is a detection or a cell, not an annotation.
    private func isDetection(_ object: OutlinedObject) -> Bool { ["detection", "cell"].contains(object.kind) }

    private func isRegion(_ object: OutlinedObject) -> Bool { !isGrid && Self.matches(object.className, tileClasses) }

    /// The frames of the annotations to cut, cut into tiles.
    private func annotatedTiles(_ objects: [OutlinedObject], _ source: any BlockReader) throws(FileError)
        -> [PixelRegion]
    {
        let chosen = objects.filter(isRegion)
        let path = FilePath(outlines)
        guard !chosen.isEmpty else {
            throw FileError(
                path, expected: "annotations of the class \(tileClasses.joined(separator: " or ")) to cut tiles from",
                found: Self.classes(of: objects))
        }
        var regions = [PixelRegion]()
        for object in chosen {
            let (x, y) = object.frame
            let (left, top) = (Self.pixel(x.lowerBound, source.width), Self.pixel(y.lowerBound, source.height))
            let (right, bottom) = (Self.pixel(x.upperBound, source.width), Self.pixel(y.upperBound, source.height))
            guard object.fill >= Self.smallestFill else {
                throw FileError(
                    path, expected: "rectangles of the class \(object.className) to cut tiles from",
                    found: "a shape at \(left), \(top) that fills \(Int(object.fill * 100)) % of its frame")
            }
            regions += cut(PixelRegion(x: left, y: top, width: right - left, height: bottom - top))
        }
        guard !regions.isEmpty else {
            throw FileError(path, expected: "annotations inside the image \(image)", found: "none")
        }
        return Self.sorted(regions)
    }

    private static func classes(of objects: [OutlinedObject]) -> String {
        let found = Set(objects.map(\.className)).sorted().map { $0.isEmpty ? "no class" : $0 }
        return found.isEmpty ? "no polygons" : "those of \(found.joined(separator: ", "))"
    }

    /// Tiles of the grid that have tissue, also at a corner.
    private func gridTiles(_ path: FilePath, _ source: any BlockReader) throws(FileError) -> [PixelRegion] {
        let all = PixelRegion(x: 0, y: 0, width: source.width, height: source.height)
        guard let slide = (source as? SlideBlockReader)?.slideFile, let tissue = try TissueMap.detect(slide)?.map else {
            return Self.sorted(cut(all))
        }
        let tiles = cut(all).filter { tissue.share(of: $0) > 0 }
        guard !tiles.isEmpty else { throw FileError(path, expected: "tissue to cut tiles from", found: "none") }
        return Self.sorted(tiles)
    }

    /// The pixel at a coordinate: 0 ... count.
    private static func pixel(_ at: Double, _ count: Int) -> Int { Int(min(max(at.rounded(), 0), Double(count))) }

    /// Tiles of equal sizes that fill a region, at most `tileSize` a side.
    private func cut(_ region: PixelRegion) -> [PixelRegion] {
        if region.isEmpty { return [] }
        func parts(_ start: Int, _ length: Int) -> [Range<Int>] {
            let count = (length + tileSize - 1) / tileSize
            return (0..<count).map { start + $0 * length / count..<start + ($0 + 1) * length / count }
        }
        return parts(region.y, region.height).flatMap { ys in
            parts(region.x, region.width).map {
                PixelRegion(x: $0.lowerBound, y: ys.lowerBound, width: $0.count, height: ys.count)
            }
        }
    }

    /// The order in which images that are stored in rows can be read. The same tile occurs once.
    private static func sorted(_ regions: [PixelRegion]) -> [PixelRegion] {
        Array(Set(regions)).sorted { ($0.y, $0.x, $0.height, $0.width) < ($1.y, $1.x, $1.height, $1.width) }
    }
}

/// Outlines of nuclei by the rows of an image that they touch.
private struct NucleusIndex {
    typealias Polygons = [[[OutlinedObject.Point]]]

    private let nuclei: [Polygons]
    private let frames: [(x: ClosedRange<Double>, y: ClosedRange<Double>)]
    /// Numbers of the nuclei that touch each band of rows.
    private var bands = [Int: [Int]]()
    private let bandHeight: Double

    init(_ nuclei: [Polygons], _ bandHeight: Int) {
        self.nuclei = nuclei
        self.bandHeight = Double(bandHeight)
        frames = nuclei.map { polygons in
            let points = polygons.joined().joined()
            return (points.map(\.x).min()!...points.map(\.x).max()!, points.map(\.y).min()!...points.map(\.y).max()!)
        }
        for (index, frame) in frames.enumerated() {
            for band in band(frame.y.lowerBound)...band(frame.y.upperBound) { bands[band, default: []].append(index) }
        }
    }

    /// Positions far outside of any image are in the outermost bands.
    private func band(_ y: Double) -> Int { Int((min(max(y, -1), 1e7) / bandHeight).rounded(.down)) }

    /// The nuclei whose frames touch a region, in their order.
    func touching(_ region: PixelRegion) -> [Polygons] {
        let (x, y) = (Double(region.x)...Double(region.right), Double(region.y)...Double(region.bottom))
        let near = Set((band(y.lowerBound)...band(y.upperBound)).flatMap { bands[$0] ?? [] })
        return near.sorted().filter { frames[$0].x.overlaps(x) && frames[$0].y.overlaps(y) }.map { nuclei[$0] }
    }
}
