import Files

/// One level of a slide's pyramid; level 0 is the full resolution.
package struct SlideLevel: Equatable, Sendable {
    /// Pixels of this level.
    package let width: Int
    package let height: Int
    /// Level-0 pixels a pixel of this level.
    package let downsample: Double
}

/// What a slide says about itself.
package struct SlideMetadata: Sendable {
    /// OpenSlide's name for the format, such as "aperio".
    package let vendor: String
    package let levels: [SlideLevel]
    /// Microns per level-0 pixel; nil when the slide does not say.
    package let micronsPerPixel: (x: Double, y: Double)?
    /// 0xRRGGBB: what lies where the slide has no pixels.
    package let background: UInt32
}

/// Rows of one level of a whole slide image, composed over the slide's background colour.
///
/// The slide is decoded in bands as high as its tiles (some tiles' height where tiles are flat) and aligned to them,
/// so that a sequential read decodes no tile twice and holds one band.
///
/// OpenSlide addresses every level in whole level-0 pixels: where a downsample is not a whole number, bands and blocks
/// of columns of a lower level may lie off by up to half a level-0 pixel.
package final class SlideReader: RowReader {
    package let path: String
    package let metadata: SlideMetadata
    /// Index of the level being read.
    package let level: Int
    package let width: Int
    package let height: Int
    package private(set) var nextRow = 0

    /// Bytes. Far more than slides need: a million columns of 1024 rows.
    private static let largestBand = 3 << 30

    private let slide: OpenSlideHandle
    private let bandHeight: Int
    private let blockWidth: Int
    /// RGB rows from `bandTop` on.
    private let band: UnsafeMutableRawBufferPointer
    private var bandTop = 0
    private var bandRows = 0
    private let block: UnsafeMutableBufferPointer<UInt32>
    private var failure: FileError?

    /// Opens a slide at `level`. Throws `unreadable` or `malformed`; also when there is no such level.
    package init(_ path: String, level: Int = 0) throws(FileError) {
        self.path = path
        self.level = level
        slide = try OpenSlideHandle(path)
        metadata = try SlideMetadata(slide)
        try metadata.requireLevel(level, path)
        width = metadata.levels[level].width
        height = metadata.levels[level].height
        let tile = slide.tileSize(level: level)
        bandHeight = min(height, tile.height * max(1, 128 / tile.height))
        blockWidth = min(width, tile.width * max(1, 4096 / tile.width))
        guard width <= Self.largestBand / (3 * bandHeight) else {
            throw FileError(
                path, expected: "a level \(level) whose bands of \(bandHeight) rows fit in memory",
                found: "\(width) x \(height) px")
        }
        band = .allocate(byteCount: bandHeight * width * 3, alignment: 16)
        block = .allocate(capacity: bandHeight * blockWidth)
    }

    deinit {
        band.deallocate()
        block.deallocate()
    }

    package func readRows(into buffer: UnsafeMutableRawBufferPointer, count: Int) throws(FileError) {
        checkRequest(buffer, count)
        var done = 0
        while done < count {
            if nextRow == bandTop + bandRows { try readBand() }
            let rows = min(count - done, bandTop + bandRows - nextRow)
            let start = (nextRow - bandTop) * bytesPerRow
            UnsafeMutableRawBufferPointer(rebasing: buffer[(done * bytesPerRow)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: band[start..<start + rows * bytesPerRow]))
            done += rows
            nextRow += rows
        }
    }

    private func readBand() throws(FileError) {
        if let failure { throw failure }
        let top = bandTop + bandRows
        let rows = min(bandHeight, height - top)
        for left in stride(from: 0, to: width, by: blockWidth) {
            let columns = min(blockWidth, width - left)
            do {
                try slide.readRegion(
                    into: block, level: level, downsample: metadata.levels[level].downsample, x: left, y: top,
                    width: columns, height: rows)
            } catch {
                failure = error
                throw error
            }
            for row in 0..<rows {
                let start = (row * width + left) * 3
                composeRGB(
                    UnsafeMutableRawBufferPointer(rebasing: band[start..<start + 3 * columns]),
                    premultiplied: UnsafeBufferPointer(rebasing: block[row * columns..<(row + 1) * columns]),
                    background: metadata.background)
            }
        }
        bandTop = top
        bandRows = rows
    }
}

/// rgb = premultiplied + background * (1 - alpha). Pixels are 0xAARRGGBB, the background 0xRRGGBB.
package func composeRGB(
    _ rgb: UnsafeMutableRawBufferPointer, premultiplied: UnsafeBufferPointer<UInt32>, background: UInt32
) {
    precondition(rgb.count == 3 * premultiplied.count)
    guard let output = rgb.baseAddress else { return }
    for i in 0..<premultiplied.count {
        var pixel = premultiplied[i]
        let rest = 255 - pixel >> 24
        if rest != 0 {
            var composed: UInt32 = 0
            for shift: UInt32 in [16, 8, 0] {
                let below = (background >> shift & 0xFF) * rest
                composed |= min(255, pixel >> shift & 0xFF + (below + 127) / 255) << shift
            }
            pixel = composed
        }
        output.storeBytes(of: UInt8(truncatingIfNeeded: pixel >> 16), toByteOffset: 3 * i, as: UInt8.self)
        output.storeBytes(of: UInt8(truncatingIfNeeded: pixel >> 8), toByteOffset: 3 * i + 1, as: UInt8.self)
        output.storeBytes(of: UInt8(truncatingIfNeeded: pixel), toByteOffset: 3 * i + 2, as: UInt8.self)
    }
}
