import Foundation

/// What is measured of one tile, each number on its own 8-bit pixels.
package struct TileMeasures: Codable, Equatable, Sendable {
    /// Red, green, blue; on the 0-255 scale.
    package let mean: [Double]
    package let deviation: [Double]
    package let minimum: [Int]
    package let maximum: [Int]
    /// Luminance that 5, 50 and 95 % of the pixels do not exceed.
    package let luminancePercentiles: [Int]
    /// Mean over the pixels of the largest channel less the smallest.
    package let colorfulness: Double
    /// Mean absolute difference of the luminance of neighboring pixels.
    package let gradient: Double
    /// Standard deviation, over the whole tile, of the means of blocks of 8 x 8 pixels, as the root mean square of the
    /// three channels: structure, without the noise of single pixels.
    package let contrast: Double
    /// Typical width of the steepest edges in pixels, see `edgeWidth`; nil when nothing stands out enough to judge by.
    package let edgeWidth: Double?
    /// Share of the pixels that lost their color to the ends of the scale: a channel at 0, or one or two of three at
    /// 255. White glass, with all three at 255, has lost nothing.
    package let clippedShare: Double
    /// Share of the tile that has the color of a pen, see `inkShare`.
    package let inkShare: Double
}

/// A tile measured, and small enough to be compared with all others.
struct MeasuredTile: Sendable {
    /// Means of blocks of 8 x 8 pixels, interleaved RGB on the 0-255 scale: `side * side * 3`.
    let thumbnail: [Float]
    /// Luminance means of blocks of 4 x 4 pixels: 64 x 64.
    let luminance: [Float]
    let measures: TileMeasures

    static let thumbnailSide = TileSet.tileSize / 8
    static let luminanceSide = TileSet.tileSize / 4

    /// Measures a tile of interleaved RGB.
    init(_ pixels: UnsafeRawBufferPointer) {
        precondition(pixels.count == TileSet.tileBytes)
        let size = TileSet.tileSize
        var histograms = [[Int]](repeating: [Int](repeating: 0, count: 256), count: 4)
        var luminances = [Float](repeating: 0, count: size * size)
        var (clipped, colorfulness) = (0, 0)
        for index in 0..<size * size {
            let (red, green, blue) = (pixels[3 * index], pixels[3 * index + 1], pixels[3 * index + 2])
            // Weights of ITU-R BT.601.
            let luminance = (77 * Int(red) + 150 * Int(green) + 29 * Int(blue)) >> 8
            histograms[0][Int(red)] += 1
            histograms[1][Int(green)] += 1
            histograms[2][Int(blue)] += 1
            histograms[3][luminance] += 1
            luminances[index] = Float(luminance)
            let (low, high) = (min(red, green, blue), max(red, green, blue))
            colorfulness += Int(high - low)
            if low == 0 || high == 255 && low < 255 { clipped += 1 }
        }
        let blocks = Self.blockMeans(pixels, block: 4)
        let thumbnail = Self.halved(blocks, side: Self.luminanceSide)
        let moments = (0..<3).map { Self.moments(histograms[$0]) }
        let pixelCount = Double(size * size)
        self.thumbnail = thumbnail
        luminance = (0..<Self.luminanceSide * Self.luminanceSide).map { index in
            (77 * blocks[3 * index] + 150 * blocks[3 * index + 1] + 29 * blocks[3 * index + 2]) / 256
        }
        measures = TileMeasures(
            mean: moments.map(\.mean), deviation: moments.map(\.deviation),
            minimum: (0..<3).map { channel in histograms[channel].firstIndex { $0 > 0 } ?? 0 },
            maximum: (0..<3).map { channel in histograms[channel].lastIndex { $0 > 0 } ?? 0 },
            luminancePercentiles: [0.05, 0.5, 0.95].map { Self.percentile($0, of: histograms[3]) },
            colorfulness: Double(colorfulness) / pixelCount,
            gradient: Self.gradient(luminances), contrast: Self.contrast(thumbnail),
            edgeWidth: Datasets.edgeWidth(luminances, side: size), clippedShare: Double(clipped) / pixelCount,
            inkShare: Datasets.inkShare(blocks))
    }

    /// Means of square blocks of pixels, interleaved RGB.
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

    /// Means of 2 x 2 pixels of an image of interleaved RGB.
    private static func halved(_ image: [Float], side: Int) -> [Float] {
        let half = side / 2
        return (0..<half * half * 3).map { index in
            let (channel, x, y) = (index % 3, index / 3 % half * 2, index / 3 / half * 2)
            let first = (y * side + x) * 3 + channel
            return (image[first] + image[first + 3] + image[first + side * 3] + image[first + side * 3 + 3]) / 4
        }
    }

    private static func moments(_ histogram: [Int]) -> (mean: Double, deviation: Double) {
        let count = Double(histogram.reduce(0, +))
        let mean = zip(0..., histogram).reduce(0.0) { $0 + Double($1.0 * $1.1) } / count
        let squares = zip(0..., histogram).reduce(0.0) { $0 + pow(Double($1.0) - mean, 2) * Double($1.1) }
        return (mean, (squares / count).squareRoot())
    }

    private static func percentile(_ share: Double, of histogram: [Int]) -> Int {
        let wanted = share * Double(histogram.reduce(0, +))
        var seen = 0
        return histogram.firstIndex { count in
            seen += count
            return Double(seen) >= wanted
        } ?? 255
    }

    private static func gradient(_ luminances: [Float]) -> Double {
        let size = TileSet.tileSize
        var sum = 0.0
        for y in 0..<size {
            for x in 0..<size {
                let here = luminances[y * size + x]
                if x + 1 < size { sum += Double(abs(luminances[y * size + x + 1] - here)) }
                if y + 1 < size { sum += Double(abs(luminances[(y + 1) * size + x] - here)) }
            }
        }
        return sum / Double(2 * size * (size - 1))
    }

    private static func contrast(_ thumbnail: [Float]) -> Double {
        let count = Double(thumbnail.count / 3)
        var variance = 0.0
        for channel in 0..<3 {
            let values = stride(from: channel, to: thumbnail.count, by: 3).map { Double(thumbnail[$0]) }
            let mean = values.reduce(0, +) / count
            variance += values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        }
        return (variance / 3).squareRoot()
    }
}
