import Foundations
import Synchronization

/// Two tiles that show the same tissue with different pixels.
package struct NearDuplicate: Codable, Equatable, Sendable {
    /// Indices of the tiles, ascending.
    package let first: Int
    package let second: Int
    /// The transformation of the first tile that makes it look like the second.
    package let orientation: Orientation
    /// The correlation of their structures at the best shift, at most 1.
    package let correlation: Double

    /// The most differing bits, of 63, between the hashes of tiles that are compared further.
    static let largestDistance = 16
    /// The least correlation of near-duplicates.
    package static let smallestCorrelation = 0.6
    /// The largest shift in each direction, in blocks of 4 pixels.
    static let largestShift = 3
    /// The radius of the local means that `structure` subtracts, in blocks of 4 pixels.
    private static let radius = 4
    /// The side of the result of `structure`, which has no border of incomplete means.
    private static let structureSide = MeasuredTile.luminanceSide - 2 * radius
    /// The root mean square, in gray levels, below which a structure is noise.
    private static let faintestStructure: Float = 0.5

    /// Finds all pairs of near-duplicates, except among blank tiles and among tiles with equal pixels.
    ///
    /// The coarse bits of a perceptual hash, compared in all eight orientations, select candidates. A candidate is a
    /// near-duplicate if the luminances at a quarter of the resolution, minus their means over 9 x 9, correlate by at least
    /// `smallestCorrelation` at a shift of up to 12 pixels.
    ///
    /// Measured on real tiles: finds 95 to 100 % of the copies with JPEG quality 20 or 50, changed brightness, a blur of
    /// sigma 4 or a shift of up to 8 pixels, and half of the copies shifted by 12 pixels. Different tissue has a
    /// correlation of at most 0.5, and mostly below 0.2.
    static func find(
        among measured: [MeasuredTile], _ tiles: [Tile], excluding blank: Set<Int>, threads: Int,
        afterEach: @Sendable (Int) throws -> Void
    ) throws -> [NearDuplicate] {
        let indices = tiles.indices.filter { !blank.contains($0) }
        let hashes = indices.map { PerceptualHash(measured[$0].luminance) }
        let oriented = hashes.map { hash in Orientation.all.map { hash.oriented($0) } }
        let found = Mutex([NearDuplicate]())
        try forEachInParallel(indices.count, threads: threads, afterEach: afterEach) { position in
            let index = indices[position]
            var structure: [Float]?
            for other in position + 1..<max(indices.count, position + 1)
            where tiles[indices[other]].fingerprint != tiles[index].fingerprint {
                var best: NearDuplicate?
                for (orientation, hash) in zip(Orientation.all, oriented[position])
                where hash.coarseDistance(to: hashes[other]) <= largestDistance {
                    let own = structure ?? Self.structure(of: measured[index].luminance)
                    structure = own
                    let correlation = Self.correlation(
                        orientation.apply(to: own, side: structureSide),
                        Self.structure(of: measured[indices[other]].luminance))
                    if correlation >= max(smallestCorrelation, best?.correlation ?? 0) {
                        best = NearDuplicate(
                            first: index, second: indices[other], orientation: orientation, correlation: correlation)
                    }
                }
                if let best { found.withLock { $0.append(best) } }
            }
        }
        return found.withLock { $0 }.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
    }

    /// A luminance image of 64 x 64 minus its means over 9 x 9, without the border where the means are incomplete. This
    /// removes gradients of light and the outline of tissue on glass.
    static func structure(of luminance: [Float]) -> [Float] {
        let (side, width) = (MeasuredTile.luminanceSide, 2 * radius + 1)
        // The integral image: sums over all pixels above and to the left.
        var sums = [Double](repeating: 0, count: (side + 1) * (side + 1))
        for y in 0..<side {
            var row = 0.0
            for x in 0..<side {
                row += Double(luminance[y * side + x])
                sums[(y + 1) * (side + 1) + x + 1] = sums[y * (side + 1) + x + 1] + row
            }
        }
        return (0..<structureSide * structureSide).map { index in
            let (x, y) = (index % structureSide, index / structureSide)
            let (top, bottom) = (y * (side + 1) + x, (y + width) * (side + 1) + x)
            let sum = sums[bottom + width] - sums[top + width] - sums[bottom] + sums[top]
            return luminance[(y + radius) * side + x + radius] - Float(sum / Double(width * width))
        }
    }

    /// Whether a structure is more than noise.
    static func isClear(_ structure: [Float]) -> Bool {
        structure.reduce(0) { $0 + $1 * $1 } > faintestStructure * faintestStructure * Float(structure.count)
    }

    /// The largest correlation of two structures over all shifts up to `largestShift`, over their common area.
    static func correlation(_ a: [Float], _ b: [Float]) -> Double {
        var best = 0.0
        for dy in -largestShift...largestShift {
            for dx in -largestShift...largestShift { best = max(best, correlation(a, b, dx, dy)) }
        }
        return best
    }

    private static func correlation(_ a: [Float], _ b: [Float], _ dx: Int, _ dy: Int) -> Double {
        let side = structureSide
        var (ab, aa, bb) = (Float(0), Float(0), Float(0))
        for y in max(0, dy)..<min(side, side + dy) {
            for x in max(0, dx)..<min(side, side + dx) {
                let (p, q) = (a[y * side + x], b[(y - dy) * side + x - dx])
                ab += p * q
                aa += p * p
                bb += q * q
            }
        }
        let least = faintestStructure * faintestStructure * Float((side - abs(dx)) * (side - abs(dy)))
        return aa > least && bb > least ? Double(ab / (aa * bb).squareRoot()) : 0
    }
}
