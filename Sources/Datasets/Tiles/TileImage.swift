import Foundations
import Imaging

/// An image of a data set and its row of `labels.csv`, before it is decoded.
struct TileImage {
    let row: LabelFile.Row
    let file: FilePath
    /// The label image; nil where there is none.
    let mask: FilePath?

    /// The files that are read.
    var files: [FilePath] { [file] + (mask.map { [$0] } ?? []) }
}

/// One tile of a decoded image.
struct DecodedTile {
    /// A hash of the pixels.
    let fingerprint: UInt64
    let appearance: PerceptualHash?
    /// Nil without a label image.
    let outlines: TileOutlines?
}

extension TileImage {
    /// Reads the header of the image. Throws where it would be enlarged too much.
    func layout(_ target: TileTarget) throws(FileError) -> ImageLayout {
        let image = try openImage(file)
        let scale = target.scale(from: row.micronsPerPixel)
        guard scale <= TileTarget.largestEnlargement else {
            throw FileError(
                file,
                expected: "at most \(target.micronsPerPixel! * TileTarget.largestEnlargement) microns per pixel for "
                    + "tiles of \(target.micronsPerPixel!), enlarged \(Int(TileTarget.largestEnlargement)) times",
                found: "\(row.micronsPerPixel!)")
        }
        return ImageLayout(width: image.width, height: image.height, scale: scale, side: target.side)
    }

    /// Decodes the tiles into their places: pixels from tile `firstTile` on, and class maps from map `firstMap` on.
    func decode(
        _ layout: ImageLayout, _ target: TileTarget, into memory: TilePixels, firstTile: Int, firstMap: Int
    ) throws(FileError) -> [DecodedTile] {
        try decodePixels(layout, into: memory, firstTile: firstTile)
        let outlines = try mask.map { mask throws(FileError) in
            try decodeMask(mask, layout, target, into: memory, firstMap: firstMap)
        }
        return layout.origins.indices.map { index in
            let tile = UnsafeRawBufferPointer(memory.tile(firstTile + index))
            return DecodedTile(
                fingerprint: pixelHash(tile), appearance: PerceptualHash(tile: tile, side: layout.side),
                outlines: outlines?[index])
        }
    }

    private func decodePixels(
        _ layout: ImageLayout, into memory: TilePixels, firstTile: Int
    ) throws(FileError) {
        let source = try openBlocks(file)
        guard (source.width, source.height) == (layout.width, layout.height) else {
            throw FileError(
                file, expected: "\(layout.width) x \(layout.height) pixels as before",
                found: "\(source.width) x \(source.height)")
        }
        let (width, height, side) = (layout.scaledWidth, layout.scaledHeight, layout.side)
        let reader = layout.isScaled ? ScaledBlockReader(source, width: width, height: height) : source
        let block = PixelBlock()
        let step = max(1, min(side, reader.largestBlockHeight))
        for top in stride(from: 0, to: height, by: step) {
            let rows = top..<min(top + step, height)
            try reader.read(PixelRegion(x: 0, y: top, width: width, height: rows.count), into: block)
            if let problem = block.problem { throw problem }
            for (index, origin) in layout.origins.enumerated() {
                let tile = memory.tile(firstTile + index)
                for y in rows.clamped(to: origin.y..<origin.y + layout.filledHeight) {
                    let from = (y - top) * block.bytesPerRow + 3 * origin.x
                    UnsafeMutableRawBufferPointer(rebasing: tile[((y - origin.y) * 3 * side)...])
                        .copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: block.bytes[from..<from + 3 * layout.filledWidth]))
                }
            }
        }
        guard layout.isPadded else { return }
        for index in layout.origins.indices {
            padByReflection(memory.tile(firstTile + index), layout, channels: 3)
        }
    }

    private func decodeMask(
        _ mask: FilePath, _ layout: ImageLayout, _ target: TileTarget, into memory: TilePixels, firstMap: Int
    ) throws(FileError) -> [TileOutlines] {
        let image = try LabelImage(decoding: mask)
        guard (image.width, image.height) == (layout.width, layout.height) else {
            throw FileError(
                mask, expected: "\(layout.width) x \(layout.height) pixels like \(file.name)",
                found: "\(image.width) x \(image.height)")
        }
        let source = LabelMap(image.nuclei)
        try requireAgreement(source, mask)
        let nuclei = source.resampled(width: layout.scaledWidth, height: layout.scaledHeight)
        let resolution = target.resolution(of: row.micronsPerPixel)
        let classes = target.pixelClasses.map(of: nuclei, micronsPerPixel: resolution)
        let all = nuclei.areas(x: 0..<nuclei.width, y: 0..<nuclei.height)
        return layout.origins.enumerated().map { index, origin in
            let map = memory.map(firstMap + index)
            for y in 0..<layout.filledHeight {
                let from = (origin.y + y) * nuclei.width + origin.x
                UnsafeMutableRawBufferPointer(rebasing: map[(y * layout.side)...])
                    .copyBytes(from: classes[from..<from + layout.filledWidth])
            }
            if layout.isPadded { padByReflection(map, layout, channels: 1) }
            let areas = nuclei.areas(
                x: origin.x..<origin.x + layout.filledWidth, y: origin.y..<origin.y + layout.filledHeight)
            return TileOutlines(
                areas: areas, all: all, micronsPerPixel: resolution, fingerprint: pixelHash(UnsafeRawBufferPointer(map))
            )
        }
    }

    /// Throws where the label of the image contradicts its outlines.
    private func requireAgreement(_ nuclei: LabelMap, _ mask: FilePath) throws(FileError) {
        switch row.label {
        case .noNucleus where nuclei.count > 0:
            throw FileError(
                mask, expected: "no nucleus, as \(file.name) is labeled \(TileLabel.noNucleus.name)",
                found: nuclei.count.counted("nucleus", plural: "nuclei"))
        case .nuclei where nuclei.count == 0:
            throw FileError(
                mask, expected: "nuclei, as \(file.name) is labeled \(TileLabel.nuclei.name)", found: "none")
        default: break
        }
    }
}

/// A hash of bytes.
private func pixelHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0
    func add(_ word: UInt64) {
        // The finalizer of MurmurHash3 (Appleby): every bit of a word affects every bit of the hash.
        var z = (hash ^ word) &* 0xFF51_AFD7_ED55_8CCD
        z ^= z >> 33
        hash = z &* 0xC4CE_B9FE_1A85_EC53 ^ (z >> 29)
    }
    let whole = bytes.count / 8 * 8
    for offset in stride(from: 0, to: whole, by: 8) {
        add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    for byte in bytes[whole...] { add(UInt64(byte)) }
    return hash
}
