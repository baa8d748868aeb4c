import Tensors

/// Labels that training gives unlabeled tiles, and what they say about pixels.
package struct PixelTargets: Sendable {
    package var labels = [Int: TileLabel]()

    package init() {}

    /// Knowledge about the pixels of a tile.
    func truth(of tile: Int, in set: TileSet) -> PixelTruth {
        labels[tile].map(PixelTruth.init) ?? set.tiles[tile].truth
    }
}
