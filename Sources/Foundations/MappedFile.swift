#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The content of a regular file in memory, read when it is touched.
///
/// Files of ours are replaced and never written over, so that one stays as it was while it is mapped. What another program
/// writes over it is seen here, and one that cuts it short ends those who read behind its new end, by the signal SIGBUS.
package final class MappedFile {
    /// Valid while this object lives. Private to this process: what is written here does not get into the file.
    package let bytes: UnsafeMutableRawBufferPointer

    /// Throws when there is no such file, or it may not be read, or is not a regular one.
    package init(_ path: String) throws(FileError) {
        func problem(_ reason: String) -> FileError { FileError(path, .unreadable, "cannot be read (\(reason))") }
        // A pipe is told of, not waited for.
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw problem(String(cString: strerror(errno))) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw problem(String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw problem("not a regular file") }
        let count = Int(status.st_size)
        if count == 0 {
            bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let memory = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0), memory != MAP_FAILED else {
            throw problem(String(cString: strerror(errno)))
        }
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: count)
    }

    deinit {
        if let memory = bytes.baseAddress { munmap(memory, bytes.count) }
    }
}
