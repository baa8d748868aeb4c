import Foundations
import Imaging

/// The decoded images of a data set.
struct TileContent {
    let tiles: [Tile]
    let memory: TilePixels
    /// The number of the class map of each tile; nil for a tile without outlines.
    let mapNumbers: [Int?]

    /// Decodes the images of a list. Sizes are read first, so that memory is allocated once.
    ///
    /// Throws `DatasetError` with the problem of every invalid image, or `MemoryError`.
    init(
        _ list: TileList, _ target: TileTarget, path: FilePath, threads: Int,
        afterEach: @Sendable (_ done: Int, _ total: Int) throws -> Void
    ) throws {
        let images = list.images
        let layouts = try Self.each(images, threads: threads) { image, _ throws(FileError) in try image.layout(target) }
        let places = Places(images, layouts)
        let memory = try TilePixels(tiles: places.tileCount, maps: places.mapCount, target, path: path)
        let total = images.count
        let decoded = try Self.each(images, threads: threads, afterEach: { try afterEach($0, total) }) {
            image, index throws(FileError) in
            try image.decode(
                layouts[index].get(), target, into: memory, firstTile: places.tiles[index],
                firstMap: places.maps[index] ?? 0)
        }
        var tiles = [Tile]()
        var mapNumbers = [Int?]()
        var problems = [FileError]()
        for (index, image) in images.enumerated() {
            do throws(FileError) {
                let layout = try layouts[index].get()
                let parts = try decoded[index].get()
                let densest =
                    image.row.label == .nuclei && layout.isCut && places.maps[index] == nil
                    ? memory.densestTile(places.tiles[index]..<places.tiles[index] + parts.count) - places.tiles[index]
                    : nil
                for (part, tile) in parts.enumerated() {
                    tiles.append(Tile(tile, part, of: image.row, layout, isDensest: part == densest))
                    mapNumbers.append(places.maps[index].map { $0 + part })
                }
            } catch {
                problems.append(error.naming(image.row))
            }
        }
        problems += Self.repeatedNames(images, layouts)
        guard problems.isEmpty else { throw DatasetError(problems) }
        (self.tiles, self.memory, self.mapNumbers) = (tiles, memory, mapNumbers)
    }

    /// The numbers of the first tile and of the first class map of each image.
    private struct Places {
        private(set) var tiles = [Int]()
        /// Nil for an image without outlines.
        private(set) var maps = [Int?]()
        private(set) var tileCount = 0
        private(set) var mapCount = 0

        init(_ images: [TileImage], _ layouts: [Result<ImageLayout, FileError>]) {
            for (image, layout) in zip(images, layouts) {
                let count = (try? layout.get().origins.count) ?? 0
                tiles.append(tileCount)
                maps.append(image.mask == nil ? nil : mapCount)
                tileCount += count
                if image.mask != nil { mapCount += count }
            }
        }
    }

    /// The results of `body` for each image, on `threads` threads.
    private static func each<Value: Sendable>(
        _ images: [TileImage], threads: Int, afterEach: @Sendable (Int) throws -> Void = { _ in },
        _ body: @Sendable (TileImage, Int) throws(FileError) -> Value
    ) throws -> [Result<Value, FileError>] {
        try mapInParallel(images.count, threads: threads, afterEach: afterEach) { index in
            Result { () throws(FileError) in try body(images[index], index) }
        }
    }

    /// Files with the name that a tile of a cut image has.
    private static func repeatedNames(
        _ images: [TileImage], _ layouts: [Result<ImageLayout, FileError>]
    ) -> [FileError] {
        let names = Set(images.map { FilePath($0.row.filename) })
        return zip(images, layouts).flatMap { image, layout -> [FileError] in
            guard let layout = try? layout.get(), layout.isCut else { return [] }
            return layout.origins.indices.map { layout.name(of: $0, in: image.row.filename) }
                .filter { names.contains(FilePath($0)) }
                .map {
                    FileError(
                        image.file, expected: "tiles of this image with names of their own", found: "a file \($0)"
                    ).naming(image.row)
                }
        }
    }
}

extension Tile {
    /// Tile `part` of an image; `isDensest` says whether it has the image's densest hematoxylin.
    fileprivate init(
        _ decoded: DecodedTile, _ part: Int, of row: LabelFile.Row, _ layout: ImageLayout, isDensest: Bool
    ) {
        let label: TileLabel?
        if layout.isCut, let outlines = decoded.outlines {
            label = outlines.label
        } else if layout.isCut {
            label = row.label == .noNucleus ? .noNucleus : isDensest ? .nuclei : nil
        } else {
            label = row.label ?? decoded.outlines?.label
        }
        self.init(
            filename: layout.name(of: part, in: row.filename), label: label,
            group: row.group ?? (layout.isCut ? row.filename : nil), fingerprint: decoded.fingerprint,
            appearance: decoded.appearance, isPart: layout.isCut, micronsPerPixel: row.micronsPerPixel,
            weight: row.weight, outlines: decoded.outlines)
    }
}

extension TilePixels {
    /// Pixels that are compared: about those of the smallest nuclei.
    private static let comparedPixels = 100

    /// The tile whose densest pixels have the most hematoxylin, of equal ones the first.
    fileprivate func densestTile(_ tiles: Range<Int>) -> Int {
        let stain = StainDensity(of: .hematoxylin)
        let densities = tiles.map { index -> Float in
            let bytes = tile(index)
            var values = stride(from: 0, to: bytes.count, by: 3).map {
                stain.density(red: bytes[$0], green: bytes[$0 + 1], blue: bytes[$0 + 2])
            }
            values.sort(by: >)
            return values.prefix(Self.comparedPixels).reduce(0, +)
        }
        return tiles.lowerBound + densities.indices.max { densities[$0] < densities[$1] }!
    }
}

extension FileError {
    /// The error with the line of its image in `labels.csv`, where it has one.
    fileprivate func naming(_ row: LabelFile.Row) -> FileError {
        row.line == 0 ? self : FileError(path, kind, "\(problem) (labels.csv:\(row.line))")
    }
}
