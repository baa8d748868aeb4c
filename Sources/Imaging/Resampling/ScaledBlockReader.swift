import Foundations

/// Blocks of an image at another resolution.
///
/// Pixels are those of one grid over the whole image, wherever a block begins: where there are fewer than the image has,
/// each is the area-weighted mean of what it covers; along an axis with more, they are interpolated linearly between the
/// centres of the image's pixels. Weights are whole numbers, and values are rounded half up: nothing depends on how an image is
/// cut into blocks.
package final class ScaledBlockReader: BlockReader {
    package let geometry: ImageGeometry
    private let source: any BlockReader
    private let block = PixelBlock()
    private let columns: ScaledAxis
    private let rows: ScaledAxis

    package init(_ source: any BlockReader, width: Int, height: Int) {
        self.source = source
        columns = ScaledAxis(source: source.width, target: width)
        rows = ScaledAxis(source: source.height, target: height)
        let sourceRows = source.largestBlockHeight
        geometry = ImageGeometry(
            width: width, height: height, imageWidth: source.imageWidth, imageHeight: source.imageHeight,
            slide: source.slide, isSequential: source.isSequential,
            largestBlockHeight: sourceRows > Int.max / height
                ? .max : max(1, (sourceRows - 2) * height / source.height),
            pixelsRead: max(Double(source.width) / Double(width), Double(source.height) / Double(height)))
    }

    package var path: FilePath { source.path }
    package var decodedPixels: Int { source.decodedPixels }

    package func read(_ region: PixelRegion, into target: PixelBlock, threads: Int) throws(FileError) {
        let (xs, ys) = (columns.pixels(region.x..<region.right), rows.pixels(region.y..<region.bottom))
        try source.read(
            PixelRegion(x: xs.lowerBound, y: ys.lowerBound, width: xs.count, height: ys.count), into: block,
            threads: threads)
        target.begin(region)
        resample(to: target)
        let hasGaps = !block.isWhole
        if hasGaps { target.beginGaps() }
        for y in region.y..<region.bottom where hasGaps {
            for x in region.x..<region.right
            where block.isOutside(PixelRegion(x: columns.center(x), y: rows.center(y), width: 1, height: 1)) {
                target.markOutside(x: x, y: y)
            }
        }
        for part in block.unreadable {
            let (x, y) = (columns.touched(part.x..<part.right), rows.touched(part.y..<part.bottom))
            let scaled = PixelRegion(x: x.lowerBound, y: y.lowerBound, width: x.count, height: y.count)
            target.noteUnreadable(scaled.intersection(region), block.problem)
        }
    }

    private func resample(to target: PixelBlock) {
        let region = target.region
        let places = (region.x..<region.right).map { columns.weights($0) }
        let count = region.width * 3
        /// Source rows summed over the columns of each pixel; those of the row before may serve again.
        var summed = [Int: [UInt64]]()
        let total = UInt64(columns.total) * UInt64(rows.total)
        for y in region.y..<region.bottom {
            let vertical = rows.weights(y)
            summed = summed.filter { $0.key >= vertical.first }
            var sums = [UInt64](repeating: 0, count: count)
            for (index, weight) in vertical.values.enumerated() {
                let row = vertical.first + index
                let line = summed[row] ?? sumColumns(row, places)
                summed[row] = line
                sums.withUnsafeMutableBufferPointer { sums in
                    for i in 0..<count { sums[i] += UInt64(weight) * line[i] }
                }
            }
            let line = target.rows(y - region.y, 1)
            for i in 0..<count { line[i] = UInt8((sums[i] + total / 2) / total) }
        }
    }

    private func sumColumns(_ row: Int, _ places: [ScaledAxis.Weights]) -> [UInt64] {
        let start = (row - block.region.y) * block.bytesPerRow
        let bytes = UnsafeRawBufferPointer(rebasing: block.bytes[start..<start + block.bytesPerRow])
        return [UInt64](unsafeUninitializedCapacity: places.count * 3) { line, count in
            for (column, place) in places.enumerated() {
                var (red, green, blue): (UInt64, UInt64, UInt64) = (0, 0, 0)
                var pixel = (place.first - block.region.x) * 3
                for weight in place.values {
                    red += UInt64(weight) * UInt64(bytes[pixel])
                    green += UInt64(weight) * UInt64(bytes[pixel + 1])
                    blue += UInt64(weight) * UInt64(bytes[pixel + 2])
                    pixel += 3
                }
                line[3 * column] = red
                line[3 * column + 1] = green
                line[3 * column + 2] = blue
            }
            count = places.count * 3
        }
    }
}

/// Which pixels of an axis a pixel of another resolution is made of.
struct ScaledAxis {
    let source: Int
    let target: Int

    struct Weights {
        let first: Int
        let values: [Int]
    }

    /// What the weights of a pixel add up to.
    var total: Int { target < source ? source : 2 * target }

    func weights(_ pixel: Int) -> Weights {
        if target < source {
            // It covers pixel * source ... (pixel + 1) * source, in units in which a source pixel is target long.
            let (start, end) = (pixel * source, (pixel + 1) * source)
            let (first, last) = (start / target, (end - 1) / target)
            return Weights(
                first: first, values: (first...last).map { min(end, ($0 + 1) * target) - max(start, $0 * target) })
        }
        // Its centre, from the first source pixel's centre on, in units in which a source pixel is 2 * target long.
        let place = max(0, (2 * pixel + 1) * source - target)
        let (first, rest) = place.quotientAndRemainder(dividingBy: 2 * target)
        if rest == 0 || first >= source - 1 { return Weights(first: min(first, source - 1), values: [2 * target]) }
        return Weights(first: first, values: [2 * target - rest, rest])
    }

    /// All source pixels that some pixels are made of.
    func pixels(_ range: Range<Int>) -> Range<Int> {
        let last = weights(range.upperBound - 1)
        return weights(range.lowerBound).first..<last.first + last.values.count
    }

    /// The source pixel under a pixel's centre.
    func center(_ pixel: Int) -> Int { (2 * pixel + 1) * source / (2 * target) }

    /// The pixels that may be made of some source pixels.
    func touched(_ range: Range<Int>) -> Range<Int> {
        let from = max(0, (range.lowerBound - 1) * target / source - 1)
        let to = min(target, ((range.upperBound + 1) * target + source - 1) / source + 1)
        let hit = (from..<to).filter { pixel in
            let weights = weights(pixel)
            return weights.first < range.upperBound && weights.first + weights.values.count > range.lowerBound
        }
        return hit.isEmpty ? 0..<0 : hit.first!..<hit.last! + 1
    }
}
