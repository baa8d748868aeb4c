import Foundations
import Glibc
import Imaging

/// The memory of all tiles. Sendable because each thread writes its own tiles only, before any tile is read.
final class TilePixels: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer

    /// Hashes of a tile, see `Tile`.
    struct Hashes {
        let fingerprint: UInt64
        let appearance: PerceptualHash?
    }

    /// Work on tiles takes memory for each tile too: reduced images of an exploration, and the copies of a blur.
    private static let largestShare = 0.8

    /// Throws `MemoryError` where the tiles of the data set `path` do not fit in memory.
    init(count: Int, path: FilePath) throws(MemoryError) {
        let byteCount = max(1, count * TileSet.tileBytes)
        let available = AvailableMemory.bytes()
        var pointer: UnsafeMutableRawPointer?
        guard Double(byteCount) <= Double(available ?? .max) * Self.largestShare,
            posix_memalign(&pointer, 64, byteCount) == 0, let pointer
        else { throw MemoryError(path, tiles: count, bytes: byteCount, available: available) }
        memory = UnsafeMutableRawBufferPointer(start: pointer, count: byteCount)
    }

    deinit { free(memory.baseAddress) }

    /// Decodes a tile into its place.
    func decode(_ path: FilePath, into index: Int) throws(FileError) -> Hashes {
        let image = try openImage(path)
        guard image.width == TileSet.tileSize, image.height == TileSet.tileSize else {
            throw FileError(
                path, expected: "\(TileSet.tileSize) x \(TileSet.tileSize) pixels",
                found: "\(image.width) x \(image.height)")
        }
        let place = UnsafeMutableRawBufferPointer(
            rebasing: memory[index * TileSet.tileBytes..<(index + 1) * TileSet.tileBytes])
        try image.readRows(into: place, count: image.height)
        let fingerprint = place.bindMemory(to: UInt64.self).reduce(UInt64(0)) { hash, word in
            // The finalizer of MurmurHash3 (Appleby): every bit of a word affects every bit of the hash.
            var z = (hash ^ word) &* 0xFF51_AFD7_ED55_8CCD
            z ^= z >> 33
            return z &* 0xC4CE_B9FE_1A85_EC53 ^ (z >> 29)
        }
        return Hashes(fingerprint: fingerprint, appearance: PerceptualHash(tile: UnsafeRawBufferPointer(place)))
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
