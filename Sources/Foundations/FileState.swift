import Glibc
import SystemPackage

/// Properties of a file that change when it is changed or replaced: its name, size, times and number on its disk, and the
/// digest of samples of its content.
///
/// Programs can set the modification time, as `cp -p` and `rsync -t` do, but not the time of the last change. The samples
/// recognize other content where a disk reuses numbers or a clock was set back.
package struct FileState: Codable, Equatable, Sendable {
    package let name: String
    package let bytes: Int
    /// Modification time, in nanoseconds since 1970.
    package let time: Int
    /// Time of the last change of content, name, owner or permissions, in nanoseconds since 1970.
    package let changed: Int
    package let inode: UInt64
    /// SHA-256 digest of the head, the tail and evenly spaced blocks; empty for anything but a regular file.
    package let samples: String

    /// Bytes of the head and of the tail, and of each block between them.
    private static let endBytes = 1 << 16
    private static let blockBytes = 1 << 14
    private static let blockCount = 30

    /// Throws `unreadable` where the file does not exist or may not be read.
    package init(_ path: FilePath) throws(FileError) {
        (name, (bytes, time, changed, inode, samples)) = (
            path.name,
            try FileError.reading(path) {
                let file = try FileDescriptor.open(path, .readOnly, options: [.nonBlocking, .closeOnExec])
                return try file.closeAfter {
                    let status = try file.stat()
                    let bytes = Int(status.size)
                    return (
                        bytes, Self.nanoseconds(status.st_mtim), Self.nanoseconds(status.st_ctim),
                        UInt64(status.inode.rawValue),
                        status.type == .regular ? try Self.samples(file, bytes: bytes) : ""
                    )
                }
            }
        )
    }

    private static func nanoseconds(_ time: timespec) -> Int { time.tv_sec * 1_000_000_000 + time.tv_nsec }

    private static func samples(_ file: FileDescriptor, bytes: Int) throws -> String {
        let hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: endBytes, alignment: 64)
        defer { buffer.deallocate() }
        func add(_ count: Int, at offset: Int) throws {
            let found = try file.read(
                fromAbsoluteOffset: Int64(offset), into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<found]))
        }
        try add(endBytes, at: 0)
        // Smaller files are in their two ends.
        for index in 0..<(bytes > 2 * endBytes ? blockCount : 0) {
            try add(blockBytes, at: (bytes - blockBytes) / blockCount * index)
        }
        try add(endBytes, at: max(0, bytes - endBytes))
        return hash.digest()
    }
}

/// The device and inode of a file: equal for all paths that name the same file.
package struct FileIdentity: Hashable, Sendable {
    private let device: DeviceID
    private let inode: Inode

    /// Nil where the file does not exist.
    package init?(_ path: FilePath) {
        guard let status = try? path.stat() else { return nil }
        (device, inode) = (status.deviceID, status.inode)
    }

    /// Nil where the system does not tell.
    package init?(_ file: FileDescriptor) {
        guard let status = try? file.stat() else { return nil }
        (device, inode) = (status.deviceID, status.inode)
    }
}

extension FilePath {
    /// Throws `unwritable` where a file to write is one of those to read.
    package func requireDistinct(from inputs: [FilePath]) throws(FileError) {
        if let input = inputs.first(where: { AtomicFile.areSame(self, $0) }) {
            throw FileError(self, .unwritable, "expected another file than the input \(input), found the same")
        }
    }
}
