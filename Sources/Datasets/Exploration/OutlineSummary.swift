import Foundations

/// The nuclei of the tiles with outlines.
package struct OutlineSummary: Codable, Equatable, Sendable {
    /// Tiles with outlines.
    package let tiles: Int
    /// The 10th, 50th and 90th percentile of the nuclei with a pixel in a tile.
    package let nucleiPerTile: [Double]
    /// The mean share of a tile that nuclei cover, 0 to 1.
    package let areaShare: Double

    /// Nil where no tile has outlines.
    init?(_ tiles: [Tile]) {
        let outlines = tiles.compactMap(\.outlines)
        if outlines.isEmpty { return nil }
        let nuclei = outlines.map { Double($0.nuclei) }.sorted()
        self.tiles = outlines.count
        nucleiPerTile = [0.1, 0.5, 0.9].map { quantile($0, ofSorted: nuclei) }
        areaShare = outlines.reduce(0) { $0 + $1.areaShare } / Double(outlines.count)
    }
}

/// The number of tiles from files of one resolution.
package struct ResolutionCount: Codable, Equatable, Sendable {
    /// Microns per pixel of the files; nil where unknown.
    package let micronsPerPixel: Double?
    package let tiles: Int

    /// The resolutions in ascending order, the unknown one last. Nil where none is known.
    static func counts(of tiles: [Tile]) -> [ResolutionCount]? {
        let known = Dictionary(grouping: tiles.compactMap(\.micronsPerPixel)) { $0 }.mapValues(\.count)
        if known.isEmpty { return nil }
        let unknown = tiles.count { $0.micronsPerPixel == nil }
        return known.keys.sorted().map { ResolutionCount(micronsPerPixel: $0, tiles: known[$0]!) }
            + (unknown > 0 ? [ResolutionCount(micronsPerPixel: nil, tiles: unknown)] : [])
    }
}
