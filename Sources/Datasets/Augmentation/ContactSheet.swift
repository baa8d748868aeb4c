import Imaging
import Tensors

/// A picture of tiles and augmented versions of them: one row per tile, with the original at the left. Boundaries of nuclei
/// are green where a tile has outlines.
package struct ContactSheet {
    /// The width of the white border around each picture, in pixels.
    static let gap = 4
    /// The color of boundaries; no stain is like it.
    private static let boundaryColor: [UInt8] = [0, 255, 0]

    package let set: TileSet
    /// Indices in the set, from top to bottom.
    package let tiles: [Int]
    /// The number of augmented versions of each tile, from consecutive epochs starting with `epoch`.
    package let variants: Int
    package let seed: UInt64
    package let epoch: Int
    package let settings: AugmentationSettings

    package init(
        _ set: TileSet, tiles: [Int], variants: Int, seed: UInt64, epoch: Int, settings: AugmentationSettings
    ) {
        (self.set, self.tiles, self.variants, self.seed, self.epoch, self.settings) = (
            set, tiles, variants, seed, epoch, settings
        )
    }

    /// The side of a picture with its border, in pixels.
    private var cell: Int { self.set.side + 2 * Self.gap }

    /// The size of the sheet in pixels.
    package var width: Int { (variants + 1) * cell }
    package var height: Int { tiles.count * cell }

    /// Writes the sheet. Cutout appears as the network would see it, denormalized with the statistics of the whole set.
    ///
    /// Calls `afterEach` after every row of tiles; an error that it throws stops the work, and no picture is written.
    package func write(to writer: any RowWriter, threads: Int, afterEach: () throws -> Void) throws {
        let statistics = try set.channelStatistics(of: Array(set.tiles.indices))
        for tile in tiles {
            var row = [UInt8](repeating: 255, count: cell * width * 3)
            place(outlined(set.withPixels(of: tile) { Array($0) }, set.classMap(of: tile)), at: 0, in: &row)
            for variant in 0..<variants {
                let drawn = settings.draw(seed: seed, epoch: epoch + variant, tile: tile, side: set.side)
                let pixels = try augmented(tile, drawn, statistics, threads: threads)
                let map = try movedMap(tile, drawn.pixels.geometry)
                place(map.withUnsafeBytes { outlined(pixels, map.isEmpty ? nil : $0) }, at: variant + 1, in: &row)
            }
            try row.withUnsafeBytes { try writer.write(rows: $0, count: cell) }
            try afterEach()
        }
        try writer.finish()
    }

    /// Copies a tile into column `column` of a row of pictures.
    private func place(_ pixels: some Collection<UInt8>, at column: Int, in row: inout [UInt8]) {
        let (line, sheetLine) = (set.side * 3, row.count / cell)
        for (index, byte) in pixels.enumerated() {
            row[(index / line + Self.gap) * sheetLine + (column * cell + Self.gap) * 3 + index % line] = byte
        }
    }

    /// The pixels with the boundaries of a class map.
    private func outlined(_ pixels: [UInt8], _ map: UnsafeRawBufferPointer?) -> [UInt8] {
        guard let map else { return pixels }
        var pixels = pixels
        for (index, value) in map.enumerated() where value == PixelClass.boundary.rawValue {
            pixels.replaceSubrange(3 * index..<3 * index + 3, with: Self.boundaryColor)
        }
        return pixels
    }

    /// The class map of a tile, moved like its pixels. Empty without outlines.
    private func movedMap(_ tile: Int, _ geometry: TileAugmentation.Geometry) throws -> [UInt8] {
        guard let map = set.classMap(of: tile) else { return [] }
        var moved = [UInt8](repeating: 0, count: map.count)
        var span = moved.mutableSpan
        var bytes = span.mutableBytes
        try Kernels.moveMap(
            &bytes, map.bytes, height: set.side, width: set.side, geometry, outside: PixelClass.background.rawValue)
        return moved
    }

    private func augmented(
        _ tile: Int, _ drawn: (pixels: TileAugmentation, erasure: Erasure), _ statistics: ChannelStatistics,
        threads: Int
    ) throws -> [UInt8] {
        let side = set.side
        let windows = set.windows(of: [tile])
        let scratch = Tensor([Kernels.augmentationScratchCount(windows, threads: threads)])
        var pixels = [UInt8](repeating: 0, count: set.tileBytes)
        try pixels.withUnsafeMutableBytes { pixels in
            try set.withPixels {
                var augmented = pixels.mutableBytes
                try Kernels.augment(&augmented, $0.bytes, windows, [drawn.pixels], threads: threads, scratch: scratch)
            }
        }
        guard drawn.erasure.width > 0 else { return pixels }
        let planes = Tensor([1, 3, side, side])
        try Kernels.normalize(planes, pixels.span.bytes, set.windows(of: [0]), statistics)
        try Kernels.erase(planes, [drawn.erasure])
        for y in drawn.erasure.y..<drawn.erasure.y + drawn.erasure.height {
            for x in drawn.erasure.x..<drawn.erasure.x + drawn.erasure.width {
                for c in 0..<3 {
                    let value = planes[(c * side + y) * side + x] * statistics.deviation[c] + statistics.mean[c]
                    pixels[(y * side + x) * 3 + c] = UInt8(min(max(value, 0), 255).rounded())
                }
            }
        }
        return pixels
    }
}
