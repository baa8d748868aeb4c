import Foundations

/// A tile with its measures and reduced images, for comparison with other tiles.
struct MeasuredTile: Sendable {
    /// Means of 32 x 32 blocks, interleaved RGB, on the 0-255 scale. With tiles of 256 pixels, blocks are 8 pixels wide.
    let thumbnail: [Float]
    /// Luminance means of 64 x 64 blocks.
    let luminance: [Float]
    let measures: TileMeasures

    static let luminanceSide = 64

    /// Measures a tile of interleaved RGB.
    init(_ pixels: UnsafeRawBufferPointer, side: Int) {
        precondition(pixels.count == side * side * 3)
        let blocks = Self.blockMeans(pixels, side: side)
        thumbnail = Self.halved(blocks, side: Self.luminanceSide)
        luminance = Self.luminance(ofBlocks: blocks)
        measures = TileMeasures(pixels, side: side, blocks: blocks, thumbnail: thumbnail)
    }

    /// The luminance of a tile of interleaved RGB, as in `luminance`.
    static func luminance(_ pixels: UnsafeRawBufferPointer, side: Int) -> [Float] {
        luminance(ofBlocks: blockMeans(pixels, side: side))
    }

    private static func luminance(ofBlocks blocks: [Float]) -> [Float] {
        (0..<luminanceSide * luminanceSide).map { index in
            (77 * blocks[3 * index] + 150 * blocks[3 * index + 1] + 29 * blocks[3 * index + 2]) / 256
        }
    }

    /// The means of 64 x 64 blocks of pixels, interleaved RGB.
    private static func blockMeans(_ pixels: UnsafeRawBufferPointer, side: Int) -> [Float] {
        let blocks = luminanceSide
        let blockOf = (0..<side).map { $0 * blocks / side }
        var means = [Float](repeating: 0, count: blocks * blocks * 3)
        for y in 0..<side {
            for x in 0..<side {
                let (source, target) = ((y * side + x) * 3, (blockOf[y] * blocks + blockOf[x]) * 3)
                for channel in 0..<3 { means[target + channel] += Float(pixels[source + channel]) }
            }
        }
        var widths = [Int](repeating: 0, count: blocks)
        for block in blockOf { widths[block] += 1 }
        return means.indices.map { index in
            means[index] / Float(widths[index / 3 / blocks] * widths[index / 3 % blocks])
        }
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
        try mapInParallel(tiles.count, threads: threads, afterEach: afterEach) { index in
            withPixels(of: index) { MeasuredTile($0, side: side) }
        }
    }
}
