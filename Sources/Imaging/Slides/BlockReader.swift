import Foundations
import Synchronization

/// An image read in rectangles, each decoded when it is asked for.
///
/// A reader belongs to one thread at a time.
package protocol BlockReader: AnyObject {
    var path: FilePath { get }
    /// Pixels.
    var width: Int { get }
    var height: Int { get }
    /// Pixels of the image at its full resolution; `width` and `height` may be those of another.
    var imageWidth: Int { get }
    var imageHeight: Int { get }
    /// What a slide says about itself; nil for other images.
    var slide: SlideMetadata? { get }
    /// Whether rectangles have to be asked for from top to bottom: none may begin above the one before it.
    var isSequential: Bool { get }
    /// Pixels that are decoded along each axis for one of a block, where it is resampled; else 1.
    var pixelsRead: Double { get }
    /// Rows that a block may have without taking more memory than a reader is meant to.
    var largestBlockHeight: Int { get }
    /// Pixels that have been decoded so far, of any resolution. Any thread may ask.
    var decodedPixels: Int { get }
    /// How many threads may decode a rectangle together. Images in rows are decoded by one, whatever this says.
    var threads: Int { get set }
    /// Decodes a rectangle of the image. Damage to a part of a slide is marked in the block; damage that leaves nothing
    /// to go on with throws.
    func read(_ region: PixelRegion, into block: PixelBlock) throws(FileError)
}

extension BlockReader {
    package var imageWidth: Int { width }
    package var imageHeight: Int { height }
}

extension BlockReader {
    package var pixelsRead: Double { 1 }
}

/// Opens an image for reading in rectangles. Throws what `openImage` throws.
package func openBlocks(_ path: FilePath) throws(FileError) -> any BlockReader {
    let image = try openImage(path)
    return image is SlideReader ? try SlideBlockReader(path) : RowBlockReader(image)
}

/// Blocks of an image that comes in rows: those under the current blocks are kept, as wide as the image is.
package final class RowBlockReader: BlockReader {
    /// Bytes of rows that are kept, unless a block has to be higher.
    private static let band = 96 << 20

    package var threads = 1
    private let reader: any RowReader
    private var rows = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
    private var top = 0
    private let decoded = Atomic(0)

    package init(_ reader: any RowReader) {
        precondition(reader.nextRow == 0, "a fresh reader is needed")
        self.reader = reader
    }

    deinit { rows.deallocate() }

    package var path: FilePath { reader.path }
    package var width: Int { reader.width }
    package var height: Int { reader.height }
    package var slide: SlideMetadata? { (reader as? SlideReader)?.metadata }
    package var isSequential: Bool { true }
    package var largestBlockHeight: Int { max(1, Self.band / reader.bytesPerRow) }
    package var decodedPixels: Int { decoded.load(ordering: .relaxed) }

    package func read(_ region: PixelRegion, into block: PixelBlock) throws(FileError) {
        precondition(region.y >= top && region.bottom <= height && region.x >= 0 && region.right <= width)
        let rowBytes = reader.bytesPerRow
        try moveBand(to: region)
        block.begin(region)
        let target = block.rows(0, region.height)
        for row in 0..<region.height {
            let start = (region.y - top + row) * rowBytes + region.x * 3
            UnsafeMutableRawBufferPointer(rebasing: target[row * block.bytesPerRow..<(row + 1) * block.bytesPerRow])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rows[start..<start + region.width * 3]))
        }
    }

    /// Makes the band begin where a region does, and reach as far.
    private func moveBand(to region: PixelRegion) throws(FileError) {
        let rowBytes = reader.bytesPerRow
        let kept = max(0, reader.nextRow - region.y)
        let old = UnsafeRawBufferPointer(
            rebasing: rows[(reader.nextRow - kept - top) * rowBytes..<(reader.nextRow - top) * rowBytes])
        let needed = max(region.height, kept) * rowBytes
        if rows.count < needed {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: needed, alignment: 64)
            larger.copyMemory(from: old)
            rows.deallocate()
            rows = larger
        } else if region.y > top {
            rows.copyMemory(from: old)
        }
        top = region.y
        // Rows above the region that nobody has asked for.
        while reader.nextRow < region.y {
            let count = min(region.y - reader.nextRow, rows.count / rowBytes)
            try reader.readRows(into: rows, count: count)
        }
        let missing = region.bottom - reader.nextRow
        if missing > 0 {
            let start = (reader.nextRow - top) * rowBytes
            try reader.readRows(into: UnsafeMutableRawBufferPointer(rebasing: rows[start...]), count: missing)
        }
        decoded.store(reader.nextRow * reader.width, ordering: .relaxed)
    }
}
