import Foundations
import Glibc

/// The pixels of a rectangle of an image as 8-bit RGB, with marks where pixels are unreadable or missing.
///
/// Memory is kept from one read to the next and grows for a larger rectangle. A block belongs to one thread at a time.
package final class PixelBlock {
    package private(set) var region = PixelRegion(x: 0, y: 0, width: 0, height: 0)
    /// The gray value of pixels that could not be decoded; neither glass nor tissue has it.
    package static let unreadableGray: UInt8 = 0x80

    /// Parts that could not be decoded; their pixels are gray.
    package private(set) var unreadable = [PixelRegion]()
    /// The decoder's error for the first of them.
    package private(set) var problem: FileError?
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
    /// One byte per pixel, 0 where the image has no pixel; empty where it has all.
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

    /// Starts a new rectangle. Its pixels are undefined until they are written.
    package func begin(_ region: PixelRegion) {
        precondition(!region.isEmpty, "a block of no pixels")
        self.region = region
        unreadable = []
        problem = nil
        presence = []
        reserve(region.height * bytesPerRow)
    }

    /// Starts a new rectangle and lets `body` write the bytes of its pixels.
    package func fill(_ region: PixelRegion, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        begin(region)
        body(rows(0, region.height))
    }

    /// Takes the rectangle, pixels and marks of another block in exchange for its own.
    package func exchange(with other: PixelBlock) {
        swap(&region, &other.region)
        swap(&unreadable, &other.unreadable)
        swap(&problem, &other.problem)
        swap(&memory, &other.memory)
        swap(&presence, &other.presence)
    }

    /// Sets a part of the block to premultiplied 0xAARRGGBB pixels over a background. Transparent pixels count as missing.
    package func compose(_ part: PixelRegion, _ pixels: Span<UInt32>, background: UInt32) {
        for row in 0..<part.height {
            let line = pixels.extracting(row * part.width..<(row + 1) * part.width)
            let start = ((part.y - region.y + row) * region.width + part.x - region.x)
            var rgb = UnsafeMutableRawBufferPointer(rebasing: memory[start * 3..<(start + part.width) * 3]).mutableBytes
            composeRGB(&rgb, premultiplied: line, background: background)
            var common = UInt32.max
            for x in line.indices { common &= line[unchecked: x] }
            if common >> 24 == 255 { continue }
            if presence.isEmpty { presence = [UInt8](repeating: 1, count: region.width * region.height) }
            for x in line.indices where line[unchecked: x] >> 24 == 0 { presence[start + x] = 0 }
        }
    }

    /// Marks a part as unreadable and paints it gray.
    package func markUnreadable(_ part: PixelRegion, _ error: FileError) {
        noteUnreadable(part, error)
        for row in part.y - region.y..<part.bottom - region.y {
            let start = (row * region.width + part.x - region.x) * 3
            UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + part.width * 3])
                .initializeMemory(as: UInt8.self, repeating: Self.unreadableGray)
        }
    }

    /// Marks a part as unreadable but keeps its pixels, which were resampled from unreadable ones.
    func noteUnreadable(_ part: PixelRegion, _ error: FileError?) {
        if part.isEmpty { return }
        unreadable.append(part)
        problem = problem ?? error
    }

    /// Whether no pixel of the block is missing.
    var isWhole: Bool { presence.isEmpty }

    /// Prepares for `markOutside`.
    func beginGaps() { presence = [UInt8](repeating: 1, count: region.width * region.height) }

    /// Marks a pixel as missing. Call `beginGaps` first.
    func markOutside(x: Int, y: Int) { presence[(y - region.y) * region.width + x - region.x] = 0 }

    /// Returns whether a part of the image overlaps an unreadable part.
    package func isUnreadable(_ part: PixelRegion) -> Bool { unreadable.contains { $0.intersects(part) } }

    /// Returns whether every pixel of a part of the block is missing.
    package func isOutside(_ part: PixelRegion) -> Bool {
        if presence.isEmpty { return false }
        let part = part.intersection(region)
        for y in part.y - region.y..<part.bottom - region.y {
            let start = y * region.width + part.x - region.x
            if presence[start..<start + part.width].contains(1) { return false }
        }
        return true
    }

    /// Enlarges the block to a rectangle around it by reflection at its edges, without repeating the edge pixels. The
    /// padding counts as missing where the block has missing pixels, and as readable everywhere.
    package func reflect(to larger: PixelRegion) {
        let old = region
        precondition(larger.intersection(old) == old, "\(larger) is not around \(old)")
        if larger == old { return }
        let (left, top) = (old.x - larger.x, old.y - larger.y)
        reserve(larger.height * larger.width * 3)
        func row(_ y: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: memory[y * larger.width * 3..<(y + 1) * larger.width * 3])
        }
        let padding = Array(0..<left) + Array(left + old.width..<larger.width)
        // From the last row on, because rows move to higher addresses.
        for y in (0..<old.height).reversed() {
            let line = row(top + y)
            memmove(line.baseAddress! + 3 * left, memory.baseAddress! + y * old.width * 3, old.width * 3)
            for x in padding {
                let source = 3 * (left + mirrored(x - left, in: old.width))
                for channel in 0..<3 { line[3 * x + channel] = line[source + channel] }
            }
        }
        for y in Array(0..<top) + Array(top + old.height..<larger.height) {
            row(y).copyMemory(from: UnsafeRawBufferPointer(row(top + mirrored(y - top, in: old.height))))
        }
        if !presence.isEmpty {
            let known = presence
            presence = [UInt8](repeating: 0, count: larger.width * larger.height)
            for y in 0..<old.height {
                let start = (top + y) * larger.width + left
                presence.replaceSubrange(start..<start + old.width, with: known[y * old.width..<(y + 1) * old.width])
            }
        }
        region = larger
    }

    /// Grows the memory to `count` bytes, keeping its content.
    private func reserve(_ count: Int) {
        if memory.count >= count { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: count, for: "pixels")
        larger.copyMemory(from: UnsafeRawBufferPointer(memory))
        memory.deallocate()
        memory = larger
    }
}

/// The pixel of 0 ..< count that pixel `index` mirrors when a row is reflected at its ends, without repeating them.
package func mirrored(_ index: Int, in count: Int) -> Int {
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    let place = (index % period + period) % period
    return place < count ? place : period - place
}
