import Tensors

/// The pixels of some tiles, channel by channel.
package struct PixelStatistics: Codable, Equatable, Sendable {
    package struct Channel: Codable, Equatable, Sendable {
        /// Smallest and largest value that occurs.
        package let minimum: Int
        package let maximum: Int
        package let mean: Double
        package let deviation: Double
        /// How often each of the values 0 to 255 occurs.
        package let histogram: [UInt64]

        init(_ histogram: [UInt64]) {
            let count = Double(histogram.reduce(0, +))
            let mean = zip(0..., histogram).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } / count
            let squares = zip(0..., histogram).reduce(0.0) { sum, pair in
                sum + (Double(pair.0) - mean) * (Double(pair.0) - mean) * Double(pair.1)
            }
            self.histogram = histogram
            self.mean = mean
            deviation = (squares / count).squareRoot()
            minimum = histogram.firstIndex { $0 > 0 } ?? 0
            maximum = histogram.lastIndex { $0 > 0 } ?? 0
        }
    }

    /// "all", "NUCLEI", "NO_NUCLEUS" or "unlabeled".
    package let name: String
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

    /// Of all tiles, of each class, and of the unlabeled ones; classes without tiles are left out.
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
                Result { () throws(KernelError) in try Kernels.channelHistograms(pixels, set.windows(of: indices)) }
            }
            let histograms = try result.get()
            for bin in sum.indices { sum[bin] += histograms[bin] }
            parts.append(PixelStatistics(name, indices.count, histograms))
        }
        return [PixelStatistics("all", set.tiles.count, sum)] + parts
    }
}
