import Foundation

/// A file that appears whole or not at all.
///
/// Bytes go to a temporary file beside the destination. `commit()` makes them durable (`fsync`) and renames the file
/// over the destination in one step; a file that is never committed is removed when the value is released.
/// The descriptor is plain, so that C encoders can write to it as well.
package final class AtomicFile {
    package let path: String
    /// Where the file really goes: what the path is a symbolic link to.
    private let destination: String
    private let temporaryPath: String
    private var descriptor: Int32

    /// Throws `FileError` of kind `unwritable` when no file can be made in the destination's folder, or something
    /// other than a file has its name.
    package init(_ path: String) throws(FileError) {
        self.path = path
        var information = stat()
        let exists = stat(path, &information) == 0
        guard !exists || information.st_mode & S_IFMT == S_IFREG else {
            let isFolder = information.st_mode & S_IFMT == S_IFDIR
            throw FileError(
                path, .unwritable, "expected a file to write, found \(isFolder ? "a folder" : "a device or pipe")")
        }
        destination = exists ? Self.resolved(path) : path
        temporaryPath = Self.temporaryName(for: destination)
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
        guard fsync(descriptor) == 0 else { throw Self.unwritable(path) }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0, rename(temporaryPath, destination) == 0 else {
            let error = Self.unwritable(path)
            unlink(temporaryPath)
            throw error
        }
        Self.synchronizeFolder(of: destination)
    }

    /// Takes away what had the name until now.
    package func removeOld() {
        if unlink(destination) == 0 { Self.synchronizeFolder(of: destination) }
    }

    /// Writes a whole file at once.
    package static func write(_ text: String, to path: String) throws(FileError) {
        let file = try AtomicFile(path)
        try file.write(Data(text.utf8))
        try file.commit()
    }

    /// Gives a finished file a second name, replacing what had it, without copying. False when the file system cannot.
    package static func link(_ source: String, to path: String) -> Bool {
        let temporary = temporaryName(for: path)
        unlink(temporary)
        guard Foundation.link(source, temporary) == 0 else { return false }
        guard rename(temporary, path) == 0 else {
            unlink(temporary)
            return false
        }
        // Renaming does nothing to two names of one file, and leaves both.
        unlink(temporary)
        synchronizeFolder(of: path)
        return true
    }

    /// Removes temporary files that processes which were killed have left in a folder. Not while others write to it.
    package static func removeLeftovers(in folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix(".") && name.contains(".partial-") { unlink("\(folder)/\(name)") }
    }

    /// Removes temporary files of one destination that processes which were killed have left. Not while others write it.
    package static func removeLeftovers(of path: String) {
        let folder = (path as NSString).deletingLastPathComponent
        let prefix = ".\((path as NSString).lastPathComponent).partial-"
        let own = "\(prefix)\(getpid())"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        for name in names where name.hasPrefix(prefix) && name != own && !name.hasPrefix("\(own)-") {
            unlink(folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name))
        }
    }

    /// Whether two paths name one file that exists.
    package static func areSame(_ a: String, _ b: String) -> Bool {
        FileIdentity(a).map { $0 == FileIdentity(b) } ?? false
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    private static func temporaryName(for path: String) -> String {
        let folder = (path as NSString).deletingLastPathComponent
        let name = ".\((path as NSString).lastPathComponent).partial-\(getpid())"
        return folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name)
    }

    /// Makes a rename durable. Some file systems refuse to synchronize folders, and need not be asked.
    private static func synchronizeFolder(of path: String) {
        let folder = (path as NSString).deletingLastPathComponent
        let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func unwritable(_ path: String) -> FileError {
        FileError(path, .unwritable, "cannot be written (\(String(cString: strerror(errno))))")
    }
}
