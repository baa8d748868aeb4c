import Foundation
import Synchronization

/// Two tiles that show the same place, though not with the same pixels.
package struct NearDuplicate: Codable, Equatable, Sendable {
    /// Indices of the tiles, ascending.
    package let first: Int
    package let second: Int
    /// How the first tile has to be laid to appearance like the second.
    package let orientation: Orientation
    /// Correlation of their structures at the best shift, at most 1.
    package let correlation: Double

    /// How many of the 63 bits of two hashes may differ for tiles to be compared closely.
    static let largestDistance = 16
    /// Correlation from which two tiles are near-duplicates.
    package static let smallestCorrelation = 0.6
    /// Shifts that are tried, each way, in blocks of 4 pixels.
    static let largestShift = 3
    /// Half the width of the means that are taken off, in blocks of 4 pixels.
    private static let radius = 4
    /// Side of what `structure` returns: windows that leave the tile are left out.
    private static let structureSide = MeasuredTile.luminanceSide - 2 * radius
    /// Root mean square, in gray levels, below which a structure is noise and rounding.
    private static let faintestStructure: Float = 0.5

    /// Finds the pairs among some tiles; those with the same fingerprint, and blank ones, are left out.
    ///
    /// A 64-bit perceptual hash, compared in all eight orientations, picks pairs. They are near-duplicates when the
    /// luminances at a quarter of the resolution, less their means over 9 x 9, correlate by `smallestCorrelation` at a
    /// shift of up to 12 pixels. Of real tiles that were compressed to JPEG quality 20 or 50, made brighter, blurred by
    /// sigma 4 or shifted by up to 8 pixels 95 to 100 % are found again, of those shifted by 12 pixels half; tiles of
    /// different places reach a correlation of 0.5 at most, nearly all less than 0.2.
    static func find(
        among measured: [MeasuredTile], _ tiles: [Tile], leavingOut blank: Set<Int>, threads: Int,
        afterEach: @Sendable (Int) throws -> Void
    ) throws -> [NearDuplicate] {
        let indices = tiles.indices.filter { !blank.contains($0) }
        let hashes = indices.map { PerceptualHash(measured[$0].luminance) }
        let laid = hashes.map { hash in Orientation.all.map { hash.laid($0) } }
        let found = Mutex([NearDuplicate]())
        try inParallel(indices.count, threads: threads, afterEach: afterEach) { position in
            let index = indices[position]
            var structure: [Float]?
            for other in position + 1..<max(indices.count, position + 1)
            where tiles[indices[other]].fingerprint != tiles[index].fingerprint {
                var best: NearDuplicate?
                for (orientation, hash) in zip(Orientation.all, laid[position])
                where hash.distance(to: hashes[other]) <= largestDistance {
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

    /// A luminance image of 64 x 64 less its means over 9 x 9, where they are whole: what is left are structures, not
    /// gradients of light or the outline of tissue on glass.
    static func structure(of luminance: [Float]) -> [Float] {
        let (side, width) = (MeasuredTile.luminanceSide, 2 * radius + 1)
        // Sums over all pixels above and to the left.
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

    /// The largest correlation of two structures over all shifts up to `largestShift`, each over their common part.
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
