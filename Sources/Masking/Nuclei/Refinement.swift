import Foundations
import Imaging

/// How nuclei are outlined inside the positive regions of a mask.
package struct RefinementSettings: Codable, Equatable, Sendable {
    /// Standard deviation of the Gaussian that smooths the density of hematoxylin, in pixels.
    package var sigmaInPixels: Double
    /// Area in pixels below which nuclei are dropped, and holes are filled.
    package var smallestNucleusInPixels: Int
    package var smallestHoleInPixels: Int

    /// Resolutions of microscopes and scanners, with room on both sides.
    package static let resolutions = 0.01...100.0

    /// Settings for a resolution that a file states. Throws `malformed` where it is none of a microscope.
    package init(_ path: FilePath, micronsPerPixel: Double) throws(FileError) {
        guard Self.resolutions.contains(micronsPerPixel) else {
            let (low, high) = (Self.resolutions.lowerBound, Self.resolutions.upperBound)
            throw FileError(
                path, expected: "\(low) to \(high) microns per pixel, as --refine needs", found: "\(micronsPerPixel)")
        }
        self.init(micronsPerPixel: micronsPerPixel)
    }

    /// Settings for a resolution: a sigma of half a micron, nuclei from 6 and holes from 12 square microns.
    package init(micronsPerPixel: Double) {
        precondition(Self.resolutions.contains(micronsPerPixel))
        let squareMicrons = micronsPerPixel * micronsPerPixel
        // The bound keeps kernels small at very fine resolutions.
        sigmaInPixels = min(0.5 / micronsPerPixel, 8)
        smallestNucleusInPixels = max(1, Int((6 / squareMicrons).rounded()))
        smallestHoleInPixels = max(1, Int((12 / squareMicrons).rounded()))
    }
}

/// Finds nuclei as pixels with dense hematoxylin inside the positive regions of an image, with one threshold for the whole
/// image.
///
/// The image is read twice from top to bottom: for the threshold and for the mask. Only some rows are in memory. Pixels
/// inside the regions that cannot be decoded have no nuclei and count as unreadable.
package struct Refinement {
    private let field: ProbabilityField
    private let threshold: Double
    private let settings: RefinementSettings

    /// `threshold` is the probability above which a pixel is inside a positive region.
    package init(_ field: ProbabilityField, threshold: Double, settings: RefinementSettings) {
        (self.field, self.threshold, self.settings) = (field, threshold, settings)
    }

    /// Otsu's threshold for the densities of the pixels of the positive regions; nil if there are none. `afterRow` receives
    /// the number of finished rows and may throw to cancel.
    package func densityThreshold(_ picture: any RowReader, afterRow: (Int) throws -> Void) throws -> Double? {
        var counts = [Int](repeating: 0, count: Self.steps)
        try forEachRow(of: picture) { y, white, _, densities in
            for run in white {
                for x in run where densities[x] > Self.glass { counts[Self.step(of: densities[x])] += 1 }
            }
            try afterRow(y + 1)
        }
        return otsuThreshold(counts).map { (Double($0) + 1) / Double(Self.steps) }
    }

    /// Emits the refined mask from top to bottom, one row per band.
    package func bands(
        _ picture: any RowReader, above densityThreshold: Double?, afterRow: (Int) throws -> Void,
        emit: (MaskBand) throws -> Void
    ) throws {
        let size = (width: picture.width, height: picture.height)
        let least = Float(densityThreshold ?? .infinity)
        var specks = RunFilter(smallest: settings.smallestNucleusInPixels, diagonal: false)
        var holes = RunFilter(smallest: settings.smallestHoleInPixels, diagonal: true, keepingEdges: size)
        var regions = RegionRows(field, threshold: threshold)
        /// White pixels that could not be decoded, for rows that are not emitted yet.
        var lost = [Int: [Range<Int>]]()
        func emitFilled(_ y: Int, _ black: [Range<Int>]) throws {
            var (region, blank) = regions.row(y)
            if let lost = lost.removeValue(forKey: y) {
                region = region.intersection(lost.complement(size.width))
                blank.unreadable += lost.pixelCount
            }
            // A filled hole of a nucleus may be a hole of its region, which stays.
            let white = black.complement(size.width).intersection(region)
            try emit(MaskBand(rows: y..<y + 1, white: white, blank: blank))
        }
        func addWithoutSpecks(_ y: Int, _ white: [Range<Int>]) throws {
            try holes.add(white.complement(size.width), emit: emitFilled)
        }
        try forEachRow(of: picture) { y, white, unreadable, densities in
            if !unreadable.isEmpty { lost[y] = unreadable }
            var runs = [Range<Int>]()
            for run in white { Self.append(run, of: densities, above: least, to: &runs) }
            try specks.add(runs, emit: addWithoutSpecks)
            try afterRow(y + 1)
        }
        try specks.finish(emit: addWithoutSpecks)
        try holes.finish(emit: emitFilled)
    }

    /// Calls `body` for each row with its white pixels, those that would be white but cannot be decoded, and the densities
    /// at the white ones.
    private func forEachRow(
        of picture: any RowReader,
        _ body: (Int, _ white: [Range<Int>], _ unreadable: [Range<Int>], _ densities: [Float]) throws -> Void
    ) throws {
        precondition(picture.width == field.width && picture.height == field.height)
        let reader = DensityReader(picture, sigma: settings.sigmaInPixels)
        var regions = RegionRows(field, threshold: threshold)
        var densities = [Float](repeating: 0, count: field.width)
        for y in 0..<field.height {
            var (white, lost) = (regions.row(y).white, [Range<Int>]())
            if !white.isEmpty {
                let unreadable = try reader.read(row: y, at: white, into: &densities)
                lost = white.intersection(unreadable)
                if !lost.isEmpty { white = white.intersection(lost.complement(field.width)) }
            }
            try body(y, white, lost, densities)
        }
    }

    /// Density of glass. Glass inside the regions must not become one of the two classes.
    static let glass: Float = 0.03

    /// Steps of the histogram of densities from 0 to 1. Larger densities are in the last step.
    static let steps = 256

    private static func step(of density: Float) -> Int { Int(min(max(density, 0), 0.999_999) * Float(steps)) }

    /// Adds the runs of a range of pixels that are above a density.
    private static func append(
        _ pixels: Range<Int>, of densities: [Float], above least: Float, to runs: inout [Range<Int>]
    ) {
        var start: Int?
        for x in pixels {
            if densities[x] > least {
                if start == nil { start = x }
            } else if let from = start {
                runs.append(from..<x)
                start = nil
            }
        }
        if let from = start { runs.append(from..<pixels.upperBound) }
    }
}

/// The rows of an unrefined mask, in order from top to bottom.
private struct RegionRows {
    private var bands: MaskBands
    private var band: MaskBand?

    init(_ field: ProbabilityField, threshold: Double) { bands = MaskBands(field, threshold: threshold) }

    /// The white pixels of a row, and the number of those about which nothing is known.
    mutating func row(_ y: Int) -> (white: [Range<Int>], blank: BlankPixels) {
        while true {
            if let band, band.rows.contains(y) { return (band.white, band.blank) }
            band = bands.next()
            precondition(band != nil, "a row beyond the field")
        }
    }
}
