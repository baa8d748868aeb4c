import Foundations
import Imaging

/// A file that stores the probabilities of an image's windows as they are computed, so that an interrupted run can
/// continue.
///
/// It holds what the probabilities depend on, a checksum and the brightness of each block of windows, and the windows
/// themselves. A block is
/// written when it is complete; what a process has written survives the process. A block is read again if its checksum is
/// there and correct; after a power failure, or where another program changed the file, some are not, and are computed
/// again. One process at a time has the file open.
package final class WindowCache: MaskCache {
    /// Everything that the probabilities depend on. A file of another identity is reset.
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

    package let store: WindowStore
    /// Size of the file, all of it reserved on disk.
    package let byteCount: Int
    package let blocks: Int
    /// Blocks that are complete, and those that were complete when the file was opened.
    package private(set) var completeBlocks = 0
    package private(set) var blocksFound = 0
    /// Brightness of the blocks that were complete when the file was opened.
    package private(set) var brightness = BrightnessSample()
    private let file: CacheFile
    /// Offset of the windows in the file, after the checksums.
    private let windowOffset: Int

    package var path: FilePath { file.path }
    /// Whether the file held the windows of another identity.
    package var wasReset: Bool { file.wasReset }

    /// Size of a cache in bytes, if its identity fits in a page.
    package static func byteCount(windows: Int, blocks: Int, hasDeviations: Bool = false) -> Int {
        CacheFile.wholePages(1) + contentBytes(windows, blocks, hasDeviations)
    }

    private static func contentBytes(_ windows: Int, _ blocks: Int, _ hasDeviations: Bool) -> Int {
        checksumBytes(blocks)
            + CacheFile.wholePages(max(1, WindowStore.byteCount(windows, hasDeviations: hasDeviations)))
    }

    private static func checksumBytes(_ blocks: Int) -> Int {
        CacheFile.wholePages(max(1, blocks) * 2 * MemoryLayout<UInt64>.stride)
    }

    /// Opens the file of the same identity and number of blocks, or starts a new one. Throws `unwritable` where the disk
    /// is full or the file is not a cache, and `busy` where another process has it open.
    package init(_ path: FilePath, _ identity: Identity, blocks: Int, hasDeviations: Bool = false) throws(FileError) {
        let content = Self.contentBytes(identity.windows, blocks, hasDeviations)
        file = try CacheFile(
            path, .windows, version: 3, header: "\(blocks) blocks \((try? JSON.text(identity)) ?? "")",
            reserved: content)
        (self.blocks, byteCount) = (blocks, file.start + content)
        store = WindowStore(count: identity.windows, hasDeviations: hasDeviations)
        windowOffset = file.start + Self.checksumBytes(blocks)
    }

    /// Reads the windows of all complete blocks; `windows` lists those of a block in ascending order. Throws `unreadable`.
    package func readCompleteBlocks(_ windows: (Int) -> [Int]) throws(FileError) {
        let words = try file.read(2 * blocks, of: UInt64.self, at: file.start)
        for block in 0..<blocks where words[2 * block] != 0 {
            let list = windows(block)
            for part in parts(of: list) { try file.read(part.bytes, at: part.offset) }
            let sample = words[2 * block + 1]
            if words[2 * block] == sum(list, sample) {
                completeBlocks += 1
                brightness += BrightnessSample(pixels: Int(sample >> 32), bright: Int(sample & 0xFFFF_FFFF))
            } else {
                for window in list { store.setState(window, .pending) }
            }
        }
        blocksFound = completeBlocks
    }

    /// Writes the windows of a block, in ascending order, and their brightness as complete. Throws `unwritable`.
    func complete(_ block: Int, _ windows: [Int], _ brightness: BrightnessSample) throws(FileError) {
        for part in parts(of: windows) { try file.write(UnsafeRawBufferPointer(part.bytes), at: part.offset) }
        let sample = UInt64(brightness.pixels) << 32 | UInt64(brightness.bright)
        try file.write([sum(windows, sample), sample], at: file.start + block * 2 * MemoryLayout<UInt64>.stride)
        completeBlocks += 1
    }

    /// Removes the file. Its windows stay readable as long as this object lives.
    package func remove() { file.remove() }

    /// The memory of some windows in ascending order, and its place in the file.
    private func parts(of windows: [Int]) -> [(bytes: UnsafeMutableRawBufferPointer, offset: Int)] {
        var runs = [Range<Int>]()
        for window in windows { runs.appendPixels(window..<window + 1) }
        return runs.flatMap { run in store.parts(of: run).map { ($0.bytes, windowOffset + $0.offset) } }
    }

    /// Hash of the windows' probabilities and states and of their brightness; never 0, which stands for no checksum.
    private func sum(_ windows: [Int], _ brightness: UInt64) -> UInt64 {
        var hash = FNV1a()
        hash.add(brightness)
        for window in windows {
            hash.add(UInt64(store.probability(window).bitPattern) << 8 | UInt64(store.state(window).rawValue))
            if store.hasDeviations { hash.add(UInt64(store.deviation(window).bitPattern)) }
        }
        return hash.value == 0 ? 1 : hash.value
    }
}
