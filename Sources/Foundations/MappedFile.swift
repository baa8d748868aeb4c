import Glibc
import SystemPackage

/// The content of a regular file, mapped into memory and read from disk on first access.
///
/// The project replaces files and never writes over them, so a mapping of one of its files keeps its content. A program
/// that writes over the file changes the mapping; one that truncates it makes accesses beyond the new end fail with
/// SIGBUS.
package final class MappedFile {
    /// Valid while this object lives. Private to this process: writes do not reach the file.
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
        let memory = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.rawValue, 0)
        guard let memory, memory != MAP_FAILED else { throw .unreadable(path) }
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: count)
    }

    deinit {
        if let memory = bytes.baseAddress { munmap(memory, bytes.count) }
    }
}
