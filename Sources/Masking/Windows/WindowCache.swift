import Foundations
import Glibc
import Imaging

/// A file that stores the probabilities of an image's windows as they are computed, so that an interrupted run can
/// continue.
///
/// It holds what the probabilities depend on, a checksum for each block of windows, and the windows themselves. A block is
/// written when it is complete; what a process has written survives the process. A block is read again if its checksum is
/// there and correct; after a power failure, or where another program changed the file, some are not, and are computed
/// again. One process at a time has the file open.
package final class WindowCache {
    /// What the probabilities depend on. A file of another identity is reset.
    package struct Identity: Codable, Equatable, Sendable {
        package var image: ImageState
        package var model: String
        package var windows: Int
        /// How windows are laid and computed, in words.
        package var layout: String

        package init(image: ImageState, model: String, windows: Int, layout: String) {
            (self.image, self.model, self.windows, self.layout) = (image, model, windows, layout)
        }
    }

    private static let page = 4096
    private static let magic = "nuclei-windows-"
    private static let version = "2"

    package let path: FilePath
    package let store: WindowStore
    /// Size of the file, all of it reserved on disk.
    package let byteCount: Int
    package let blocks: Int
    /// Blocks that are complete, and those that were complete when the file was opened.
    package private(set) var completeBlocks = 0
    package private(set) var blocksFound = 0
    /// Whether the file held the windows of another identity.
    package let wasReset: Bool
    private let file: FileDescriptor
    /// Offsets in the file.
    private let checksumOffset: Int
    private let windowOffset: Int

    /// Size of a cache in bytes, if its identity fits in a page.
    package static func byteCount(windows: Int, blocks: Int) -> Int {
        byteCount(header: page, windows: windows, blocks: blocks)
    }

    private static func byteCount(header: Int, windows: Int, blocks: Int) -> Int {
        wholePages(header) + checksumBytes(blocks) + wholePages(max(1, WindowStore.byteCount(windows)))
    }

    private static func checksumBytes(_ blocks: Int) -> Int { wholePages(max(1, blocks) * MemoryLayout<UInt64>.stride) }

    private static func wholePages(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }

    /// Opens the file of the same identity and number of blocks, or starts a new one. Throws `unwritable` where the disk
    /// is full, another process has the file open, or it is not a window cache.
    package init(_ path: FilePath, _ identity: Identity, blocks: Int) throws(FileError) {
        let text = (try? JSON.text(identity)) ?? ""
        let header = Array("\(Self.magic)\(Self.version) \(blocks) blocks \(text)\n".utf8)
        let byteCount = Self.byteCount(header: header.count, windows: identity.windows, blocks: blocks)
        let file = try FileError.writing(path) {
            try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
        }
        var isOwned = false
        defer { if !isOwned { try? file.close() } }
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            throw FileError(path, .unwritable, "expected a file that is not in use, found it locked by another process")
        }
        wasReset = try Self.prepare(file, path, header: header, byteCount: byteCount)
        (self.path, self.blocks, self.byteCount, self.file) = (path, blocks, byteCount, file)
        store = WindowStore(count: identity.windows)
        checksumOffset = Self.wholePages(header.count)
        windowOffset = checksumOffset + Self.checksumBytes(blocks)
        isOwned = true
    }

    deinit { try? file.close() }

    /// Makes the file have a header and a size, emptied unless it has both. Returns whether other content was dropped.
    private static func prepare(
        _ file: FileDescriptor, _ path: FilePath, header: [UInt8], byteCount: Int
    ) throws(FileError) -> Bool {
        try FileError.writing(path) {
            var found = [UInt8](repeating: 0, count: header.count)
            let count = try found.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
            let size = try file.seek(offset: 0, from: .end)
            if count == found.count, found == header, size == Int64(byteCount) { return false }
            // Space that was reserved just before a power failure reads as zeros.
            guard size == 0 || found.starts(with: magic.utf8) || found.allSatisfy({ $0 == 0 }) else {
                throw FileError(path, .unwritable, "expected a window cache, found another file")
            }
            try file.resize(to: 0)
            let status = posix_fallocate(file.rawValue, 0, off_t(byteCount))
            guard status == 0 else {
                unlink(path.string)
                throw FileError(
                    path, .unwritable,
                    "expected space for \(byteCount) bytes, found too little (\(Errno(rawValue: status)))")
            }
            try file.writeAll(toAbsoluteOffset: 0, header)
            return size > 0
        }
    }

    /// Reads the windows of all complete blocks; `windows` lists those of a block in ascending order. Throws `unreadable`.
    func readCompleteBlocks(_ windows: (Int) -> [Int]) throws(FileError) {
        var checksums = [UInt64](repeating: 0, count: blocks)
        try FileError.reading(path) {
            try checksums.withUnsafeMutableBytes { try read($0, at: checksumOffset) }
            for block in 0..<blocks where checksums[block] != 0 {
                let list = windows(block)
                for part in parts(of: list) { try read(part.bytes, at: part.offset) }
                if checksums[block] == sum(list) {
                    completeBlocks += 1
                } else {
                    for window in list { store.setState(window, .pending) }
                }
            }
        }
        blocksFound = completeBlocks
    }

    /// Writes the windows of a block, in ascending order, as complete. Throws `unwritable`.
    func complete(_ block: Int, _ windows: [Int]) throws(FileError) {
        try FileError.writing(path) {
            for part in parts(of: windows) {
                try file.writeAll(toAbsoluteOffset: Int64(part.offset), UnsafeRawBufferPointer(part.bytes))
            }
            try withUnsafeBytes(of: sum(windows)) { checksum in
                let offset = checksumOffset + block * MemoryLayout<UInt64>.stride
                _ = try file.writeAll(toAbsoluteOffset: Int64(offset), checksum)
            }
        }
        completeBlocks += 1
    }

    /// Removes the file. Its windows stay readable as long as this object lives.
    package func remove() { unlink(path.string) }

    /// The memory of some windows in ascending order, and its place in the file.
    private func parts(of windows: [Int]) -> [(bytes: UnsafeMutableRawBufferPointer, offset: Int)] {
        var runs = [Range<Int>]()
        for window in windows { runs.appendPixels(window..<window + 1) }
        let states = windowOffset + store.count * MemoryLayout<Float>.stride
        return runs.flatMap { run in
            let bytes = store.bytes(of: run)
            return [
                (bytes.probabilities, windowOffset + run.lowerBound * MemoryLayout<Float>.stride),
                (bytes.states, states + run.lowerBound),
            ]
        }
    }

    /// Reads bytes of the file. Those beyond its end, where another program cut it short, stay as they are.
    private func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < bytes.count {
            let count = try file.read(
                fromAbsoluteOffset: Int64(offset + done), into: UnsafeMutableRawBufferPointer(rebasing: bytes[done...]))
            if count == 0 { return }
            done += count
        }
    }

    /// Hash of the windows' probabilities and states; never 0, which stands for no checksum.
    private func sum(_ windows: [Int]) -> UInt64 {
        var hash = FNV1a()
        for window in windows {
            hash.add(UInt64(store.probability(window).bitPattern) << 8 | UInt64(store.state(window).rawValue))
        }
        return hash.value == 0 ? 1 : hash.value
    }
}
