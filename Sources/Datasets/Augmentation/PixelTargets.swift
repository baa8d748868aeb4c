import Tensors

/// Pixel labels for training, in addition to the outlines and labels of the data set.
package struct PixelTargets: Sendable {
    /// Labels of unlabeled tiles.
    package var labels = [Int: TileLabel]()
    /// Class maps of tiles without outlines.
    package var maps = [Int: [UInt8]]()

    package init() {}

    /// Knowledge about the pixels of a tile.
    func truth(of tile: Int, in set: TileSet) -> PixelTruth {
        if maps[tile] != nil { return .classes }
        return labels[tile].map(PixelTruth.init) ?? set.tiles[tile].truth
    }

    /// Calls `body` with the class map of a tile; nil where the class of its pixels is the same everywhere, or unknown.
    func withMap(
        of tile: Int, in set: TileSet, _ body: (UnsafeRawBufferPointer?) throws -> Void
    ) rethrows {
        guard let map = maps[tile] else { return try body(set.classMap(of: tile)) }
        try map.withUnsafeBytes(body)
    }
}
