import Glibc
import SystemPackage

/// A copy of a file in another folder, such as a local disk. It is removed with the object, where the program ends
/// abnormally, and by the next copy into the folder where the process was killed.
package final class StagedFile {
    private static let prefix = "nuclei-stage-"

    /// The copy. Its name ends like that of the file.
    package let path: FilePath
    /// Open and locked, which shows other processes that the copy is in use.
    private let descriptor: FileDescriptor
    private let number: Int

    /// Copies a file. Throws `unreadable`, and `unwritable` where the folder has no space for it.
    package init(_ source: FilePath, in folder: FilePath) throws(FileError) {
        try Folder.ensure(folder)
        for name in Folder.names(in: folder) where name.hasPrefix(Self.prefix) {
            TemporaryFiles.removeUnlocked(folder.appending(name))
        }
        let ending = source.extension.map { ".\($0)" } ?? ""
        let file = try FileError.reading(source) { try FileDescriptor.open(source, .readOnly, options: .closeOnExec) }
        defer { try? file.close() }
        (path, descriptor) = try FileError.writing(folder) {
            try TemporaryFiles.create(.ownerReadWrite) { folder.appending(Self.prefix + UniqueName.next() + ending) }
        }
        number = TemporaryFiles.add(path)
        try copy(file, source)
    }

    deinit {
        unlink(path.string)
        try? descriptor.close()
        TemporaryFiles.forget(number)
    }

    private func copy(_ file: FileDescriptor, _ source: FilePath) throws(FileError) {
        let size = try FileError.reading(source) { Int(try file.stat().size) }
        try descriptor.reserve(size, path, for: " of \(source)")
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 22, alignment: 64)
        defer { buffer.deallocate() }
        var done = 0
        while true {
            let count = try FileError.reading(source) { try file.read(into: buffer) }
            if count == 0 { break }
            _ = try FileError.writing(path) {
                try descriptor.writeAll(
                    toAbsoluteOffset: Int64(done), UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            done += count
        }
        try FileError.writing(path) { try descriptor.resize(to: Int64(done)) }
    }
}
