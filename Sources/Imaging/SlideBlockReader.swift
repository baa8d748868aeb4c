import Files
import Synchronization

/// Blocks of one level of a whole slide image, composed over the slide's background colour.
///
/// OpenSlide gives up a slide at the first read error, and returns blanks from then on. So after an error the slide is
/// opened again and what failed is read again, tile by tile; tiles that fail once more are marked as unreadable.
package final class SlideBlockReader: BlockReader {
    package let path: String
    package let metadata: SlideMetadata
    /// Index of the level being read.
    package let level: Int
    private var handle: OpenSlideHandle
    private let tile: (width: Int, height: Int)
    private var pixels = [UInt32]()
    private let decoded = Atomic(0)

    /// Opens a slide at `level`. Throws `unreadable` or `malformed`; also when there is no such level.
    package init(_ path: String, level: Int = 0) throws(FileError) {
        self.path = path
        self.level = level
        handle = try OpenSlideHandle(path)
        metadata = try SlideMetadata(handle)
        try metadata.requireLevel(level, path)
        tile = handle.tileSize(level: level)
    }

    package var width: Int { metadata.levels[level].width }
    package var height: Int { metadata.levels[level].height }
    package var imageWidth: Int { metadata.levels[0].width }
    package var imageHeight: Int { metadata.levels[0].height }
    package var slide: SlideMetadata? { metadata }
    package var isSequential: Bool { false }
    package var largestBlockHeight: Int { .max }
    package var decodedPixels: Int { decoded.load(ordering: .relaxed) }

    /// Rows that are read together where many are wanted: whole tiles, at least 128 pixels.
    var bandHeight: Int { tile.height * max(1, 128 / tile.height) }

    package func read(_ region: PixelRegion, into block: PixelBlock) throws(FileError) {
        precondition(region.x >= 0 && region.y >= 0 && region.right <= width && region.bottom <= height)
        block.begin(region)
        // Whole tiles, so many that calls do not count and pixels take little memory before they are composed.
        let strips = Self.cut(
            region, width: tile.width * max(1, 4096 / tile.width), height: bandHeight)
        for strip in strips {
            do {
                try read(strip, of: block)
            } catch {
                handle = try OpenSlideHandle(path)
                for piece in Self.cut(strip, width: tile.width, height: tile.height) {
                    do {
                        try read(piece, of: block)
                    } catch {
                        block.markUnreadable(piece, error)
                        handle = try OpenSlideHandle(path)
                    }
                }
            }
        }
    }

    private func read(_ part: PixelRegion, of block: PixelBlock) throws(FileError) {
        let count = part.width * part.height
        if pixels.count < count { pixels = [UInt32](repeating: 0, count: count) }
        let (handle, level, metadata) = (handle, level, metadata)
        try pixels.withUnsafeMutableBufferPointer { (pixels) throws(FileError) in
            try handle.readRegion(
                into: pixels, level: level, downsample: metadata.levels[level].downsample, x: part.x, y: part.y,
                width: part.width, height: part.height)
            block.compose(part, UnsafeBufferPointer(pixels), background: metadata.background)
        }
        decoded.add(count, ordering: .relaxed)
    }

    /// The pieces that multiples of a width and a height cut a region into, row by row.
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

extension SlideMetadata {
    func requireLevel(_ level: Int, _ path: String) throws(FileError) {
        guard levels.indices.contains(level) else {
            throw FileError(
                path, expected: "a slide with a level \(level)", found: "levels 0 to \(levels.count - 1)")
        }
    }
}
