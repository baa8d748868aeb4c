import Foundations
import Imaging

/// A file that stores the nuclei of the blocks of an image as they are found, so that an interrupted run can continue and
/// outputs can be written in any order without all nuclei in memory.
///
/// Blocks are appended when they are complete, each with a checksum. A block is found again if its checksum is correct;
/// after a power failure, or where another program changed the file, some are not, and are computed again. Blocks with
/// unreadable parts are not found again either: another attempt may succeed. One process at a time has the file open, and
/// one thread at a time uses the store.
package final class NucleusStore: MaskCache {
    /// Everything that the nuclei depend on. A file of another identity is reset.
    package struct Identity: Codable, Equatable, Sendable {
        package var image: ImageState
        package var model: String
        package var blocks: Int
        /// How blocks are laid and computed, in words.
        package var layout: String

        package init(image: ImageState, model: String, blocks: Int, layout: String) {
            (self.image, self.model, self.blocks, self.layout) = (image, model, blocks, layout)
        }
    }

    /// Header of the bytes of a block.
    private struct Header {
        static let byteCount = 4 * MemoryLayout<UInt64>.stride

        let block: Int
        let byteCount: Int
        let isPartial: Bool
        let checksum: UInt64

        init(block: Int, byteCount: Int, isPartial: Bool, checksum: UInt64) {
            (self.block, self.byteCount, self.isPartial, self.checksum) = (block, byteCount, isPartial, checksum)
        }

        /// Nil where the words are not those of a header.
        init?(_ words: [UInt64], blocks: Int) {
            guard words[0] >> 1 < blocks, words[1] <= Int.max / 2, words[3] == Self.sum(words[..<3]) else { return nil }
            self.init(
                block: Int(words[0] >> 1), byteCount: Int(words[1]), isPartial: words[0] & 1 == 1, checksum: words[2])
        }

        var words: [UInt64] {
            let words = [UInt64(block) << 1 | (isPartial ? 1 : 0), UInt64(byteCount), checksum]
            return words + [Self.sum(words[...])]
        }

        /// Never 0, as in space that was reserved but not written.
        private static func sum(_ words: ArraySlice<UInt64>) -> UInt64 {
            var hash = FNV1a()
            for word in words { hash.add(word) }
            return hash.value == 0 ? 1 : hash.value
        }
    }

    package let blocks: Int
    /// Blocks that are complete, and those that were complete when the file was opened.
    package private(set) var completeBlocks = 0
    package let blocksFound: Int
    private let file: CacheFile
    /// Where the bytes of each block are; nil for those that are pending.
    private var places: [(offset: Int, header: Header)?]
    private var end: Int

    package var path: FilePath { file.path }
    /// Whether the file held the nuclei of another identity.
    package var wasReset: Bool { file.wasReset }
    /// Size of the file.
    package var byteCount: Int { end }

    /// Opens the file of the same identity, or starts a new one. Throws `unreadable`, `unwritable` where the disk is full
    /// or the file is not a cache, and `busy` where another process has it open.
    package init(_ path: FilePath, _ identity: Identity) throws(FileError) {
        blocks = identity.blocks
        file = try CacheFile(path, .nuclei, version: 4, header: (try? JSON.text(identity)) ?? "")
        (places, end) = try Self.read(file, blocks: blocks)
        completeBlocks = places.count { $0 != nil }
        blocksFound = completeBlocks
        // Bytes of a block that was being written.
        try file.truncate(to: end)
    }

    /// Finds the blocks of a file, and the end of the last one that was written completely.
    private static func read(
        _ file: CacheFile, blocks: Int
    ) throws(FileError) -> (places: [(offset: Int, header: Header)?], end: Int) {
        var places = [(offset: Int, header: Header)?](repeating: nil, count: blocks)
        let size = try file.byteCount
        var end = file.start
        while end + Header.byteCount <= size {
            let words = try file.read(4, of: UInt64.self, at: end)
            let offset = end + Header.byteCount
            guard let header = Header(words, blocks: blocks), header.byteCount <= size - offset else { break }
            if !header.isPartial, try bytes(file, offset, header) != nil { places[header.block] = (offset, header) }
            end = offset + header.byteCount
        }
        return (places, end)
    }

    /// The bytes of a block; nil where they are damaged.
    private static func bytes(_ file: CacheFile, _ offset: Int, _ header: Header) throws(FileError) -> [UInt8]? {
        let bytes = try file.read(header.byteCount, of: UInt8.self, at: offset)
        return checksum(bytes) == header.checksum ? bytes : nil
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt64 {
        var hash = FNV1a()
        bytes.withUnsafeBytes { bytes in
            let words = bytes.count / 8
            for word in 0..<words { hash.add(bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)) }
            for byte in bytes[(8 * words)...] { hash.add(UInt64(byte)) }
        }
        return hash.value
    }

    /// Whether a block was written, in this run or before.
    package func contains(_ block: Int) -> Bool { places[block] != nil }

    /// Writes a block, once. Throws `unwritable`.
    package func append(_ content: NucleusBlock, as block: Int) throws(FileError) {
        precondition(places[block] == nil, "block \(block) is written twice")
        let bytes = content.bytes
        let header = Header(
            block: block, byteCount: bytes.count, isPartial: !content.unreadable.isEmpty,
            checksum: Self.checksum(bytes))
        try file.write(header.words, at: end)
        try file.write(bytes, at: end + Header.byteCount)
        places[block] = (end + Header.byteCount, header)
        end += Header.byteCount + bytes.count
        if !header.isPartial { completeBlocks += 1 }
    }

    /// Reads a block that was written. Throws `unreadable`, and `malformed` where it is damaged: the next run computes it
    /// again.
    package func block(_ index: Int) throws(FileError) -> NucleusBlock {
        guard let (offset, header) = places[index] else { preconditionFailure("block \(index) was not written") }
        guard let bytes = try Self.bytes(file, offset, header), let block = NucleusBlock(bytes: bytes) else {
            throw FileError(file.path, expected: "the nuclei of block \(index) as they were written", found: "others")
        }
        return block
    }

    /// Removes the file. It stays readable as long as this object lives.
    package func remove() { file.remove() }
}
