import Tensors

/// Labels that training gives tiles, and what they say about pixels.
package struct PixelTargets: Sendable {
    /// Labels of unlabeled tiles.
    package var labels = [Int: TileLabel]()
    /// Class maps of tiles without outlines: `side` rows of `side` bytes.
    package var maps = [Int: [UInt8]]()

    package init() {}

    /// Knowledge about the pixels of a tile.
    func truth(of tile: Int, in set: TileSet) -> PixelTruth {
        if maps[tile] != nil || set.tiles[tile].outlines != nil { return .classes }
        return labels[tile].map(PixelTruth.init) ?? set.tiles[tile].truth
    }
}
