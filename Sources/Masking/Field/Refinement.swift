import Foundations
import Foundation
import Imaging

/// How nuclei are outlined inside the positive regions of a mask.
package struct RefinementSettings: Codable, Equatable, Sendable {
    /// Of the Gaussian that smooths the density of haematoxylin, in pixels.
    package var sigmaInPixels: Double
    /// Smaller specks are dropped, and smaller holes filled, in pixels.
    package var smallestNucleusInPixels: Int
    package var smallestHoleInPixels: Int

    /// At a resolution: half a micron, 6 and 12 square microns.
    package init(micronsPerPixel: Double) {
        precondition(micronsPerPixel > 0)
        let squareMicrons = micronsPerPixel * micronsPerPixel
        // Slides of very fine resolution do not get unbounded kernels.
        sigmaInPixels = min(0.5 / micronsPerPixel, 8)
        smallestNucleusInPixels = max(1, Int((6 / squareMicrons).rounded()))
        smallestHoleInPixels = max(1, Int((12 / squareMicrons).rounded()))
    }
}

/// Finds nuclei as dense haematoxylin inside the positive regions of an image, above one threshold for all of it.
///
/// The image is read twice, from top to bottom: for the threshold and for the mask. Memory is that of some rows. What the
/// reader could not decode inside the regions has no nuclei, and counts as unreadable.
package struct Refinement {
    private let field: ProbabilityField
    private let threshold: Double
    private let settings: RefinementSettings

    /// `threshold` is that of the probability.
    package init(_ field: ProbabilityField, threshold: Double, settings: RefinementSettings) {
        (self.field, self.threshold, self.settings) = (field, threshold, settings)
    }

    /// The density that parts the pixels of the positive regions best in two (Otsu 1979); nil when there are none.
    /// `afterRow` is told how many rows are done; it may throw to stop.
    package func densityThreshold(_ picture: any RowReader, afterRow: (Int) throws -> Void) throws -> Double? {
        var counts = [Int](repeating: 0, count: Self.steps)
        try forEachRow(of: picture) { y, white, _, densities in
            for run in white {
                for x in run where densities[x] > Self.glass { counts[Self.step(of: densities[x])] += 1 }
            }
            try afterRow(y + 1)
        }
        return Self.otsu(counts).map { (Double($0) + 1) / Double(Self.steps) }
    }

    /// The refined mask, one row a band, from top to bottom.
    package func bands(
        _ picture: any RowReader, above densityThreshold: Double?, afterRow: (Int) throws -> Void,
        emit: (MaskBand) throws -> Void
    ) throws {
        let size = (width: picture.width, height: picture.height)
        let least = Float(densityThreshold ?? .infinity)
        var specks = RunFilter(smallest: settings.smallestNucleusInPixels, diagonal: false)
        var holes = RunFilter(smallest: settings.smallestHoleInPixels, diagonal: true, keepingEdges: size)
        var regions = RegionRows(field, threshold: threshold)
        /// White pixels that could not be decoded, of the rows that wait.
        var lost = [Int: [Range<Int>]]()
        func emitFilled(_ y: Int, _ black: [Range<Int>]) throws {
            var (region, blank) = regions.row(y)
            if let lost = lost.removeValue(forKey: y) {
                region = Self.intersection(region, Self.complement(lost, size.width))
                blank.unreadable += lost.reduce(0) { $0 + $1.count }
            }
            // A hole of a nucleus may be one of its region; that stays.
            let white = Self.intersection(Self.complement(black, size.width), region)
            try emit(MaskBand(rows: y..<y + 1, white: white, blank: blank))
        }
        func addWithoutSpecks(_ y: Int, _ white: [Range<Int>]) throws {
            try holes.add(Self.complement(white, size.width), emit: emitFilled)
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

    /// Goes through the rows: white pixels, those that would be but could not be decoded, and the densities of the white
    /// ones.
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
                lost = Self.intersection(white, unreadable)
                if !lost.isEmpty { white = Self.intersection(white, Self.complement(lost, field.width)) }
            }
            try body(y, white, lost, densities)
        }
    }

    /// Below this there is no tissue: glass inside the regions must not become one of the two classes.
    static let glass: Float = 0.03

    /// Densities from 0 to 1 in so many equal steps; those beyond are in the last.
    static let steps = 256

    private static func step(of density: Float) -> Int { Int(min(max(density, 0), 0.999_999) * Float(steps)) }

    /// The last step of the lower of the two classes with the largest variance between them; nil without values.
    package static func otsu(_ counts: [Int]) -> Int? {
        let total = Double(counts.reduce(0, +))
        guard total > 0 else { return nil }
        let mean = counts.enumerated().reduce(0) { $0 + Double($1.offset) * Double($1.element) }
        var (below, moment) = (0.0, 0.0)
        var (best, largest) = (0, -1.0)
        for (step, count) in counts.enumerated() {
            below += Double(count)
            moment += Double(step) * Double(count)
            if below == 0 { continue }
            if below == total { break }
            let difference = mean * below - moment * total
            let between = difference * difference / (below * (total - below))
            if between > largest { (best, largest) = (step, between) }
        }
        return best
    }

    /// Adds the runs of a row's stretch that are above a density.
    private static func append(
        _ stretch: Range<Int>, of densities: [Float], above least: Float, to runs: inout [Range<Int>]
    ) {
        var start: Int?
        for x in stretch {
            if densities[x] > least {
                if start == nil { start = x }
            } else if let from = start {
                runs.append(from..<x)
                start = nil
            }
        }
        if let from = start { runs.append(from..<stretch.upperBound) }
    }

    static func complement(_ runs: [Range<Int>], _ width: Int) -> [Range<Int>] {
        let ends = [0] + runs.flatMap { [$0.lowerBound, $0.upperBound] } + [width]
        return stride(from: 0, to: ends.count, by: 2).map { ends[$0]..<ends[$0 + 1] }.filter { !$0.isEmpty }
    }

    static func intersection(_ a: [Range<Int>], _ b: [Range<Int>]) -> [Range<Int>] {
        var (result, i, j) = ([Range<Int>](), 0, 0)
        while i < a.count, j < b.count {
            let both = a[i].clamped(to: b[j])
            if !both.isEmpty { result.append(both) }
            if a[i].upperBound < b[j].upperBound { i += 1 } else { j += 1 }
        }
        return result
    }
}

/// White pixels of a mask's rows, asked for from top to bottom.
private struct RegionRows {
    private let field: ProbabilityField
    private let threshold: Double
    private var index = 0
    private var band: MaskBand

    init(_ field: ProbabilityField, threshold: Double) {
        (self.field, self.threshold) = (field, threshold)
        band = field.band(ofRow: 0, threshold: threshold)
    }

    /// The white runs of a row, and its pixels that nothing is known of.
    mutating func row(_ y: Int) -> (white: [Range<Int>], blank: BlankPixels) {
        while band.rows.upperBound <= y {
            index += 1
            band = field.band(ofRow: index, threshold: threshold)
        }
        return (band.white, band.blank)
    }
}
