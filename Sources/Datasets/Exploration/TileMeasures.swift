/// Measures of one tile, from its 8-bit pixels.
package struct TileMeasures: Codable, Equatable, Sendable {
    /// The mean of each channel (red, green, blue), on the 0-255 scale.
    package let mean: [Double]
    package let deviation: [Double]
    package let minimum: [Int]
    package let maximum: [Int]
    /// The 5th, 50th and 95th percentile of the luminance.
    package let luminancePercentiles: [Int]
    /// The mean difference between the largest and the smallest channel of a pixel.
    package let colorfulness: Double
    /// The mean absolute difference between the luminance of neighboring pixels.
    package let gradient: Double
    /// The standard deviation of the means of 32 x 32 blocks, as the root mean square over the three channels. It measures
    /// structure without the noise of single pixels.
    package let contrast: Double
    /// The typical width of steep edges in pixels, see `edgeWidth(_:side:)`; nil where the tile has no strong edge.
    package let edgeWidth: Double?
    /// The share of clipped pixels: those with a channel at 0, or with one or two channels at 255. White glass, with all
    /// three at 255, is not clipped.
    package let clippedShare: Double
    /// The share of the tile with the color of a marker pen, see `inkShare(_:)`.
    package let inkShare: Double
}

extension TileMeasures {
    /// Measures a tile of interleaved RGB. `blocks` and `thumbnail` are its means over 64 x 64 and 32 x 32 blocks.
    init(_ pixels: UnsafeRawBufferPointer, side size: Int, blocks: [Float], thumbnail: [Float]) {
        var histograms = [[Int]](repeating: [Int](repeating: 0, count: 256), count: 4)
        var luminances = [Float](repeating: 0, count: size * size)
        var (clipped, colorfulness) = (0, 0)
        for index in 0..<size * size {
            let (red, green, blue) = (pixels[3 * index], pixels[3 * index + 1], pixels[3 * index + 2])
            // The weights of ITU-R BT.601.
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
        let moments = (0..<3).map { ByteMoments(ofHistogram: histograms[$0]) }
        let pixelCount = Double(size * size)
        mean = moments.map(\.mean)
        deviation = moments.map(\.deviation)
        minimum = (0..<3).map { channel in histograms[channel].firstIndex { $0 > 0 } ?? 0 }
        maximum = (0..<3).map { channel in histograms[channel].lastIndex { $0 > 0 } ?? 0 }
        luminancePercentiles = [0.05, 0.5, 0.95].map { Self.percentile($0, of: histograms[3]) }
        self.colorfulness = Double(colorfulness) / pixelCount
        gradient = Self.gradient(luminances, side: size)
        contrast = Self.contrast(thumbnail)
        edgeWidth = Datasets.edgeWidth(luminances, side: size)
        clippedShare = Double(clipped) / pixelCount
        inkShare = Datasets.inkShare(blocks)
    }

    /// The smallest value that a share of all values does not exceed.
    private static func percentile(_ share: Double, of histogram: [Int]) -> Int {
        let wanted = share * Double(histogram.reduce(0, +))
        var seen = 0
        return histogram.firstIndex { count in
            seen += count
            return Double(seen) >= wanted
        } ?? 255
    }

    private static func gradient(_ luminances: [Float], side size: Int) -> Double {
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

/// The share of a tile with the color of a marker pen, which hematoxylin and eosin do not have.
///
/// `blocks` are the means of 64 x 64 blocks (of 4 x 4 pixels in tiles of 256), interleaved RGB. Means exclude the unusual
/// colors of single pixels at the edges of nuclei. Three kinds of ink are detected:
/// - Green and blue: red is by far the weakest channel. With hematoxylin, red is stronger than green.
/// - Red: red is bright, and at least 2.5 times as strong as green and blue. Eosin and blood have more of both.
/// - Black: all channels are dark and similar over 16 x 16 pixels. Nuclei are smaller or more blue. Blocks of exactly 0
///   are not ink, because scanners fill the area outside the slide with 0.
func inkShare(_ blocks: [Float]) -> Double {
    let side = MeasuredTile.luminanceSide
    var isInk = [Bool](repeating: false, count: side * side)
    var isBlack = isInk
    for index in isInk.indices {
        let (red, green, blue) = (blocks[3 * index], blocks[3 * index + 1], blocks[3 * index + 2])
        let (low, high) = (min(red, green, blue), max(red, green, blue))
        let isCold = green >= red + 10 && max(green, blue) >= red + 45
        isInk[index] = isCold || red >= 140 && red >= 2.5 * max(green, blue)
        isBlack[index] = high > 0 && high < 45 && high - low < 25
    }
    let square = 4
    for y in stride(from: 0, to: side, by: square) {
        for x in stride(from: 0, to: side, by: square) {
            let places = (0..<square * square).map { (y + $0 / square) * side + x + $0 % square }
            if places.allSatisfy({ isBlack[$0] }) { places.forEach { isInk[$0] = true } }
        }
    }
    return Double(isInk.count { $0 }) / Double(isInk.count)
}
