import Foundations

/// The tissue of an image, on a coarse grid of equal cells.
package struct TissueMap: Equatable, Sendable {
    /// Pixels of the image.
    package let imageWidth: Int
    package let imageHeight: Int
    /// Cells of the grid.
    package let width: Int
    package let height: Int
    /// One element per cell, in row order.
    package var isTissue: [Bool]
    /// The outline that the cells were made from, in pixels of the image; nil for tissue that was detected.
    package var outline: PixelOutline?

    package init(imageWidth: Int, imageHeight: Int, width: Int, height: Int, isTissue: [Bool]) {
        precondition(width >= 1 && height >= 1 && isTissue.count == width * height)
        self.imageWidth = imageWidth
        self.imageHeight = imageHeight
        self.width = width
        self.height = height
        self.isTissue = isTissue
    }

    /// Returns whether a rectangle of the image touches a tissue cell. Outside the image there is no tissue.
    package func touches(_ region: PixelRegion) -> Bool {
        let columns = Self.cells(region.x..<region.right, imageWidth, width)
        for y in Self.cells(region.y..<region.bottom, imageHeight, height) {
            if isTissue[y * width + columns.lowerBound..<y * width + columns.upperBound].contains(true) { return true }
        }
        return false
    }

    /// The smallest rectangle around all tissue cells that a rectangle of the image touches, inside that rectangle; nil
    /// without tissue.
    package func bounds(in region: PixelRegion) -> PixelRegion? {
        let columns = Self.cells(region.x..<region.right, imageWidth, width)
        let rows = Self.cells(region.y..<region.bottom, imageHeight, height)
        var (left, right) = (Int.max, Int.min)
        let tissueRows = rows.filter { y in
            let cells = isTissue[y * width + columns.lowerBound..<y * width + columns.upperBound]
            guard let first = cells.firstIndex(of: true), let last = cells.lastIndex(of: true) else { return false }
            (left, right) = (min(left, first - y * width), max(right, last - y * width))
            return true
        }
        guard let top = tissueRows.first, let bottom = tissueRows.last else { return nil }
        let x = Self.pixels(left...right, imageWidth, width)
        let y = Self.pixels(top...bottom, imageHeight, height)
        return PixelRegion(x: x.lowerBound, y: y.lowerBound, width: x.count, height: y.count).intersection(region)
    }

    /// The share of the cells that a rectangle of the image touches that are tissue.
    package func share(of region: PixelRegion) -> Double {
        let columns = Self.cells(region.x..<region.right, imageWidth, width)
        let rows = Self.cells(region.y..<region.bottom, imageHeight, height)
        let tissue = rows.reduce(0) { sum, y in sum + columns.count { isTissue[y * width + $0] } }
        return Double(tissue) / Double(max(1, rows.count * columns.count))
    }

    /// The same tissue cells on an image of another resolution.
    package func scaled(width: Int, height: Int) -> TissueMap {
        TissueMap(imageWidth: width, imageHeight: height, width: self.width, height: self.height, isTissue: isTissue)
    }

    /// The size of the grid and the SHA-256 of its cells, without the outline.
    package var digest: String {
        let bytes = isTissue.map { $0 ? UInt8(1) : 0 }
        return "\(width) x \(height) " + bytes.withUnsafeBytes { SHA256.digest(of: $0) }
    }

    /// The fraction of cells that are tissue.
    package var share: Double { Double(isTissue.count { $0 }) / Double(isTissue.count) }

    /// The cells that a range of pixels touches, along one axis.
    static func cells(_ pixels: Range<Int>, _ length: Int, _ count: Int) -> Range<Int> {
        let pixels = pixels.clamped(to: 0..<length)
        if pixels.isEmpty { return 0..<0 }
        return pixels.lowerBound * count / length..<(pixels.upperBound * count + length - 1) / length
    }

    /// The pixels that touch a range of cells, along one axis.
    private static func pixels(_ cells: ClosedRange<Int>, _ length: Int, _ count: Int) -> Range<Int> {
        cells.lowerBound * length / count..<((cells.upperBound + 1) * length + count - 1) / count
    }

    /// The size of the grid for an image: about one cell per 32 pixels, at most 4096 cells a side.
    package static func gridSize(width: Int, height: Int) -> (width: Int, height: Int) {
        func cells(_ length: Int) -> Int { max(1, min(4096, (length + 31) / 32)) }
        return (cells(width), cells(height))
    }
}
