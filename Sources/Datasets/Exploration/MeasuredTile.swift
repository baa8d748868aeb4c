import Foundations
import Synchronization

/// A tile with its measures and reduced images, for comparison with other tiles.
struct MeasuredTile: Sendable {
    /// Means of blocks of 8 x 8 pixels, 32 x 32 interleaved RGB, on the 0-255 scale.
    let thumbnail: [Float]
    /// Luminance means of blocks of 4 x 4 pixels, 64 x 64.
    let luminance: [Float]
    let measures: TileMeasures

    static let luminanceSide = TileSet.tileSize / 4

    /// Measures a tile of interleaved RGB.
    init(_ pixels: UnsafeRawBufferPointer) {
        precondition(pixels.count == TileSet.tileBytes)
        let blocks = Self.blockMeans(pixels, block: 4)
        thumbnail = Self.halved(blocks, side: Self.luminanceSide)
        luminance = Self.luminance(ofBlocks: blocks)
        measures = TileMeasures(pixels, blocks: blocks, thumbnail: thumbnail)
    }

    /// The luminance of a tile of interleaved RGB, as in `luminance`.
    static func luminance(_ pixels: UnsafeRawBufferPointer) -> [Float] {
        luminance(ofBlocks: blockMeans(pixels, block: 4))
    }

    private static func luminance(ofBlocks blocks: [Float]) -> [Float] {
        (0..<luminanceSide * luminanceSide).map { index in
            (77 * blocks[3 * index] + 150 * blocks[3 * index + 1] + 29 * blocks[3 * index + 2]) / 256
        }
    }

    /// The means of square blocks of pixels, interleaved RGB.
    private static func blockMeans(_ pixels: UnsafeRawBufferPointer, block: Int) -> [Float] {
        let size = TileSet.tileSize
        let side = size / block
        var means = [Float](repeating: 0, count: side * side * 3)
        for y in 0..<size {
            for x in 0..<size {
                let (source, target) = ((y * size + x) * 3, ((y / block) * side + x / block) * 3)
                for channel in 0..<3 { means[target + channel] += Float(pixels[source + channel]) }
            }
        }
        return means.map { $0 / Float(block * block) }
    }

    /// The means of 2 x 2 pixels of an image of interleaved RGB.
    private static func halved(_ image: [Float], side: Int) -> [Float] {
        let half = side / 2
        return (0..<half * half * 3).map { index in
            let (channel, x, y) = (index % 3, index / 3 % half * 2, index / 3 / half * 2)
            let first = (y * side + x) * 3 + channel
            return (image[first] + image[first + 3] + image[first + side * 3] + image[first + side * 3 + 3]) / 4
        }
    }
}

extension TileSet {
    /// Measures every tile, on `threads` threads. The result does not depend on their number.
    ///
    /// `afterEach` receives the number of finished tiles. An error that it throws stops the work.
    func measured(threads: Int, afterEach: @Sendable (Int) throws -> Void) throws -> [MeasuredTile] {
        let measured = Mutex([MeasuredTile?](repeating: nil, count: tiles.count))
        try forEachInParallel(tiles.count, threads: threads, afterEach: afterEach) { index in
            let tile = withPixels { pixels in
                MeasuredTile(
                    UnsafeRawBufferPointer(rebasing: pixels[index * Self.tileBytes..<(index + 1) * Self.tileBytes]))
            }
            measured.withLock { $0[index] = tile }
        }
        return measured.withLock { $0.compactMap { $0 } }
    }
}
