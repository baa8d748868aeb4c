import Foundations

/// One level of a slide's pyramid. Level 0 is the full resolution.
package struct SlideLevel: Equatable, Sendable {
    /// OpenSlide's number of the level. Numbers of levels that cannot be used are missing.
    package let index: Int
    /// Pixels of this level.
    package let width: Int
    package let height: Int
    /// Level-0 pixels per pixel of this level.
    package let downsample: Double
    /// Level-0 pixels per pixel of this level for OpenSlide, which differ where the level is padded to whole tiles.
    let addressing: Double
}

extension SlideLevel {
    /// Describes a level by its size and tile size; nil where its shape is not that of the full resolution.
    ///
    /// Some programs pad reduced levels to whole tiles. Such a level is cut to the size of the picture, and its downsample
    /// is the power of two that it was made with.
    init?(
        index: Int, width: Int, height: Int, addressing: Double, tile: (width: Int, height: Int),
        full: (width: Int, height: Int)
    ) {
        func isPadded(_ length: Int, _ needed: Int, _ tile: Int) -> Bool {
            length.isMultiple(of: tile) && (needed..<needed + tile).contains(length)
        }
        func needed(_ length: Int, _ scale: Int) -> Int { (length + scale - 1) / scale }
        let (x, y) = (Double(full.width) / Double(width), Double(full.height) / Double(height))
        if index > 0,
            let scale = (1...12).map({ 1 << $0 }).first(where: {
                isPadded(width, needed(full.width, $0), tile.width)
                    && isPadded(height, needed(full.height, $0), tile.height)
            }), width > needed(full.width, scale) + 1 || height > needed(full.height, scale) + 1
        {
            self.init(
                index: index, width: needed(full.width, scale), height: needed(full.height, scale),
                downsample: Double(scale), addressing: addressing)
            return
        }
        // Sizes of levels are rounded to pixels in either direction.
        let tolerance = 0.01 + 2 / Double(min(width, height))
        guard (x / y - 1).magnitude <= tolerance || index == 0 else { return nil }
        self.init(index: index, width: width, height: height, downsample: addressing, addressing: addressing)
    }

    /// The part of the level that shows a rectangle of the full resolution.
    func cropped(to bounds: PixelRegion) -> SlideLevel {
        func length(_ start: Int, _ length: Int, _ available: Int) -> Int {
            let first = (Double(start) / downsample).rounded(.down)
            return max(1, min(Int((Double(length) / downsample).rounded()), available - Int(first)))
        }
        return SlideLevel(
            index: index, width: length(bounds.x, bounds.width, width), height: length(bounds.y, bounds.height, height),
            downsample: downsample, addressing: addressing)
    }
}
