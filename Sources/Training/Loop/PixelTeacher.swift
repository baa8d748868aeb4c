import Datasets
import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors

/// Outlines nuclei in tiles that are only known to have some: pixel pseudo-labels.
///
/// A network and the density of hematoxylin outline them as in masks. Pixels of probable nuclei have their class, those
/// that are probably of none are background, and others are ignored.
package struct PixelTeacher {
    /// The least mean probability of the pixels of an accepted nucleus.
    static let leastNucleus: Float = 0.8
    /// The largest probability of a nucleus in background.
    static let largestBackground: Float = 0.2

    private let set: TileSet
    private let predictor: PixelPredictor
    private let settings = NucleusSettings()
    private let grid: NucleusGrid
    private let micronsPerPixel: Double
    private let knowsOutlines: Bool

    /// `knowsOutlines` says whether the model has learned the classes of the pixels of nuclei. A model that was
    /// trained on labels of tiles alone gives the places of nuclei, but not their extent, which the stain decides then.
    package init(_ model: Model, _ set: TileSet, knowsOutlines: Bool) throws {
        (self.set, self.knowsOutlines) = (set, knowsOutlines)
        predictor = try PixelPredictor([model])
        grid = NucleusGrid(image: (set.side, set.side), laid: (set.side, set.side))
        micronsPerPixel = set.target.micronsPerPixel ?? PixelClasses.assumedMicronsPerPixel
    }

    /// The labels of the pixels of some tiles. The contrast of the stain is that of those of a group. `afterEach`
    /// receives the number of tiles that are done, and may throw to stop.
    package func labels(of tiles: [Int], afterEach: (Int) throws -> Void) throws -> [Int: PixelLabels] {
        let extractor = NucleusExtractor(settings, grid, micronsPerPixel: (micronsPerPixel, micronsPerPixel))
        var (labels, done) = ([Int: PixelLabels](), 0)
        for group in Dictionary(grouping: tiles, by: { set.tiles[$0].group ?? set.tiles[$0].filename }).values {
            // The evidence of a large group would not fit in memory, so it is made twice.
            var densities = DensityHistogram()
            for tile in group { try evidence(of: tile).addDensities(in: grid.bounds, to: &densities) }
            let contrast = densities.contrast
            for tile in group {
                let evidence = try evidence(of: tile)
                if knowsOutlines {
                    if let contrast { evidence.weigh(by: contrast, weight: settings.stainWeight) }
                    labels[tile] = evidence.withField { self.labels(extractor.nuclei(of: 0, in: $0).nuclei, in: $0) }
                } else if let contrast {
                    evidence.judge(by: contrast, weight: settings.stainWeight)
                    labels[tile] = evidence.withField { self.labels(extractor.nuclei(of: 0, in: $0).nuclei, in: $0) }
                }
                done += 1
                try afterEach(done)
            }
        }
        return labels
    }

    private func evidence(of tile: Int) throws -> NucleusEvidence {
        let region = grid.region(of: 0)
        let columns = (region.x..<region.right).map { mirrored($0, in: set.side) }
        let pixels = PixelBlock()
        set.withPixels(of: tile) { bytes in
            pixels.fill(region) { pixels in
                var place = 0
                for y in region.y..<region.bottom {
                    let row = mirrored(y, in: set.side) * set.side
                    for x in columns {
                        for channel in 0..<3 { pixels[place + channel] = bytes[3 * (row + x) + channel] }
                        place += 3
                    }
                }
            }
        }
        let evidence = NucleusEvidence(micronsPerPixel: micronsPerPixel)
        try evidence.take(pixels) {
            try predictor.predict($0.bytes, width: region.width, height: region.height, into: $1)
        }
        return evidence
    }

    private func labels(_ nuclei: [Nucleus], in field: NucleusField) -> PixelLabels {
        let side = set.side
        let accepted = nuclei.filter { $0.measurements.probability >= Self.leastNucleus }
        var numbers = [UInt32](repeating: 0, count: side * side)
        for (index, nucleus) in accepted.enumerated() {
            for run in nucleus.runs {
                for x in run.pixels { numbers[run.row * side + x] = UInt32(index + 1) }
            }
        }
        var map = set.target.pixelClasses.map(
            of: LabelMap(LabelImage(width: side, height: side, labels: numbers)), micronsPerPixel: micronsPerPixel)
        for y in 0..<side {
            let start = (y - field.region.y) * field.region.width - field.region.x
            for x in 0..<side
            where map[y * side + x] == PixelClass.background.rawValue
                && field.nucleus[start + x] > Self.largestBackground
            {
                map[y * side + x] = PixelClass.ignored
            }
        }
        return PixelLabels(map: map, nuclei: accepted.count, rejected: nuclei.count - accepted.count)
    }
}

/// The labels that a teacher gives the pixels of a tile.
package struct PixelLabels {
    /// The class of each pixel.
    package let map: [UInt8]
    /// The number of accepted nuclei, and of others.
    package let nuclei: Int
    package let rejected: Int
}

/// The pixel labels of one tile in one cycle, in numbers. A tile without an accepted nucleus keeps its label alone.
package struct PixelLabelRecord: Codable, Equatable, Sendable {
    package var cycle: Int
    package var filename: String
    /// The number of accepted nuclei, and of those that are not probable enough.
    package var nuclei: Int
    package var rejected: Int
    /// The shares of pixels that are labeled as of a nucleus, and as background.
    package var nucleiShare: Double
    package var backgroundShare: Double

    package init(
        cycle: Int, filename: String, nuclei: Int, rejected: Int, nucleiShare: Double, backgroundShare: Double
    ) {
        (self.cycle, self.filename) = (cycle, filename)
        (self.nuclei, self.rejected) = (nuclei, rejected)
        (self.nucleiShare, self.backgroundShare) = (nucleiShare, backgroundShare)
    }

    init(cycle: Int, filename: String, _ labels: PixelLabels) {
        let pixels = Double(labels.map.count)
        let background = labels.map.count { $0 == PixelClass.background.rawValue }
        let ignored = labels.map.count { $0 == PixelClass.ignored }
        self.init(
            cycle: cycle, filename: filename, nuclei: labels.nuclei, rejected: labels.rejected,
            nucleiShare: Double(labels.map.count - background - ignored) / pixels,
            backgroundShare: Double(background) / pixels)
    }
}
