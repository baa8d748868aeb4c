import Foundation

/// A file without a name, for what does not fit in memory: it is gone when the value is released or the process ends,
/// however it does.
package final class ScratchFile {
    /// Open for reading and writing; owned by this object.
    package let fileDescriptor: Int32

    /// Makes the file in the folder of `path`, where there is room for the result. Throws `unwritable`.
    package init(beside path: String) throws(FileError) {
        let folder = (path as NSString).deletingLastPathComponent
        let name = ".\((path as NSString).lastPathComponent).partial-\(getpid())-XXXXXX"
        var template = Array((folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name)).utf8CString)
        fileDescriptor = mkstemp(&template)
        guard fileDescriptor >= 0 else {
            throw FileError(path, .unwritable, "cannot be written (\(String(cString: strerror(errno))))")
        }
        _ = fcntl(fileDescriptor, F_SETFD, FD_CLOEXEC)
        unlink(template)
    }

    deinit { close(fileDescriptor) }
}
