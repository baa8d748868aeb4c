import Tensors

/// The distribution of the pixel values of some tiles, by channel.
package struct PixelStatistics: Codable, Equatable, Sendable {
    package struct Channel: Codable, Equatable, Sendable {
        /// The smallest and largest value that occurs.
        package let minimum: Int
        package let maximum: Int
        package let mean: Double
        package let deviation: Double
        /// The number of pixels with each value from 0 to 255.
        package let histogram: [UInt64]

        init(_ histogram: [UInt64]) {
            let moments = ByteMoments(ofHistogram: histogram)
            self.histogram = histogram
            (mean, deviation) = (moments.mean, moments.deviation)
            minimum = histogram.firstIndex { $0 > 0 } ?? 0
            maximum = histogram.lastIndex { $0 > 0 } ?? 0
        }
    }

    /// "all", "NUCLEI", "NO_NUCLEUS" or "unlabeled".
    package let name: String
    /// The number of tiles.
    package let tiles: Int
    package let red: Channel
    package let green: Channel
    package let blue: Channel

    package var channels: [(name: String, values: Channel)] { [("red", red), ("green", green), ("blue", blue)] }

    private init(_ name: String, _ tiles: Int, _ histograms: [UInt64]) {
        self.name = name
        self.tiles = tiles
        red = Channel(Array(histograms[0..<256]))
        green = Channel(Array(histograms[256..<512]))
        blue = Channel(Array(histograms[512..<768]))
    }

    /// The statistics of all tiles, of each class, and of the unlabeled tiles, without empty classes.
    static func byClass(_ set: TileSet) throws(KernelError) -> [PixelStatistics] {
        let classes: [(String, TileLabel?)] = [
            (TileLabel.nuclei.name, .nuclei), (TileLabel.noNucleus.name, .noNucleus), ("unlabeled", nil),
        ]
        var parts = [PixelStatistics]()
        var sum = [UInt64](repeating: 0, count: 3 * 256)
        for (name, label) in classes {
            let indices = set.tiles.indices.filter { set.tiles[$0].label == label }
            guard !indices.isEmpty else { continue }
            let result = set.withPixels { pixels in
                Result { () throws(KernelError) in try Kernels.channelHistograms(pixels.bytes, set.windows(of: indices))
                }
            }
            let histograms = try result.get()
            for bin in sum.indices { sum[bin] += histograms[bin] }
            parts.append(PixelStatistics(name, indices.count, histograms))
        }
        return [PixelStatistics("all", set.tiles.count, sum)] + parts
    }
}
