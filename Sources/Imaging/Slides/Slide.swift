import Foundations
import Synchronization

/// An open whole-slide image. Its blocks, rows and tissue are read through one handle of OpenSlide.
///
/// After its first read error, OpenSlide returns blanks for everything. Readers then take a new handle from `reopen`.
package final class Slide: Sendable {
    package let path: FilePath
    package let metadata: SlideMetadata
    /// The tiles of levels; without those that OpenSlide has to read.
    let tiles: [Int: CompressedTiles]
    private let current: Mutex<OpenSlideHandle>
    /// Whether a level shows the picture of the full resolution, for the levels that were compared.
    private let compared = Mutex<[Int: Bool]>([:])

    /// Throws `unreadable` or `malformed`.
    package init(_ path: FilePath) throws(FileError) {
        let handle = try OpenSlideHandle(path)
        self.path = path
        metadata = try SlideMetadata(handle)
        var tiles = [Int: CompressedTiles]()
        for level in metadata.levels {
            tiles[level.index] = CompressedTiles(path, metadata, level, tile: handle.tileSize(level: level.index))
        }
        self.tiles = tiles
        current = Mutex(handle)
    }

    /// Whether the tiles of a level are decoded without OpenSlide.
    package func decodesTiles(ofLevel level: Int = 0) -> Bool { tiles[level] != nil }

    var handle: OpenSlideHandle { current.withLock { $0 } }

    /// Opens the slide again for all readers, and returns the new handle.
    func reopen() throws(FileError) -> OpenSlideHandle {
        let handle = try OpenSlideHandle(path)
        current.withLock { $0 = handle }
        return handle
    }

    /// The coarsest level whose downsample is at most `downsample` and that shows the picture of the full resolution.
    package func level(downsample: Double) throws(FileError) -> Int {
        for level in metadata.levels.reversed() where level.downsample <= downsample {
            if try showsThePicture(level.index) { return level.index }
        }
        return 0
    }

    /// Returns whether a level shows the picture of the full resolution.
    package func showsThePicture(_ level: Int) throws(FileError) -> Bool {
        if level == 0 { return true }
        if let known = compared.withLock({ $0[level] }) { return known }
        let result = try LevelComparison(self, level: level).isSamePicture()
        compared.withLock { $0[level] = result }
        return result
    }
}
