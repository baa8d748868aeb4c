import Foundation

/// A file that appears whole or not at all.
///
/// Bytes go to a temporary file beside the destination. `commit()` makes them durable (`fsync`) and renames the file
/// over the destination in one step; a file that is never committed is removed when the value is released.
/// The descriptor is plain, so that C encoders can write to it as well.
package final class AtomicFile {
    package let path: String
    private let temporaryPath: String
    private var descriptor: Int32

    /// Throws `FileError` of kind `unwritable` when no file can be made in the destination's folder.
    package init(_ path: String) throws(FileError) {
        self.path = path
        let folder = (path as NSString).deletingLastPathComponent
        let name = ".\((path as NSString).lastPathComponent).partial-\(getpid())"
        temporaryPath = folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name)
        var information = stat()
        if stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFDIR {
            throw FileError(path, .unwritable, "expected a file to write, found a folder")
        }
        descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw Self.unwritable(path) }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporaryPath)
        }
    }

    /// The open temporary file; owned by this object.
    package var fileDescriptor: Int32 { descriptor }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes
        while !rest.isEmpty {
            let written = Foundation.write(descriptor, rest.baseAddress!, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.unwritable(path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    package func write(_ data: Data) throws(FileError) {
        let result = data.withUnsafeBytes { bytes in Result { () throws(FileError) in try write(bytes) } }
        try result.get()
    }

    /// Makes the file appear under its name, replacing what was there.
    package func commit() throws(FileError) {
        guard fsync(descriptor) == 0, close(descriptor) == 0 else { throw Self.unwritable(path) }
        descriptor = -1
        guard rename(temporaryPath, path) == 0 else {
            let error = Self.unwritable(path)
            unlink(temporaryPath)
            throw error
        }
    }

    /// Writes a whole file at once.
    package static func write(_ text: String, to path: String) throws(FileError) {
        let file = try AtomicFile(path)
        try file.write(Data(text.utf8))
        try file.commit()
    }

    private static func unwritable(_ path: String) -> FileError {
        FileError(path, .unwritable, "cannot be written (\(String(cString: strerror(errno))))")
    }
}
