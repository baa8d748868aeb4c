import Foundations
import Imaging

/// The tiles that one image of a data set is cut into, at the resolution of the target.
///
/// Along each axis the tiles follow one another without gaps. The last one is moved back to the edge, so that it overlaps
/// the one before. An image smaller than a tile becomes one tile, which is padded by reflection.
struct ImageLayout: Equatable {
    /// Size of the file in pixels.
    let width: Int
    let height: Int
    /// Size at the resolution of the target.
    let scaledWidth: Int
    let scaledHeight: Int
    /// First column and row of each tile, in pixels at the resolution of the target.
    let origins: [PixelPoint]
    let side: Int

    struct PixelPoint: Equatable {
        let x: Int
        let y: Int
    }

    init(width: Int, height: Int, scale: Double, side: Int) {
        self.width = width
        self.height = height
        self.side = side
        scaledWidth = max(1, Int((Double(width) * scale).rounded()))
        scaledHeight = max(1, Int((Double(height) * scale).rounded()))
        let (columns, rows) = (Self.starts(scaledWidth, side), Self.starts(scaledHeight, side))
        origins = rows.flatMap { y in columns.map { PixelPoint(x: $0, y: y) } }
    }

    private static func starts(_ length: Int, _ side: Int) -> [Int] {
        if length <= side { return [0] }
        return stride(from: 0, to: length, by: side).map { min($0, length - side) }
    }

    var isCut: Bool { origins.count > 1 }
    var isScaled: Bool { scaledWidth != width || scaledHeight != height }
    /// The size of the part of a tile that is not padding.
    var filledWidth: Int { min(side, scaledWidth) }
    var filledHeight: Int { min(side, scaledHeight) }
    var isPadded: Bool { filledWidth < side || filledHeight < side }

    /// The name of tile `index` of an image: with its position where the image has several tiles.
    func name(of index: Int, in filename: String) -> String {
        isCut ? "\(filename)@\(origins[index].x),\(origins[index].y)" : filename
    }
}

/// Fills the rest of a square tile by reflection of its filled part, without repeating the edge pixels. `channels` are the
/// bytes of a pixel.
func padByReflection(_ tile: UnsafeMutableRawBufferPointer, _ layout: ImageLayout, channels: Int) {
    let (side, width, height) = (layout.side, layout.filledWidth, layout.filledHeight)
    let rowBytes = side * channels
    for y in 0..<height {
        for x in width..<side {
            let (target, source) = (y * rowBytes + x * channels, y * rowBytes + mirrored(x, in: width) * channels)
            for channel in 0..<channels { tile[target + channel] = tile[source + channel] }
        }
    }
    for y in height..<side {
        let source = mirrored(y, in: height) * rowBytes
        UnsafeMutableRawBufferPointer(rebasing: tile[y * rowBytes..<(y + 1) * rowBytes])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: tile[source..<source + rowBytes]))
    }
}
