import Foundations

/// Compares the mean colors of small squares of a slide's level with those of the full resolution.
///
/// Some TIFF files store a label, or a photograph of the whole glass, as a level.
struct LevelComparison {
    /// Cells along each axis. One square is compared in each.
    private static let cells = 6
    /// Gray values that the mean of a channel may differ by, for resampling, compression and a shift of half a pixel.
    private static let tolerance = 24.0
    /// Pixels of a level that is searched for the squares to compare; in larger ones they are at the centers of cells.
    private static let largestSearch = 4 << 20

    private let full: SlideBlockReader
    private let reduced: SlideBlockReader
    private let downsample: Double
    private let block = PixelBlock()
    /// Pixels of the level per side of a square.
    private let side: Int

    init(_ slide: Slide, level: Int) throws(FileError) {
        full = try SlideBlockReader(slide)
        reduced = try SlideBlockReader(slide, level: level)
        downsample = reduced.downsample
        side = max(1, min(16, Int(512 / downsample), reduced.width, reduced.height))
    }

    /// Returns whether at most a quarter of the squares differ. Squares that cannot be read, and those that are bright and
    /// colorless in both, are not counted. Where none is left, the level counts as the same picture.
    func isSamePicture() throws(FileError) -> Bool {
        var (compared, different) = (0, 0)
        for place in try places() {
            let square = PixelRegion(x: place.x, y: place.y, width: side, height: side)
            func scaled(_ value: Int) -> Int { Int((Double(value) * downsample).rounded()) }
            let original = PixelRegion(
                x: scaled(place.x), y: scaled(place.y), width: max(1, scaled(side)), height: max(1, scaled(side))
            ).intersection(PixelRegion(x: 0, y: 0, width: full.width, height: full.height))
            guard !original.isEmpty, let a = try mean(square, reduced), let b = try mean(original, full) else {
                continue
            }
            if Self.isGlass(a), Self.isGlass(b) { continue }
            compared += 1
            let difference = a - b
            if max(difference.max(), -difference.min()) > Self.tolerance { different += 1 }
        }
        return 4 * different <= compared
    }

    private static func isGlass(_ color: SIMD3<Double>) -> Bool { color.min() > 200 && color.max() - color.min() < 12 }

    /// The mean color of a region; nil where a part of it cannot be read or has no pixels.
    private func mean(_ region: PixelRegion, _ reader: SlideBlockReader) throws(FileError) -> SIMD3<Double>? {
        try reader.read(region, into: block)
        guard block.isWhole, block.unreadable.isEmpty else { return nil }
        var sum = SIMD3<Double>()
        let bytes = block.bytes
        for pixel in 0..<region.width * region.height {
            sum += SIMD3(Double(bytes[3 * pixel]), Double(bytes[3 * pixel + 1]), Double(bytes[3 * pixel + 2]))
        }
        return sum / Double(region.width * region.height)
    }

    /// The upper left corners of the squares: in each cell the place that differs most from white, where the level is
    /// small enough to look for it.
    private func places() throws(FileError) -> [(x: Int, y: Int)] {
        let thumbnail = try reduced.width <= Self.largestSearch / reduced.height ? darkest() : nil
        var result = [(x: Int, y: Int)]()
        for row in 0..<Self.cells {
            for column in 0..<Self.cells {
                let center =
                    thumbnail?[row * Self.cells + column] ?? (
                        (2 * column + 1) * reduced.width / (2 * Self.cells),
                        (2 * row + 1) * reduced.height / (2 * Self.cells)
                    )
                result.append(
                    (
                        min(reduced.width - side, max(0, center.x - side / 2)),
                        min(reduced.height - side, max(0, center.y - side / 2))
                    ))
            }
        }
        return result
    }

    /// The place of the lowest channel value in each cell, in a thumbnail of at most 96 pixels a side.
    private func darkest() throws(FileError) -> [(x: Int, y: Int)?] {
        let (width, height) = (min(96, reduced.width), min(96, reduced.height))
        let reader = DownsamplingReader(
            try SlideReader(reduced.slideFile, level: reduced.level, damage: .painted), width: width, height: height)
        let image = try RGBImage(reading: reader)
        var (lowest, places) = (
            [UInt8](repeating: 255, count: Self.cells * Self.cells),
            [(x: Int, y: Int)?](repeating: nil, count: Self.cells * Self.cells)
        )
        for y in 0..<height {
            for x in 0..<width {
                let cell = y * Self.cells / height * Self.cells + x * Self.cells / width
                let value = image.pixels[3 * (y * width + x)..<3 * (y * width + x) + 3].min()!
                guard value < lowest[cell] else { continue }
                lowest[cell] = value
                places[cell] = (
                    (2 * x + 1) * reduced.width / (2 * width), (2 * y + 1) * reduced.height / (2 * height)
                )
            }
        }
        return places
    }
}
