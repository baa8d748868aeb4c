import Foundations

/// Comparison of the files of many images with the space on the disks that they are written to.
package struct DiskPlan: Sendable {
    private var free: [Int: Int] = [:]

    package init() {}

    /// Subtracts the files of an image from the free space of their disk. Unless it is kept, the cache exists only while
    /// the image is processed. Throws `unwritable`, naming the file, where files or cache do not fit; then nothing is
    /// subtracted.
    package mutating func add(
        _ path: FilePath, _ storage: Storage, bytes: Int,
        cache: (path: FilePath, storage: Storage, bytes: Int, isKept: Bool)
    ) throws(FileError) {
        let room = free[storage.device] ?? storage.freeBytes
        let cacheRoom = free[cache.storage.device] ?? cache.storage.freeBytes
        let isShared = storage.device == cache.storage.device
        let needed = bytes + (isShared ? cache.bytes : 0)
        guard needed <= room else { throw Self.shortage(path, needed, room) }
        guard isShared || cache.bytes <= cacheRoom else { throw Self.shortage(cache.path, cache.bytes, cacheRoom) }
        free[storage.device] = room - bytes
        if cache.isKept { free[cache.storage.device, default: cacheRoom] -= cache.bytes }
    }

    private static func shortage(_ path: FilePath, _ needed: Int, _ room: Int) -> FileError {
        FileError(path, .unwritable, "expected space for about \(ByteCount(needed)), found \(ByteCount(max(0, room)))")
    }
}
