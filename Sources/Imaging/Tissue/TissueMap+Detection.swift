import Foundations

extension TissueMap {
    /// The tissue of a slide, with the parameters of its detection.
    package struct Detection: Sendable {
        package let map: TissueMap
        /// Cells whose saturation exceeds this value are tissue.
        package let threshold: Int
        /// Share of the cells that show pen marks, which are left out.
        package let penShare: Double
        /// Share of the cells that cannot be decoded in this level. They count as tissue: other levels may be intact.
        package let unreadableShare: Double
        /// The level that was read.
        package let level: Int
    }

    /// The most pixels of a level that is read for tissue detection.
    private static let largestLevel = 256 << 20
    /// Microns per pixel of the level that is read: coarser pixels lose biopsies, finer ones cost time.
    private static let coarsestPixel = 16.0
    /// Level-0 pixels per pixel of that level, where the resolution is unknown.
    private static let coarsestDownsample = 32.0

    /// Detects the tissue of a slide in its coarsest level of at most 16 microns per pixel.
    ///
    /// Cells more saturated than a threshold are tissue, except pen marks; then specks are removed, gaps closed and small
    /// holes filled. Saturation is the difference between the largest and the smallest channel. Returns nil where that
    /// level is too large to read. Throws the errors of `SlideReader`.
    package static func detect(_ slide: Slide) throws(FileError) -> Detection? {
        let metadata = slide.metadata
        let full = metadata.levels[0]
        let downsample = metadata.micronsPerPixel.map { max(1, coarsestPixel / max($0.x, $0.y)) } ?? coarsestDownsample
        var level = metadata.level(try slide.level(downsample: downsample * 1.01))!
        if level.width > largestLevel / level.height {
            // A coarser level misses small pieces of tissue, but without one the whole slide would be processed.
            let coarser = metadata.levels.first {
                $0.downsample > level.downsample && $0.width <= largestLevel / $0.height
            }
            guard let coarser, try slide.showsThePicture(coarser.index) else { return nil }
            level = coarser
        }
        let reader = try SlideReader(slide, level: level.index, damage: .painted)
        let size = gridSize(width: full.width, height: full.height)
        let thumbnail = DownsamplingReader(
            reader, width: min(size.width, reader.width), height: min(size.height, reader.height))
        var (pixels, unreadable) = ([UInt8](), Set<Int>())
        var line = [UInt8](repeating: 0, count: thumbnail.bytesPerRow)
        for row in 0..<thumbnail.height {
            try thumbnail.readRows(into: &line, count: 1)
            pixels += line
            // Tiles, which are damaged as a whole, are higher than cells.
            for columns in reader.unreadable {
                let cells = cells(columns, reader.width, thumbnail.width)
                unreadable.formUnion(cells.map { row * thumbnail.width + $0 })
            }
        }
        let image = RGBImage(width: thumbnail.width, height: thumbnail.height, pixels: pixels)
        let (map, threshold, pen) = detect(
            in: image, except: unreadable, imageWidth: full.width, imageHeight: full.height)
        return Detection(
            map: map, threshold: threshold, penShare: pen,
            unreadableShare: Double(unreadable.count) / Double(map.isTissue.count), level: level.index)
    }

    /// Detects the tissue of an image in a thumbnail of it, one cell per pixel. `unreadable` cells count as
    /// tissue, whatever their pixels are. Returns the threshold and the share of pen marks too.
    package static func detect(
        in thumbnail: RGBImage, except unreadable: Set<Int> = [], imageWidth: Int, imageHeight: Int
    ) -> (map: TissueMap, threshold: Int, penShare: Double) {
        let pen = PenMarks(thumbnail)
        let saturation = (0..<thumbnail.width * thumbnail.height).map { index -> UInt8 in
            let pixel = thumbnail.pixels[3 * index..<3 * index + 3]
            return pixel.max()! - pixel.min()!
        }
        let counted = saturation.indices.lazy.filter { !pen.covers($0) && !unreadable.contains($0) }
        let threshold = threshold(counted.map { saturation[$0] })
        var map = TissueMap(
            imageWidth: imageWidth, imageHeight: imageHeight, width: thumbnail.width, height: thumbnail.height,
            isTissue: saturation.indices.map {
                Int(saturation[$0]) > threshold && !pen.covers($0) && !unreadable.contains($0)
            })
        map.removeSpecks()
        map.closeGaps(radius: 2)
        map.fillHoles(largest: 64)
        for cell in map.isTissue.indices where pen.covers(cell) { map.isTissue[cell] = false }
        for cell in unreadable { map.isTissue[cell] = true }
        return (map, threshold, pen.share)
    }

    /// A threshold between glass and the palest tissue, from 6 to 24: glass stays below that range and tissue is above it.
    ///
    /// Otsu's threshold separates two groups of values. Where dark and pale pieces of tissue are on one slide, these
    /// are its groups. The threshold is therefore lowered to 10, or to what glass reaches: its peak in the histogram
    /// plus six times the spread of the values below the peak, which tissue does not widen. A slide may show only glass
    /// or only tissue, and then Otsu's threshold is meaningless.
    static func threshold(_ saturation: some Sequence<UInt8>) -> Int {
        var histogram = [Int](repeating: 0, count: 256)
        for value in saturation { histogram[Int(value)] += 1 }
        let otsu = min(max(otsuThreshold(histogram) ?? 0, 6), 24)
        let below = histogram[...otsu]
        let peak = below.indices.max { below[$0] < below[$1] }!
        var spread = 0
        let half = below[...peak].reduce(0, +) / 2
        while spread < peak, below[peak - spread...peak].reduce(0, +) <= half { spread += 1 }
        return min(otsu, max(10, peak + 6 * spread))
    }
}
