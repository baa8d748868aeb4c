import Glibc
import SystemPackage

/// A file without a name, for data that does not fit in memory. Its space is freed when the object is released or the
/// process ends.
package final class ScratchFile {
    /// Open for reading and writing; owned by this object.
    package let fileDescriptor: Int32

    /// Makes the file in the folder of `path`, on the disk that the result needs anyway. Throws `unwritable`.
    package init(beside path: FilePath) throws(FileError) {
        let pattern = path.sibling(".\(path.name).partial-XXXXXX").string
        var name = Array(pattern.utf8CString)
        fileDescriptor = mkstemp(&name)
        guard fileDescriptor >= 0 else { throw .unwritable(path) }
        _ = fcntl(fileDescriptor, F_SETFD, FD_CLOEXEC)
        unlink(name)
    }

    deinit { close(fileDescriptor) }
}
