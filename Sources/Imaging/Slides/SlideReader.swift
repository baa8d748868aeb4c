import Foundations

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

/// What becomes of places of a slide that cannot be decoded, also when it has been opened again.
package enum Damage: Sendable {
    /// Reading ends there, with an error.
    case stops
    /// They are grey, and the reader tells which they are.
    case painted
}

/// Rows of one level of a whole slide image, composed over the slide's background colour.
///
/// The slide is decoded in bands as high as its tiles (some tiles' height where tiles are flat) and aligned to them,
/// so that a sequential read decodes no tile twice and holds one band. Where such a band would take more than 160 MB,
/// bands are lower, and tiles are decoded several times.
///
/// OpenSlide addresses every level in whole level-0 pixels: where a downsample is not a whole number, bands and blocks
/// of columns of a lower level may lie off by up to half a level-0 pixel.
package final class SlideReader: RowReader {
    package let width: Int
    package let height: Int
    package private(set) var nextRow = 0

    /// Bytes.
    private static let largestBand = 160 << 20
    private static let lowestBand = 16

    private let slide: SlideBlockReader
    private let damage: Damage
    private let bandHeight: Int
    /// The rows from `band.region.y` on; empty before the first.
    private let band = PixelBlock()
    private var failure: FileError?

    /// Opens a slide at `level`. Throws `unreadable` or `malformed`; also when there is no such level.
    package init(_ path: FilePath, level: Int = 0, damage: Damage = .stops) throws(FileError) {
        slide = try SlideBlockReader(path, level: level)
        self.damage = damage
        width = slide.width
        height = slide.height
        guard width <= Self.largestBand / (3 * Self.lowestBand) else {
            throw FileError(
                path, expected: "a level \(level) whose bands of \(Self.lowestBand) rows fit in memory",
                found: "\(width) x \(height) px")
        }
        var bandHeight = slide.bandHeight
        while bandHeight > Self.lowestBand, bandHeight * width * 3 > Self.largestBand { bandHeight /= 2 }
        self.bandHeight = bandHeight
    }

    package var path: FilePath { slide.path }
    package var metadata: SlideMetadata { slide.metadata }
    /// Index of the level being read.
    package var level: Int { slide.level }

    package var unreadable: [Range<Int>] {
        band.unreadable.filter { $0.y..<$0.bottom ~= nextRow - 1 }.map { $0.x..<$0.right }
    }

    package func readRows(into buffer: UnsafeMutableRawBufferPointer, count: Int) throws(FileError) {
        checkRequest(buffer, count)
        if let failure { throw failure }
        var done = 0
        while done < count {
            if nextRow == band.region.bottom { try readBand() }
            let rows = min(count - done, band.region.bottom - nextRow)
            let start = (nextRow - band.region.y) * bytesPerRow
            UnsafeMutableRawBufferPointer(rebasing: buffer[(done * bytesPerRow)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: band.bytes[start..<start + rows * bytesPerRow]))
            done += rows
            nextRow += rows
        }
    }

    private func readBand() throws(FileError) {
        do throws(FileError) {
            let rows = min(bandHeight, height - nextRow)
            try slide.read(PixelRegion(x: 0, y: nextRow, width: width, height: rows), into: band)
            if case .stops = damage, let problem = band.problem { throw problem }
        } catch {
            failure = error
            throw error
        }
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
