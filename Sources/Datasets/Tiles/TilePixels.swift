import Foundations
import Glibc

/// The memory of all tiles: their pixels, then the class maps of those with outlines. Sendable because each thread
/// writes its own tiles only, before any tile is read.
final class TilePixels: @unchecked Sendable {
    /// Interleaved RGB of all tiles.
    let pixels: UnsafeMutableRawBufferPointer
    private let maps: UnsafeMutableRawBufferPointer
    private let memory: UnsafeMutableRawBufferPointer
    private let target: TileTarget

    /// Work on tiles takes memory for each tile too: reduced images of an exploration, and the copies of a blur.
    private static let largestShare = 0.8

    /// Throws `MemoryError` where the tiles of the data set `path` do not fit in memory.
    init(tiles: Int, maps: Int, _ target: TileTarget, path: FilePath) throws(MemoryError) {
        let (pixelBytes, mapBytes) = (tiles * target.tileBytes, maps * target.mapBytes)
        let byteCount = max(1, pixelBytes + mapBytes)
        let available = AvailableMemory.bytes()
        var pointer: UnsafeMutableRawPointer?
        guard Double(byteCount) <= Double(available ?? .max) * Self.largestShare,
            posix_memalign(&pointer, 64, byteCount) == 0, let pointer
        else { throw MemoryError(path, tiles: tiles, bytes: byteCount, available: available) }
        memory = UnsafeMutableRawBufferPointer(start: pointer, count: byteCount)
        pixels = UnsafeMutableRawBufferPointer(rebasing: memory[..<pixelBytes])
        self.maps = UnsafeMutableRawBufferPointer(rebasing: memory[pixelBytes..<pixelBytes + mapBytes])
        self.target = target
    }

    deinit { free(memory.baseAddress) }

    /// The pixels of a tile.
    func tile(_ index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: pixels[index * target.tileBytes..<(index + 1) * target.tileBytes])
    }

    /// A class map, by its own number.
    func map(_ index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: maps[index * target.mapBytes..<(index + 1) * target.mapBytes])
    }
}

/// A data set that does not fit in memory.
package struct MemoryError: Error, CustomStringConvertible {
    package let description: String

    fileprivate init(_ path: FilePath, tiles: Int, bytes: Int, available: Int?) {
        func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
        let found = available.map { "\(mebibytes($0)) available" } ?? "less"
        description =
            "\(path): expected memory for \(tiles) tiles, which take \(mebibytes(bytes)) and a quarter more to work on, "
            + "found \(found); use fewer tiles or raise the limit"
    }
}
