import Files
import Imaging

/// The rows of an image that one row of windows needs, and no more.
///
/// An image smaller than a tile is padded at its right and lower edge by reflection (the edge itself is not repeated),
/// so that one window fits.
final class BandReader {
    /// Size of the image with its padding.
    let width: Int
    let height: Int
    var rowBytes: Int { width * 3 }
    private let reader: any RowReader
    private let band: UnsafeMutableRawBufferPointer
    private let bandHeight: Int
    /// The image's row that stands first in the band, and how many rows stand there.
    private var top = 0
    private var filled = 0

    init(_ reader: any RowReader, tile: Int) {
        self.reader = reader
        width = max(reader.width, tile)
        height = max(reader.height, tile)
        bandHeight = tile
        band = .allocate(byteCount: tile * width * 3, alignment: 64)
    }

    deinit { band.deallocate() }

    /// The pixels of rows `y ..< y + tile`, until the next call. Rows are asked for from top to bottom.
    func rows(from y: Int) throws(FileError) -> UnsafeRawBufferPointer {
        precondition(y >= top && y + bandHeight <= height)
        let kept = max(0, top + filled - y)
        if kept > 0, y > top {
            let moved = UnsafeRawBufferPointer(rebasing: band[(y - top) * rowBytes..<filled * rowBytes])
            band.copyMemory(from: moved)
        }
        filled = kept
        top = y
        let wanted = min(y + bandHeight, reader.height) - (y + filled)
        if wanted > 0 {
            try read(wanted, at: filled)
            filled += wanted
        }
        while filled < bandHeight {
            let source = Self.reflect(filled, reader.height)
            let row = UnsafeRawBufferPointer(rebasing: band[source * rowBytes..<(source + 1) * rowBytes])
            UnsafeMutableRawBufferPointer(rebasing: band[filled * rowBytes..<(filled + 1) * rowBytes])
                .copyMemory(from: row)
            filled += 1
        }
        return UnsafeRawBufferPointer(band)
    }

    /// Reads rows of the image to a row of the band, and pads them at the right.
    private func read(_ count: Int, at row: Int) throws(FileError) {
        guard width > reader.width else {
            let place = UnsafeMutableRawBufferPointer(rebasing: band[row * rowBytes..<(row + count) * rowBytes])
            return try reader.readRows(into: place, count: count)
        }
        for row in row..<row + count {
            let start = row * rowBytes
            let place = UnsafeMutableRawBufferPointer(rebasing: band[start..<start + reader.width * 3])
            try reader.readRows(into: place, count: 1)
            for x in reader.width..<width {
                let source = Self.reflect(x, reader.width)
                for channel in 0..<3 { band[start + x * 3 + channel] = band[start + source * 3 + channel] }
            }
        }
    }

    /// The pixel of 0 ..< count that stands for pixel `index` when the row is mirrored at its ends.
    static func reflect(_ index: Int, _ count: Int) -> Int {
        guard count > 1 else { return 0 }
        let period = 2 * (count - 1)
        let place = index % period
        return place < count ? place : period - place
    }
}
