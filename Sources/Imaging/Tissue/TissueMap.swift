import Foundations

/// Where an image has tissue, on a coarse grid of equal cells over it.
package struct TissueMap: Equatable, Sendable {
    /// The image's size in its own pixels, and the grid's in cells.
    package let imageWidth: Int
    package let imageHeight: Int
    package let width: Int
    package let height: Int
    /// One for each cell, row by row.
    package var isTissue: [Bool]

    package init(imageWidth: Int, imageHeight: Int, width: Int, height: Int, isTissue: [Bool]) {
        precondition(width >= 1 && height >= 1 && isTissue.count == width * height)
        self.imageWidth = imageWidth
        self.imageHeight = imageHeight
        self.width = width
        self.height = height
        self.isTissue = isTissue
    }

    /// Whether any cell that a rectangle of the image touches is tissue. What lies beyond the image is not.
    package func touches(_ region: PixelRegion) -> Bool {
        let columns = Self.cells(region.x..<region.right, imageWidth, width)
        for y in Self.cells(region.y..<region.bottom, imageHeight, height) {
            if isTissue[y * width + columns.lowerBound..<y * width + columns.upperBound].contains(true) { return true }
        }
        return false
    }

    /// The same tissue on an image of another resolution.
    package func scaled(width: Int, height: Int) -> TissueMap {
        TissueMap(imageWidth: width, imageHeight: height, width: self.width, height: self.height, isTissue: isTissue)
    }

    /// SHA-256 of the grid.
    package var digest: String {
        let bytes = isTissue.map { $0 ? UInt8(1) : 0 }
        return "\(width) x \(height) " + bytes.withUnsafeBytes { SHA256.digest(of: $0) }
    }

    /// Share of the image that is tissue.
    package var share: Double { Double(isTissue.count { $0 }) / Double(isTissue.count) }

    /// The cells that pixels of an axis lie in.
    static func cells(_ pixels: Range<Int>, _ length: Int, _ count: Int) -> Range<Int> {
        let pixels = pixels.clamped(to: 0..<length)
        if pixels.isEmpty { return 0..<0 }
        return pixels.lowerBound * count / length..<(pixels.upperBound * count + length - 1) / length
    }

    /// A grid of about one cell for 32 pixels of the image's sides, at most 4096 a side.
    package static func gridSize(width: Int, height: Int) -> (width: Int, height: Int) {
        func cells(_ length: Int) -> Int { max(1, min(4096, (length + 31) / 32)) }
        return (cells(width), cells(height))
    }
}

extension TissueMap {
    /// How the tissue of a slide was told from its glass.
    package struct Finding: Sendable {
        package let map: TissueMap
        /// Cells more colourful than this are tissue.
        package let threshold: Int
        /// The level that was looked at.
        package let level: Int
    }

    /// Pixels that a slide's smallest level may have to be looked at for tissue.
    private static let largestLevel = 64 << 20

    /// Finds the tissue of a slide in its smallest level: cells that are more colourful than the glass (the difference of
    /// their largest and smallest channel, cut by Otsu's method), without specks, gaps closed and small holes filled.
    ///
    /// Returns nil when even the smallest level is too large to be looked at apart. Throws when it cannot be read.
    package static func find(_ path: FilePath, _ slide: SlideMetadata) throws(FileError) -> Finding? {
        let full = slide.levels[0]
        let level = slide.levels.indices.min { slide.levels[$0].width < slide.levels[$1].width }!
        guard slide.levels[level].width <= largestLevel / slide.levels[level].height else { return nil }
        let reader = try SlideReader(path, level: level)
        let size = gridSize(width: full.width, height: full.height)
        let picture = DownsamplingReader(
            reader, width: min(size.width, reader.width), height: min(size.height, reader.height))
        let image = try RGBImage(reading: picture)
        let (map, threshold) = find(in: image, imageWidth: full.width, imageHeight: full.height)
        return Finding(map: map, threshold: threshold, level: level)
    }

    /// The tissue of an image of some size in a small picture of it, one cell a pixel; and the threshold.
    package static func find(
        in picture: RGBImage, imageWidth: Int, imageHeight: Int
    ) -> (map: TissueMap, threshold: Int) {
        let colour = (0..<picture.width * picture.height).map { index -> UInt8 in
            let pixel = picture.pixels[3 * index..<3 * index + 3]
            return pixel.max()! - pixel.min()!
        }
        let threshold = threshold(colour)
        var map = TissueMap(
            imageWidth: imageWidth, imageHeight: imageHeight, width: picture.width, height: picture.height,
            isTissue: colour.map { Int($0) > threshold })
        map.removeSpecks()
        map.closeGaps(radius: 2)
        map.fillHoles(largest: 64)
        return (map, threshold)
    }

    /// Otsu's threshold (1979): the one that leaves the least variance within the two classes. Held between what no
    /// glass reaches and what all tissue has, because a slide may show only one of them.
    static func threshold(_ values: [UInt8]) -> Int {
        var counts = [Double](repeating: 0, count: 256)
        for value in values { counts[Int(value)] += 1 }
        let total = Double(values.count)
        let sum = counts.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
        var (below, sumBelow, best, bestVariance) = (0.0, 0.0, 0, -1.0)
        for value in 0..<255 {
            below += counts[value]
            sumBelow += Double(value) * counts[value]
            let above = total - below
            if below == 0 || above == 0 { continue }
            let difference = sumBelow / below - (sum - sumBelow) / above
            let variance = below * above * difference * difference
            if variance > bestVariance { (best, bestVariance) = (value, variance) }
        }
        return min(max(best, 6), 24)
    }
}
