import Foundations
import Synchronization

/// Blocks of one level of a whole-slide image, composed over the slide's background color.
///
/// After its first read error, OpenSlide returns blanks for everything. The reader therefore reopens the slide after an
/// error and reads the failed part again, tile by tile. Tiles that fail again are marked as unreadable.
package final class SlideBlockReader: BlockReader {
    package let slideFile: Slide
    package let geometry: ImageGeometry
    private let slideLevel: SlideLevel
    private let tile: (width: Int, height: Int)
    private let compressedTiles: CompressedTiles?
    /// Whether blocks have half the width and height of the level.
    package let isHalved: Bool
    private let decoded = Atomic(0)

    /// Reads a level of a slide, through OpenSlide alone if `decodesTiles` is false. With `halving`, which is fast where
    /// tiles are decoded, the level is read at half its width and height, rounded up. Throws `malformed` where there is no
    /// such level.
    package init(
        _ slide: Slide, level: Int = 0, halving: Bool = false, decodesTiles: Bool = true
    ) throws(FileError) {
        slideFile = slide
        isHalved = halving
        compressedTiles = decodesTiles ? slide.tiles[level] : nil
        let own = try slide.metadata.requireLevel(level, slide.path)
        slideLevel = own
        let (tile, reduction) = (slide.handle.tileSize(level: level), halving ? 2 : 1)
        self.tile = (max(1, tile.width / reduction), max(1, tile.height / reduction))
        geometry = ImageGeometry(
            width: (own.width + reduction - 1) / reduction, height: (own.height + reduction - 1) / reduction,
            imageWidth: slide.metadata.levels[0].width,
            imageHeight: slide.metadata.levels[0].height, slide: slide.metadata)
    }

    package var path: FilePath { slideFile.path }
    package var metadata: SlideMetadata { slideFile.metadata }
    /// OpenSlide's number of the level being read.
    package var level: Int { slideLevel.index }
    /// Level-0 pixels per pixel of the level.
    package var downsample: Double { slideLevel.downsample * (isHalved ? 2 : 1) }
    package var decodedPixels: Int { decoded.load(ordering: .relaxed) }

    /// Rows per decoding call when many rows are read: whole tiles, at least 128 pixels.
    var bandHeight: Int { tile.height * max(1, 128 / tile.height) }

    package func read(_ region: PixelRegion, into block: PixelBlock, threads: Int) throws(FileError) {
        precondition(region.x >= 0 && region.y >= 0 && region.right <= width && region.bottom <= height)
        block.begin(region)
        // Whole tiles: enough of them to make the cost of a call negligible, few enough to keep premultiplied pixels small.
        let strips = Self.cut(
            region, width: tile.width * max(1, 4096 / tile.width), height: bandHeight)
        for strip in decode(strips, into: block, threads: threads) {
            do {
                try read(strip, of: block, slideFile.reopen())
            } catch {
                var handle = try slideFile.reopen()
                for piece in Self.cut(strip, width: tile.width, height: tile.height) {
                    do {
                        try read(piece, of: block, handle)
                    } catch {
                        block.markUnreadable(piece, error)
                        handle = try slideFile.reopen()
                    }
                }
            }
        }
    }

    /// Shared by the decoding threads. OpenSlide's handles are safe to use from several threads, and the strips of a block
    /// are composed one after another.
    private struct Job: @unchecked Sendable {
        let reader: SlideBlockReader
        let handle: OpenSlideHandle
        let block: PixelBlock
        let strips: [PixelRegion]
    }

    /// Decodes strips on several threads until one fails. Returns the strips that are missing from the block.
    private func decode(_ strips: [PixelRegion], into block: PixelBlock, threads: Int) -> [PixelRegion] {
        let job = Job(reader: self, handle: slideFile.handle, block: block, strips: strips)
        let state = Mutex((next: 0, isBroken: false, missing: Set(strips.indices)))
        performConcurrently(max(1, min(threads, strips.count))) { _ in
            var pixels = [UInt32]()
            func next() -> Int? {
                state.withLock { state in
                    if state.isBroken || state.next == job.strips.count { return nil }
                    state.next += 1
                    return state.next - 1
                }
            }
            while let index = next() {
                do {
                    try job.reader.decode(job.strips[index], job.handle, &pixels)
                    state.withLock {
                        job.reader.compose(job.strips[index], pixels, job.block)
                        $0.missing.remove(index)
                    }
                } catch {
                    state.withLock { $0.isBroken = true }
                }
            }
        }
        return state.withLock { $0.missing }.sorted().map { strips[$0] }
    }

    private func read(_ part: PixelRegion, of block: PixelBlock, _ handle: OpenSlideHandle) throws(FileError) {
        var pixels = [UInt32]()
        try decode(part, handle, &pixels)
        compose(part, pixels, block)
    }

    /// Decodes a part to the start of `pixels`, which grows to the size of the largest part.
    private func decode(_ part: PixelRegion, _ handle: OpenSlideHandle, _ pixels: inout [UInt32]) throws(FileError) {
        let count = part.width * part.height
        if pixels.count < count { pixels = [UInt32](repeating: 0, count: count) }
        try pixels.withUnsafeMutableBufferPointer { (pixels) throws(FileError) in
            if let compressedTiles, compressedTiles.read(part, halving: isHalved, into: pixels) { return }
            guard isHalved else { return try readRegion(part, handle, into: pixels) }
            let whole = PixelRegion(
                x: 2 * part.x, y: 2 * part.y, width: min(2 * part.width, slideLevel.width - 2 * part.x),
                height: min(2 * part.height, slideLevel.height - 2 * part.y))
            var source = [UInt32](repeating: 0, count: whole.width * whole.height)
            try source.withUnsafeMutableBufferPointer { (source) throws(FileError) in
                try readRegion(whole, handle, into: source)
            }
            averagePairs(source.span, width: whole.width, height: whole.height, into: pixels)
        }
        decoded.add(count, ordering: .relaxed)
    }

    private func readRegion(
        _ part: PixelRegion, _ handle: OpenSlideHandle, into pixels: UnsafeMutableBufferPointer<UInt32>
    ) throws(FileError) {
        let bounds = metadata.bounds
        try handle.readRegion(part, of: slideLevel, origin: (bounds?.x ?? 0, bounds?.y ?? 0), into: pixels)
    }

    private func compose(_ part: PixelRegion, _ pixels: [UInt32], _ block: PixelBlock) {
        block.compose(part, pixels.span, background: metadata.background)
    }

    /// Cuts a region at the multiples of a width and a height. Pieces are in row order.
    private static func cut(_ region: PixelRegion, width: Int, height: Int) -> [PixelRegion] {
        func cuts(_ start: Int, _ end: Int, _ step: Int) -> [Range<Int>] {
            var result = [Range<Int>]()
            var from = start
            while from < end {
                let to = step > end ? end : min(end, (from / step + 1) * step)
                result.append(from..<to)
                from = to
            }
            return result
        }
        return cuts(region.y, region.bottom, height).flatMap { rows in
            cuts(region.x, region.right, width).map { columns in
                PixelRegion(x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
            }
        }
    }
}
