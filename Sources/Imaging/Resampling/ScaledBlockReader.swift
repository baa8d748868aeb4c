import Foundations

/// Blocks of an image at another resolution, resampled as `ResamplingAxis` defines and rounded half up.
///
/// All blocks share one pixel grid and arithmetic is exact, so that a pixel does not depend on how the image is cut into
/// blocks.
package final class ScaledBlockReader: BlockReader {
    package let geometry: ImageGeometry
    private let source: any BlockReader
    private let block = PixelBlock()
    private let columns: ResamplingAxis
    private let rows: ResamplingAxis

    package init(_ source: any BlockReader, width: Int, height: Int) {
        self.source = source
        columns = ResamplingAxis(source: source.width, target: width)
        rows = ResamplingAxis(source: source.height, target: height)
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
        let columnSums = ColumnSums(columns, pixels: region.x..<region.right)
        /// Source rows summed over the columns of each pixel. The next row may share some.
        var summed = [Int: [UInt64]]()
        var sums = RowSums(count: columnSums.count)
        let total = UInt64(columns.total) * UInt64(rows.total)
        for y in region.y..<region.bottom {
            let weights = rows.weights(y)
            summed = summed.filter { $0.key >= weights.first }
            sums.clear()
            for index in 0..<weights.count {
                let row = weights.first + index
                let line = summed[row] ?? sum(row, columnSums)
                summed[row] = line
                sums.add(line.span, weight: weights[index])
            }
            var bytes = target.rows(y - region.y, 1).mutableBytes
            sums.writeMeans(total, to: &bytes)
        }
    }

    /// Sums a row of the source block.
    private func sum(_ row: Int, _ columns: ColumnSums) -> [UInt64] {
        let start = (row - block.region.y) * block.bytesPerRow
        let bytes = UnsafeRawBufferPointer(rebasing: block.bytes[start..<start + block.bytesPerRow])
            .assumingMemoryBound(to: UInt8.self)
        var line = [UInt64](repeating: 0, count: columns.count)
        columns.sum(bytes.span, from: block.region.x, into: &line)
        return line
    }
}
