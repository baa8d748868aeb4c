import Foundations

/// Treatment of parts of a slide that cannot be decoded, even after the slide was reopened.
package enum Damage: Sendable {
    /// Reading fails.
    case stops
    /// The parts are painted gray and reported in `unreadable`.
    case painted
}

/// One level of a whole-slide image in rows, composed over the slide's background color.
///
/// The slide is decoded in bands aligned to its tiles, one tile high (several, where tiles are flat), so that a
/// sequential read decodes no tile twice and holds one band. Where a band would take more than 160 MB, bands are lower
/// and tiles are decoded several times.
///
/// OpenSlide addresses every level in whole level-0 pixels. Where a downsample is not a whole number, bands and column
/// blocks of a lower level may be off by up to half a level-0 pixel.
package final class SlideReader: RowReader {
    package let width: Int
    package let height: Int
    package private(set) var nextRow = 0

    /// Bytes.
    private static let largestBand = 160 << 20
    private static let lowestBand = 16

    private let blocks: SlideBlockReader
    private let damage: Damage
    private let bandHeight: Int
    /// The current rows, from `band.region.y` on; empty before the first read.
    private let band = PixelBlock()
    private var failure: FileError?

    /// Reads a level of a slide. Throws `malformed` where there is no such level.
    package init(_ slide: Slide, level: Int = 0, damage: Damage = .stops) throws(FileError) {
        blocks = try SlideBlockReader(slide, level: level)
        self.damage = damage
        width = blocks.width
        height = blocks.height
        guard width <= Self.largestBand / (3 * Self.lowestBand) else {
            throw FileError(
                slide.path, expected: "a level \(level) whose bands of \(Self.lowestBand) rows fit in memory",
                found: "\(width) x \(height) px")
        }
        var bandHeight = blocks.bandHeight
        while bandHeight > Self.lowestBand, bandHeight * width * 3 > Self.largestBand { bandHeight /= 2 }
        self.bandHeight = bandHeight
    }

    package var path: FilePath { blocks.path }
    package var slide: Slide { blocks.slideFile }
    package var metadata: SlideMetadata { blocks.metadata }
    /// OpenSlide's number of the level being read.
    package var level: Int { blocks.level }

    package var unreadable: [Range<Int>] {
        band.unreadable.filter { $0.y..<$0.bottom ~= nextRow - 1 }.map { $0.x..<$0.right }
    }

    package func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError) {
        checkRequest(rows, count)
        if let failure { throw failure }
        var done = 0
        while done < count {
            if nextRow == band.region.bottom { try readBand() }
            let part = min(count - done, band.region.bottom - nextRow)
            let start = (nextRow - band.region.y) * bytesPerRow
            let source = UnsafeRawBufferPointer(rebasing: band.bytes[start..<start + part * bytesPerRow])
            rows.withUnsafeMutableBytes {
                UnsafeMutableRawBufferPointer(rebasing: $0[(done * bytesPerRow)...]).copyMemory(from: source)
            }
            done += part
            nextRow += part
        }
    }

    private func readBand() throws(FileError) {
        do throws(FileError) {
            let rows = min(bandHeight, height - nextRow)
            try blocks.read(PixelRegion(x: 0, y: nextRow, width: width, height: rows), into: band)
            if case .stops = damage, let problem = band.problem { throw problem }
        } catch {
            failure = error
            throw error
        }
    }
}
