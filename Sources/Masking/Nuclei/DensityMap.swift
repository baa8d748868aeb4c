import Imaging

/// Nuclei per square millimeter on a grid of squares. The first square starts in the upper left corner of the image; those
/// at the right and lower edge may extend beyond it.
package struct DensityMap {
    /// Side of a square in microns, before rounding to whole pixels.
    package static let side = 100.0

    /// The share of a square, inside the image, that must have a result. Smaller shares say little about the density.
    private static let smallestShare = 0.05

    private let result: NucleiResult
    private let side: Int

    /// `side` is in pixels at full resolution.
    package init(_ result: NucleiResult, side: Int) {
        precondition(side >= 1)
        (self.result, self.side) = (result, side)
    }

    /// The side of a square in pixels at full resolution.
    package static func side(_ micronsPerPixel: (x: Double, y: Double)) -> Int {
        max(1, Int(min((side / (micronsPerPixel.x * micronsPerPixel.y).squareRoot()).rounded(), 1e9)))
    }

    /// Writes the rows of the map as floats: nuclei by the area with a result, NaN where that is too small. The writer has
    /// the size that `FieldMap.size` gives.
    package func write(to writer: any RowWriter, afterBlock: (Int) throws -> Void = { _ in }) throws {
        let size = FieldMap.size(width: result.width, height: result.height, side: side)
        precondition(writer.width == size.width && writer.height == size.height)
        // One number for each 100 microns: small for any slide.
        var counts = [Int32](repeating: 0, count: size.width * size.height)
        var gaps = BlockGaps(result)
        for block in 0..<result.grid.count {
            let content = try result.store.block(block)
            gaps.add(content, core: result.grid.imageRegion(result.grid.core(of: block)))
            for nucleus in content.nuclei {
                let (x, y) = nucleus.center
                counts[y / side * size.width + x / side] += 1
            }
            try afterBlock(block + 1)
        }
        var area = ProcessedRows(result.tissue, width: result.width, height: result.height)
        var (columns, end) = ([Range<Int>](), 0)
        for row in 0..<size.height {
            var pixels = [Int](repeating: 0, count: size.width)
            let rows = row * side..<min((row + 1) * side, result.height)
            var y = rows.lowerBound
            while y < rows.upperBound {
                if y >= end { (columns, end) = area.columns(ofRow: y) }
                let (unreadable, outside) = gaps.columns(ofRow: y)
                let bottom = min(end, rows.upperBound, gaps.end(ofRowsLike: y))
                for run in columns.intersection((unreadable + outside).merged().complement(result.width)) {
                    for column in run.lowerBound / side...(run.upperBound - 1) / side {
                        pixels[column] += (bottom - y) * run.clamped(to: column * side..<(column + 1) * side).count
                    }
                }
                y = bottom
            }
            gaps.remove(above: rows.upperBound)
            let values = (0..<size.width).map { column -> Float in
                let width = min((column + 1) * side, result.width) - column * side
                let least = Double(width * rows.count) * Self.smallestShare
                guard Double(pixels[column]) >= least else { return .nan }
                let squareMillimeters = Double(pixels[column]) * result.squareMicrons / 1e6
                return Float(Double(counts[row * size.width + column]) / squareMillimeters)
            }
            try writer.write(rows: values.span.bytes, count: 1)
        }
    }

    /// The description in the file, as JSON.
    package static func description(side: Int) -> String {
        "{\"quantity\": \"nuclei per square millimeter\", \"levelZeroPixelsPerPixel\": \(side), \"origin\": [0, 0]}"
    }
}

/// Number of nuclei, by the area in which they were looked for.
package struct NucleusCounts: Codable, Equatable, Sendable {
    package let nuclei: Int
    /// Square millimeters with a result: the processed area without what cannot be decoded.
    package let squareMillimeters: Double
    /// Nil without such an area.
    package let perSquareMillimeter: Double?

    package init(_ nuclei: Int, _ summary: MaskSummary, micronsPerPixel: (x: Double, y: Double)) {
        self.nuclei = nuclei
        squareMillimeters =
            Double(summary.nuclei + summary.noNuclei - summary.overhang) * micronsPerPixel.x * micronsPerPixel.y / 1e6
        perSquareMillimeter = squareMillimeters > 0 ? Double(nuclei) / squareMillimeters : nil
    }
}
