import Foundations

extension TissueMap {
    /// The tissue of a slide, with the parameters of its detection.
    package struct Detection: Sendable {
        package let map: TissueMap
        /// Cells whose saturation exceeds this value are tissue.
        package let threshold: Int
        /// The level that was read.
        package let level: Int
    }

    /// The most pixels of a level that is read for tissue detection.
    private static let largestLevel = 64 << 20

    /// Detects the tissue of a slide in its smallest level.
    ///
    /// Cells more saturated than Otsu's threshold are tissue; then specks are removed, gaps closed and small holes filled.
    /// Saturation is the difference between the largest and the smallest channel. Returns nil where even the smallest
    /// level is too large to read. Throws the errors of `SlideReader`.
    package static func detect(_ path: FilePath, _ slide: SlideMetadata) throws(FileError) -> Detection? {
        let full = slide.levels[0]
        let level = slide.levels.indices.min { slide.levels[$0].width < slide.levels[$1].width }!
        guard slide.levels[level].width <= largestLevel / slide.levels[level].height else { return nil }
        let reader = try SlideReader(path, level: level)
        let size = gridSize(width: full.width, height: full.height)
        let thumbnail = DownsamplingReader(
            reader, width: min(size.width, reader.width), height: min(size.height, reader.height))
        let image = try RGBImage(reading: thumbnail)
        let (map, threshold) = detect(in: image, imageWidth: full.width, imageHeight: full.height)
        return Detection(map: map, threshold: threshold, level: level)
    }

    /// Detects the tissue of an image in a thumbnail of it, one cell per pixel. Returns the threshold too.
    package static func detect(
        in thumbnail: RGBImage, imageWidth: Int, imageHeight: Int
    ) -> (map: TissueMap, threshold: Int) {
        let saturation = (0..<thumbnail.width * thumbnail.height).map { index -> UInt8 in
            let pixel = thumbnail.pixels[3 * index..<3 * index + 3]
            return pixel.max()! - pixel.min()!
        }
        let threshold = threshold(saturation)
        var map = TissueMap(
            imageWidth: imageWidth, imageHeight: imageHeight, width: thumbnail.width, height: thumbnail.height,
            isTissue: saturation.map { Int($0) > threshold })
        map.removeSpecks()
        map.closeGaps(radius: 2)
        map.fillHoles(largest: 64)
        return (map, threshold)
    }

    /// Otsu's threshold on saturation, clamped to 6 ... 24: glass stays below that range and tissue is above it. A slide
    /// may show only one of them, and then Otsu's threshold is meaningless.
    static func threshold(_ saturation: [UInt8]) -> Int {
        var histogram = [Int](repeating: 0, count: 256)
        for value in saturation { histogram[Int(value)] += 1 }
        return min(max(otsuThreshold(histogram) ?? 0, 6), 24)
    }
}
