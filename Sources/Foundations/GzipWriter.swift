import CZlib
import Glibc

/// Compresses bytes with gzip into a file while they are written. The same bytes give the same file.
package final class GzipWriter {
    private let path: FilePath
    /// Nil once it is finished.
    private var stream: gzFile?

    /// Writes to a file that is not committed yet. Throws `unwritable`.
    package init(_ file: AtomicFile) throws(FileError) {
        path = file.path
        // `gzclose` closes the descriptor it was given.
        let copy = dup(file.fileDescriptor)
        stream = gzdopen(copy, "wb6")
        if stream == nil {
            let error = Errno.last
            close(copy)
            throw .unwritable(path, error)
        }
    }

    deinit { if let stream { gzclose(stream) } }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard let stream else { preconditionFailure("\(path) is complete") }
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            guard gzwrite(stream, piece.baseAddress, UInt32(piece.count)) == Int32(piece.count) else {
                throw .unwritable(path)
            }
            rest = rest.dropFirst(piece.count)
        }
    }

    /// Writes what is left. The file is committed afterwards. Call it once.
    package func finish() throws(FileError) {
        guard let stream else { preconditionFailure("\(path) is complete") }
        self.stream = nil
        guard gzclose(stream) == Z_OK else { throw .unwritable(path) }
    }
}
