import FoundationEssentials
import Glibc
import SystemPackage

/// The content of a regular file, read into memory of its own.
///
/// It does not change where another program writes over the file or truncates it.
package final class FileBytes {
    /// Valid while this object lives, and aligned to a page. Writes do not reach the file.
    package let bytes: UnsafeMutableRawBufferPointer

    /// Throws `unreadable` where the file does not exist, may not be read, or is not a regular file.
    package init(_ path: FilePath) throws(FileError) {
        // Opening a pipe without `nonBlocking` would wait for a writer.
        let file = try FileError.reading(path) {
            try FileDescriptor.open(path, .readOnly, options: [.nonBlocking, .closeOnExec])
        }
        defer { try? file.close() }
        let status = try FileError.reading(path) { try file.stat() }
        guard status.type == .regular else {
            throw FileError(path, .unreadable, "cannot be read (not a regular file)")
        }
        let count = Int(status.size)
        if count == 0 {
            bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return
        }
        let memory = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw .unreadable(path) }
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: count)
        var done = 0
        while done < count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
            let part = try FileError.reading(path) { try file.read(into: rest) }
            guard part > 0 else {
                throw FileError(path, .unreadable, "expected \(count) bytes, found the file cut short to \(done)")
            }
            done += part
        }
    }

    /// The bytes of a file. Throws like `init`. Unlike `FileManager`, it leaks no memory where the file is empty.
    package static func data(_ path: FilePath) throws(FileError) -> Data {
        let file = try FileBytes(path)
        return withExtendedLifetime(file) { Data(file.bytes) }
    }

    deinit {
        if let memory = bytes.baseAddress { munmap(memory, bytes.count) }
    }
}
