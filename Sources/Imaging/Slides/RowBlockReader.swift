import Foundations
import Synchronization

/// Blocks of an image that is decoded in rows. Keeps a band of full-width rows that holds the current block.
package final class RowBlockReader: BlockReader {
    /// Bytes that the band may take, unless one block needs more.
    private static let largestBand = 96 << 20

    package let geometry: ImageGeometry
    private let reader: any RowReader
    /// Rows from `top` on.
    private var band = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
    private var top = 0
    private let decoded = Atomic(0)

    /// `reader` has read no row yet. `full` is the size of the image where rows have another.
    package init(_ reader: any RowReader, full: (width: Int, height: Int)? = nil) {
        precondition(reader.nextRow == 0, "rows were read before")
        self.reader = reader
        geometry = ImageGeometry(
            width: reader.width, height: reader.height, imageWidth: full?.width, imageHeight: full?.height,
            isSequential: true, largestBlockHeight: max(1, Self.largestBand / reader.bytesPerRow))
    }

    deinit { band.deallocate() }

    package var path: FilePath { reader.path }
    /// Resolution that the rows state, see `RowReader`.
    package var micronsPerPixel: (x: Double, y: Double)? { reader.micronsPerPixel }
    package var remark: String? { reader.remark }
    package var decodedPixels: Int { decoded.load(ordering: .relaxed) }

    /// The same image at half its width and height, rounded up; nil for formats that have to be decoded whole.
    package func halved() throws(FileError) -> RowBlockReader? {
        guard reader is JPEGReader else { return nil }
        return try RowBlockReader(JPEGReader(path, halving: true), full: (width, height))
    }

    package func read(_ region: PixelRegion, into block: PixelBlock, threads: Int) throws(FileError) {
        precondition(region.y >= top && region.bottom <= height && region.x >= 0 && region.right <= width)
        let rowBytes = reader.bytesPerRow
        try moveBand(to: region)
        block.begin(region)
        let target = block.rows(0, region.height)
        for row in 0..<region.height {
            let start = (region.y - top + row) * rowBytes + region.x * 3
            UnsafeMutableRawBufferPointer(rebasing: target[row * block.bytesPerRow..<(row + 1) * block.bytesPerRow])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: band[start..<start + region.width * 3]))
        }
    }

    /// Makes the band begin at the top of a region and reach its bottom.
    private func moveBand(to region: PixelRegion) throws(FileError) {
        let rowBytes = reader.bytesPerRow
        let kept = max(0, reader.nextRow - region.y)
        let old = UnsafeRawBufferPointer(
            rebasing: band[(reader.nextRow - kept - top) * rowBytes..<(reader.nextRow - top) * rowBytes])
        let needed = max(region.height, kept) * rowBytes
        if band.count < needed {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: needed, for: "pixels")
            larger.copyMemory(from: old)
            band.deallocate()
            band = larger
        } else if region.y > top {
            band.copyMemory(from: old)
        }
        top = region.y
        // Skip rows above the region that no block asked for.
        while reader.nextRow < region.y {
            let count = min(region.y - reader.nextRow, band.count / rowBytes)
            try reader.readRows(into: band, count: count)
        }
        let missing = region.bottom - reader.nextRow
        if missing > 0 {
            let start = (reader.nextRow - top) * rowBytes
            try reader.readRows(into: UnsafeMutableRawBufferPointer(rebasing: band[start...]), count: missing)
        }
        decoded.store(reader.nextRow * reader.width, ordering: .relaxed)
    }
}
