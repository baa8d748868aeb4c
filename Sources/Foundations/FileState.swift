import SystemPackage

/// The name, size and modification time of a file, which change when its content does.
package struct FileState: Codable, Equatable, Sendable {
    package let name: String
    package let bytes: Int
    /// Modification time, in nanoseconds since 1970.
    package let time: Int

    /// Throws `unreadable` where the file does not exist.
    package init(_ path: FilePath) throws(FileError) {
        let status = try FileError.reading(path) { try path.stat() }
        name = path.name
        bytes = Int(status.size)
        time = Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec)
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
}

extension FilePath {
    /// Throws `unwritable` where a file to write is one of those to read.
    package func requireDistinct(from inputs: [FilePath]) throws(FileError) {
        if let input = inputs.first(where: { AtomicFile.areSame(self, $0) }) {
            throw FileError(self, .unwritable, "expected another file than the input \(input), found the same")
        }
    }
}
