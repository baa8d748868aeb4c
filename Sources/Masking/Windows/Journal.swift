import Foundations
import Foundation

/// A file that remembers the windows of an image as they are done, so that a run that was stopped in any way goes on from
/// there.
///
/// It holds what the windows' values depend on, a checksum for each block of windows, and the windows themselves, mapped
/// into memory: what a process has written there outlives it. A block counts once its checksum is there and is right; after
/// a power cut some may not be, and are computed again. One process at a time has the file.
package final class Journal {
    /// What the values depend on: for another identity the file begins anew.
    package struct Identity: Codable, Equatable, Sendable {
        package var image: String
        package var imageBytes: Int
        /// Of the last change of the image, in nanoseconds.
        package var imageTime: Int
        package var model: String
        package var windows: Int
        /// How windows are laid and computed, in words.
        package var layout: String

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
    /// Bytes of the file, all of them reserved.
    package let byteCount: Int
    private let descriptor: Int32
    package let blocks: Int
    private let checksums: UnsafeMutableRawPointer
    private let checksumBytes: Int
    /// Blocks that are complete, and those that were at the beginning.
    package private(set) var completeBlocks = 0
    package private(set) var blocksFound = 0
    /// Whether the file held the windows of another identity.
    package let beganAnew: Bool

    /// Bytes that a journal takes, about: those of a short identity.
    package static func byteCount(windows: Int, blocks: Int) -> Int {
        byteCount(header: page, windows: windows, blocks: blocks)
    }

    private static func byteCount(header: Int, windows: Int, blocks: Int) -> Int {
        pages(header) + checksumBytes(blocks) + pages(max(1, WindowStore.byteCount(windows)))
    }

    private static func checksumBytes(_ blocks: Int) -> Int { pages(max(1, blocks) * MemoryLayout<UInt64>.stride) }

    /// Bytes of whole pages.
    private static func pages(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }

    /// Opens what is there of the same identity and number of blocks, or begins anew. Throws `unwritable` when there is
    /// no room, another process has it, or the file is none of ours.
    package init(_ path: FilePath, _ identity: Identity, blocks: Int) throws(FileError) {
        func unwritable(_ error: Int32 = errno) -> FileError {
            FileError(path, .unwritable, "cannot be written (\(String(cString: strerror(error))))")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = (try? encoder.encode(identity)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let header = Array("\(Self.magic) \(blocks) blocks \(text)\n".utf8)
        let headerBytes = Self.pages(header.count)
        let checksumBytes = Self.checksumBytes(blocks)
        let storeOffset = headerBytes + checksumBytes
        let byteCount = Self.byteCount(header: header.count, windows: identity.windows, blocks: blocks)
        let descriptor = open(path.string, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw unwritable() }
        var isHeld = true
        defer { if isHeld { close(descriptor) } }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw FileError(path, .unwritable, "expected a file that nobody works on, found another process there")
        }
        var found = [UInt8](repeating: 0, count: header.count)
        let isSame =
            pread(descriptor, &found, found.count, 0) == found.count && found == header
            && lseek(descriptor, 0, SEEK_END) == off_t(byteCount)
        beganAnew = !isSame && lseek(descriptor, 0, SEEK_END) > 0
        if !isSame {
            // Room that was reserved just before a power cut reads as zeros.
            guard !beganAnew || found.starts(with: Self.magic.utf8) || found.allSatisfy({ $0 == 0 }) else {
                throw FileError(path, .unwritable, "expected probabilities of windows, found another file")
            }
            guard ftruncate(descriptor, 0) == 0 else { throw unwritable() }
            let status = posix_fallocate(descriptor, 0, off_t(byteCount))
            guard status == 0 else {
                unlink(path.string)
                throw FileError(
                    path, .unwritable,
                    "expected room for \(byteCount) bytes, found too little (\(String(cString: strerror(status))))")
            }
            guard pwrite(descriptor, header, header.count, 0) == header.count else { throw unwritable() }
        }
        let mapping = mmap(
            nil, checksumBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(headerBytes))
        guard let mapping, mapping != MAP_FAILED else { throw unwritable() }
        do throws(FileError) {
            store = try WindowStore(
                count: identity.windows, descriptor: descriptor, offset: storeOffset, path: path)
        } catch {
            munmap(mapping, checksumBytes)
            throw error
        }
        (self.path, self.blocks, self.byteCount, self.checksumBytes) = (path, blocks, byteCount, checksumBytes)
        (self.descriptor, checksums) = (descriptor, mapping)
        isHeld = false
    }

    deinit {
        munmap(checksums, checksumBytes)
        close(descriptor)
    }

    /// Takes back what other blocks hold than those that are complete; `windows` lists a block's.
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

    /// Makes a block count.
    func complete(_ block: Int, _ windows: [Int]) {
        setChecksum(of: block, sum(windows))
        completeBlocks += 1
    }

    /// Removes the file; what is mapped stays readable as long as this object lives.
    package func remove() { unlink(path.string) }

    private func checksum(of block: Int) -> UInt64 {
        checksums.load(fromByteOffset: block * MemoryLayout<UInt64>.stride, as: UInt64.self)
    }

    private func setChecksum(of block: Int, _ value: UInt64) {
        checksums.storeBytes(of: value, toByteOffset: block * MemoryLayout<UInt64>.stride, as: UInt64.self)
    }

    /// FNV-1a (Fowler, Noll, Vo) of the windows' values and states, in words of 64 bits; never 0.
    private func sum(_ windows: [Int]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for window in windows {
            let word = UInt64(store.probability(window).bitPattern) << 8 | UInt64(store.state(window).rawValue)
            hash = (hash ^ word) &* 0x100_0000_01B3
        }
        return hash == 0 ? 1 : hash
    }
}
