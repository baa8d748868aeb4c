import Glibc
import SystemPackage

/// A file without a name, for data that does not fit in memory. It is gone when the object is released or the process
/// ends.
package final class ScratchFile {
    /// Open for reading and writing; owned by this object.
    package let fileDescriptor: Int32

    /// Makes the file in the folder of `path`, where there is room for the result. Throws `unwritable`.
    package init(beside path: FilePath) throws(FileError) {
        let name = path.sibling(".\(path.name).partial-\(getpid())-XXXXXX").string
        var template = Array(name.utf8CString)
        fileDescriptor = mkstemp(&template)
        guard fileDescriptor >= 0 else { throw .unwritable(path) }
        _ = fcntl(fileDescriptor, F_SETFD, FD_CLOEXEC)
        unlink(template)
    }

    deinit { close(fileDescriptor) }
}
