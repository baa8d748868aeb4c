import CImageCodecs
import Foundations

/// The full resolution of a slide whose tiles are JPEG images in a TIFF file.
///
/// They are decoded in less than half the time that OpenSlide takes, with the same pixels. Nothing changes after opening, so
/// any number of threads may read at a time.
final class JPEGTiles: @unchecked Sendable {
    private let tiles: OpaquePointer

    /// Nil where the slide has another format, or where OpenSlide does more than decoding.
    init?(_ path: FilePath, _ metadata: SlideMetadata, tile: (width: Int, height: Int)) {
        guard ["aperio", "generic-tiff"].contains(metadata.vendor), metadata.bounds == nil,
            let level = metadata.levels.first, level.index == 0, max(level.width, level.height) <= Int(Int32.max),
            let file = try? openForReading(path),
            let tiles = cic_jpeg_tiles_open(
                file.rawValue, Int32(level.width), Int32(level.height), Int32(tile.width), Int32(tile.height))
        else { return nil }
        self.tiles = tiles
    }

    deinit { cic_jpeg_tiles_close(tiles) }

    /// Decodes 0xAARRGGBB pixels of a rectangle to the start of a buffer. Returns false where OpenSlide must read them: a
    /// tile is missing, damaged or unusual.
    func read(_ region: PixelRegion, into pixels: UnsafeMutableBufferPointer<UInt32>) -> Bool {
        precondition(pixels.count >= region.width * region.height, "\(pixels.count) pixels for \(region)")
        var part = cic_rectangle(
            x: Int64(region.x), y: Int64(region.y), width: Int64(region.width), height: Int64(region.height))
        return cic_jpeg_tiles_read(tiles, &part, pixels.baseAddress) == .ok
    }
}
