import Foundations

/// The pixels of a rectangle of an image as 8-bit RGB, and which of them the image does not have.
///
/// Memory is kept from one reading to the next, and grows when a rectangle asks for more. Belongs to one thread at a
/// time.
package final class PixelBlock {
    package private(set) var region = PixelRegion(x: 0, y: 0, width: 0, height: 0)
    /// Of what could not be decoded: neither glass nor tissue.
    package static let unreadableGrey: UInt8 = 0x80

    /// What could not be decoded; its pixels are grey.
    package private(set) var unreadable = [PixelRegion]()
    /// What the decoder said of the first of them.
    package private(set) var problem: FileError?
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
    /// One byte for each pixel, 0 where the image has nothing; empty where it has all.
    private var presence = [UInt8]()

    package init() {}

    deinit { memory.deallocate() }

    package var bytesPerRow: Int { region.width * 3 }

    /// Rows without padding between them.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[..<(region.height * bytesPerRow)])
    }

    /// Rows `first ..< first + count` of the block.
    func rows(_ first: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[first * bytesPerRow..<(first + count) * bytesPerRow])
    }

    /// Starts on another rectangle. Its pixels are undefined until they are written.
    package func begin(_ region: PixelRegion) {
        precondition(!region.isEmpty, "a block of no pixels")
        self.region = region
        unreadable = []
        problem = nil
        presence = []
        reserve(region.height * bytesPerRow)
    }

    /// Takes premultiplied 0xAARRGGBB pixels of a part of the block, and where they are clear.
    package func compose(_ part: PixelRegion, _ pixels: UnsafeBufferPointer<UInt32>, background: UInt32) {
        for row in 0..<part.height {
            let line = UnsafeBufferPointer(rebasing: pixels[row * part.width..<(row + 1) * part.width])
            let start = ((part.y - region.y + row) * region.width + part.x - region.x)
            composeRGB(
                UnsafeMutableRawBufferPointer(rebasing: memory[start * 3..<(start + part.width) * 3]),
                premultiplied: line, background: background)
            var common = UInt32.max
            for pixel in line { common &= pixel }
            if common >> 24 == 255 { continue }
            if presence.isEmpty { presence = [UInt8](repeating: 1, count: region.width * region.height) }
            for (x, pixel) in line.enumerated() where pixel >> 24 == 0 { presence[start + x] = 0 }
        }
    }

    /// Marks a part that could not be decoded, and paints it.
    package func markUnreadable(_ part: PixelRegion, _ error: FileError) {
        noteUnreadable(part, error)
        for row in part.y - region.y..<part.bottom - region.y {
            let start = (row * region.width + part.x - region.x) * 3
            UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + part.width * 3])
                .initializeMemory(as: UInt8.self, repeating: Self.unreadableGrey)
        }
    }

    /// Notes a part whose pixels are made of such that could not be decoded.
    func noteUnreadable(_ part: PixelRegion, _ error: FileError?) {
        if part.isEmpty { return }
        unreadable.append(part)
        problem = problem ?? error
    }

    /// Whether the image has every pixel of the block.
    var isWhole: Bool { presence.isEmpty }

    /// Makes room for pixels that the image does not have; all are there at first.
    func beginGaps() { presence = [UInt8](repeating: 1, count: region.width * region.height) }

    /// After `beginGaps`.
    func markOutside(x: Int, y: Int) { presence[(y - region.y) * region.width + x - region.x] = 0 }

    /// Whether a part of the image touches what could not be decoded.
    package func isUnreadable(_ part: PixelRegion) -> Bool { unreadable.contains { $0.intersects(part) } }

    /// Whether the image has no pixel in a part of it.
    package func isOutside(_ part: PixelRegion) -> Bool {
        if presence.isEmpty { return false }
        let part = part.intersection(region)
        for y in part.y - region.y..<part.bottom - region.y {
            let start = y * region.width + part.x - region.x
            if presence[start..<start + part.width].contains(1) { return false }
        }
        return true
    }

    /// Enlarges the block to the right and downwards by reflection at its edges, which are not repeated. What is
    /// unreadable or outside stays as it was: asked for parts of the padding, nothing is.
    package func reflect(width: Int, height: Int) {
        let (oldWidth, oldHeight) = (region.width, region.height)
        precondition(width >= oldWidth && height >= oldHeight)
        if (width, height) == (oldWidth, oldHeight) { return }
        reserve(height * width * 3)
        // From the end, because new rows lie further on than old ones.
        for y in (0..<oldHeight).reversed() {
            UnsafeMutableRawBufferPointer(rebasing: memory[y * width * 3..<(y * width + oldWidth) * 3])
                .copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: memory[y * oldWidth * 3..<(y + 1) * oldWidth * 3]))
            for x in oldWidth..<width {
                let from = (y * width + Self.reflect(x, oldWidth)) * 3
                for channel in 0..<3 { memory[(y * width + x) * 3 + channel] = memory[from + channel] }
            }
        }
        for y in oldHeight..<height {
            let from = Self.reflect(y, oldHeight) * width * 3
            UnsafeMutableRawBufferPointer(rebasing: memory[y * width * 3..<(y + 1) * width * 3])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[from..<from + width * 3]))
        }
        if !presence.isEmpty {
            let old = presence
            presence = [UInt8](repeating: 0, count: width * height)
            for y in 0..<oldHeight {
                presence.replaceSubrange(
                    y * width..<y * width + oldWidth, with: old[y * oldWidth..<(y + 1) * oldWidth])
            }
        }
        region.width = width
        region.height = height
    }

    /// The pixel of 0 ..< count that stands for pixel `index` when a row is mirrored at its ends.
    private static func reflect(_ index: Int, _ count: Int) -> Int {
        guard count > 1 else { return 0 }
        let period = 2 * (count - 1)
        let place = index % period
        return place < count ? place : period - place
    }

    /// Memory for as many bytes; what is there is kept.
    private func reserve(_ count: Int) {
        if memory.count >= count { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        larger.copyMemory(from: UnsafeRawBufferPointer(memory))
        memory.deallocate()
        memory = larger
    }
}
