import Foundation

/// What tells that a file is the one that it was: its name, size and last change.
package struct FileState: Codable, Equatable, Sendable {
    package let name: String
    package let bytes: Int
    /// Of the last change, in nanoseconds.
    package let time: Int

    /// Throws `unreadable` when there is no such file.
    package init(_ path: String) throws(FileError) {
        var information = stat()
        guard stat(path, &information) == 0 else {
            throw FileError(path, .unreadable, "cannot be read (\(String(cString: strerror(errno))))")
        }
        name = (path as NSString).lastPathComponent
        bytes = Int(information.st_size)
        time = Int(information.st_mtim.tv_sec) * 1_000_000_000 + Int(information.st_mtim.tv_nsec)
    }
}

/// Which file a path names, whatever it is called.
package struct FileIdentity: Hashable, Sendable {
    private let device: UInt
    private let inode: UInt

    /// Nil when there is no file.
    package init?(_ path: String) {
        var information = stat()
        guard stat(path, &information) == 0 else { return nil }
        (device, inode) = (UInt(information.st_dev), UInt(information.st_ino))
    }
}
