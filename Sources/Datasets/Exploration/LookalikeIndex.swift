import Foundations
import Synchronization

/// Tiles to recognize in other encodings: recompressed, resized, with other brightness or colors, rotated by quarter turns,
/// mirrored, or shifted by a few pixels.
package struct LookalikeIndex: Sendable {
    /// The most differing bits, of 255, between the hashes of tiles that count as the same.
    ///
    /// Measured on 1196 real tiles: copies with JPEG quality 50, half the resolution, a blur of sigma 4 or noise of
    /// deviation 10 differ in at most 48 bits; 99.7 % of the copies with JPEG quality 20 in at most 56. Of the 714,610
    /// pairs of different tiles, in all eight orientations, none differs in fewer than 57. Shifts of up to 8 pixels are
    /// tried too.
    package static let largestDistance = 56
    /// The most differing bits, of 63, of the lowest frequencies. A fast test that excludes almost all other tiles.
    private static let largestCoarseDistance = 24

    private let hashes: [PerceptualHash]

    package init(_ hashes: some Sequence<PerceptualHash>) {
        self.hashes = Array(Set(hashes))
    }

    package var isEmpty: Bool { hashes.isEmpty }

    /// Whether a tile of this hash looks like any of the tiles, in any orientation.
    private func contains(_ hash: PerceptualHash) -> Bool {
        Orientation.all.contains { orientation in
            let turned = hash.oriented(orientation)
            return hashes.contains { other in
                turned.coarseDistance(to: other) <= Self.largestCoarseDistance
                    && turned.distance(to: other) <= Self.largestDistance
            }
        }
    }

    /// Those of the given tiles of a set that look like any of the tiles here.
    package func lookalikes(among indices: [Int], in set: TileSet, threads: Int) -> Set<Int> {
        if isEmpty { return [] }
        let found = Mutex(Set<Int>())
        // The body throws nothing.
        try? forEachInParallel(indices.count, threads: threads) { position in
            let index = indices[position]
            guard set.tiles[index].appearance != nil else { return }
            let shifts = set.withPixels(of: index) { PerceptualHash.shifts(ofTile: $0, side: set.side) }
            if shifts.contains(where: contains) { found.withLock { _ = $0.insert(index) } }
        }
        return found.withLock { $0 }
    }
}
