import Foundations

/// The nuclei of a tile with outlines.
package struct TileOutlines: Equatable, Sendable {
    /// The least share of a tile that its nuclei cover, for a tile labeled by its outlines.
    package static let smallestShare = 0.01
    /// The least area of a whole nucleus in square microns, for a tile labeled by its outlines.
    package static let smallestNucleus = 10.0

    /// Nuclei with at least one pixel in the tile.
    package let nuclei: Int
    /// The share of the tile that nuclei cover, 0 to 1. Padding does not count.
    package let areaShare: Double
    /// The label by these nuclei: `nuclei` where they cover at least `smallestShare` or where all pixels of one are in the
    /// tile and cover at least `smallestNucleus`; `noNucleus` where no pixel belongs to a nucleus; nil between.
    package let label: TileLabel?
    /// A hash of the class map.
    package let fingerprint: UInt64

    /// `all` has the pixels of each nucleus in the image, and `areas` in the tile, both by number.
    init(areas: [Int], all: [Int], micronsPerPixel: Double?, fingerprint: UInt64) {
        let pixelArea = micronsPerPixel ?? PixelClasses.assumedMicronsPerPixel
        let inside = areas.indices.dropFirst().filter { areas[$0] > 0 }
        nuclei = inside.count
        areaShare = Double(inside.reduce(0) { $0 + areas[$1] }) / Double(areas.reduce(0, +))
        let hasWhole = inside.contains {
            areas[$0] == all[$0] && Double(areas[$0]) * pixelArea * pixelArea >= Self.smallestNucleus
        }
        label = nuclei == 0 ? .noNucleus : areaShare >= Self.smallestShare || hasWhole ? .nuclei : nil
        self.fingerprint = fingerprint
    }
}
