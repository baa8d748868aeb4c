import Foundations
import Glibc

/// A file that stores the probabilities of an image's windows as they are computed, so that an interrupted run can
/// continue.
///
/// It holds what the probabilities depend on, a checksum for each block of windows, and the windows themselves, mapped
/// into memory: what a process has written there survives the process. A block counts as complete if its checksum is
/// there and correct; after a power failure some are not, and are computed again. One process at a time has the file
/// open.
package final class WindowCache {
    /// What the probabilities depend on. A file of another identity is reset.
    package struct Identity: Codable, Equatable, Sendable {
        package var image: String
        package var imageBytes: Int
        /// Modification time of the image, in nanoseconds.
        package var imageTime: Int
        package var model: String
        package var windows: Int
        /// How windows are laid and computed, in words.
        package var layout: String

        /// Throws `unreadable` where the image does not exist.
        package init(image: FilePath, model: String, windows: Int, layout: String) throws(FileError) {
            let file = try FileState(image)
            (self.image, imageBytes, imageTime) = (file.name, file.bytes, file.time)
            (self.model, self.windows, self.layout) = (model, windows, layout)
        }
    }

    private static let page = 4096
    private static let magic = "nuclei-windows-1"

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
    private let checksums: UnsafeMutableRawBufferPointer

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
        let header = Array("\(Self.magic) \(blocks) blocks \(text)\n".utf8)
        let checksumOffset = Self.wholePages(header.count)
        let checksumBytes = Self.checksumBytes(blocks)
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
        let mapping = mmap(
            nil, checksumBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, off_t(checksumOffset))
        guard let mapping, mapping != MAP_FAILED else { throw .unwritable(path) }
        do throws(FileError) {
            store = try WindowStore(
                count: identity.windows, descriptor: file.rawValue, offset: checksumOffset + checksumBytes, path: path)
        } catch {
            munmap(mapping, checksumBytes)
            throw error
        }
        (self.path, self.blocks, self.byteCount, self.file) = (path, blocks, byteCount, file)
        checksums = UnsafeMutableRawBufferPointer(start: mapping, count: checksumBytes)
        isOwned = true
    }

    deinit {
        munmap(checksums.baseAddress, checksums.count)
        // Windows that are still in use map the file, and a mapping would keep the lock.
        flock(file.rawValue, LOCK_UN)
        try? file.close()
    }

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

    /// Resets the windows of all blocks that are not complete; `windows` lists those of a block.
    func keepCompleteBlocks(_ windows: (Int) -> [Int]) {
        for block in 0..<blocks {
            let list = windows(block)
            if checksum(of: block) != 0, checksum(of: block) == sum(list) {
                completeBlocks += 1
                continue
            }
            setChecksum(of: block, 0)
            for window in list where store.state(window) != .pending { store.setState(window, .pending) }
        }
        blocksFound = completeBlocks
    }

    /// Marks a block as complete.
    func complete(_ block: Int, _ windows: [Int]) {
        setChecksum(of: block, sum(windows))
        completeBlocks += 1
    }

    /// Removes the file. Its windows stay readable as long as this object lives.
    package func remove() { unlink(path.string) }

    private func checksum(of block: Int) -> UInt64 {
        checksums.load(fromByteOffset: block * MemoryLayout<UInt64>.stride, as: UInt64.self)
    }

    private func setChecksum(of block: Int, _ value: UInt64) {
        checksums.storeBytes(of: value, toByteOffset: block * MemoryLayout<UInt64>.stride, as: UInt64.self)
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
