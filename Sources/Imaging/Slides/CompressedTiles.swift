import CImageCodecs
import Foundations

/// A level of a slide whose tiles are JPEG images or JPEG 2000 codestreams in a TIFF file.
///
/// Pixels at full size are those of OpenSlide, which takes more than twice as long for JPEG tiles, and reads all of a JPEG
/// 2000 tile where half the size is enough. Nothing changes after opening, so any number of threads may read at a time.
final class CompressedTiles: @unchecked Sendable {
    private let tiles: OpaquePointer

    /// Nil where the slide has another format, or where OpenSlide does more than decoding: it moves the pixels of levels
    /// whose downsample is not a whole number.
    init?(_ path: FilePath, _ metadata: SlideMetadata, _ level: SlideLevel, tile: (width: Int, height: Int)) {
        guard ["aperio", "generic-tiff"].contains(metadata.vendor), metadata.bounds == nil,
            level.addressing == level.addressing.rounded(), max(level.width, level.height) <= Int(Int32.max),
            let file = try? openForReading(path),
            let tiles = cic_tiles_open(
                file.rawValue, Int32(level.width), Int32(level.height), Int32(tile.width), Int32(tile.height))
        else { return nil }
        self.tiles = tiles
    }

    deinit { cic_tiles_close(tiles) }

    /// Decodes 0xAARRGGBB pixels of a rectangle to the start of a buffer. With `halving`, the rectangle is in pixels of
    /// the level at half its width and height, and fewer coefficients of the tiles are transformed. Returns false where
    /// OpenSlide must read them: a tile is missing, damaged or unusual.
    func read(_ region: PixelRegion, halving: Bool, into pixels: UnsafeMutableBufferPointer<UInt32>) -> Bool {
        precondition(pixels.count >= region.width * region.height, "\(pixels.count) pixels for \(region)")
        var part = cic_rectangle(
            x: Int64(region.x), y: Int64(region.y), width: Int64(region.width), height: Int64(region.height))
        return cic_tiles_read(tiles, halving ? 2 : 1, &part, pixels.baseAddress) == .ok
    }
}
