import FoundationEssentials
import Glibc
import SystemPackage

/// A file that appears whole or not at all.
///
/// Bytes go to a temporary file in the folder of the destination. `commit()` makes them durable (`fsync`) and renames
/// the file over the destination in one step. A file that is never committed is removed when the object is released.
package final class AtomicFile {
    package let path: FilePath
    /// The file that is replaced: the target where `path` is a symbolic link.
    private let destination: FilePath
    private let temporaryPath: FilePath
    /// The open temporary file; nil once it is committed.
    private var descriptor: FileDescriptor?
    /// Whether the file is complete but does not appear yet.
    private var isWaiting = false
    /// Number of the temporary file in `TemporaryFiles`.
    private let number: Int

    /// Throws `FileError` of kind `unwritable` where no file can be made in the destination's folder, or the path names
    /// something other than a file.
    package init(_ path: FilePath) throws(FileError) {
        self.path = path
        let existing = try? path.stat()
        guard existing.map({ $0.type == .regular }) ?? true else {
            let found = existing?.type == .directory ? "a folder" : "a device or pipe"
            throw FileError(path, .unwritable, "expected a file to write, found \(found)")
        }
        let destination = existing == nil ? path : path.resolved ?? path
        self.destination = destination
        let (temporaryPath, descriptor) = try FileError.writing(path) {
            try TemporaryFiles.create([.ownerReadWrite, .groupRead, .otherRead]) {
                Self.temporaryPath(for: destination)
            }
        }
        self.temporaryPath = temporaryPath
        self.descriptor = descriptor
        if let existing { Self.keepAccess(of: existing, for: descriptor) }
        number = TemporaryFiles.add(temporaryPath)
    }

    deinit {
        if let descriptor { try? descriptor.close() }
        if descriptor != nil || isWaiting { unlink(temporaryPath.string) }
        TemporaryFiles.forget(number)
    }

    /// The open temporary file, for C encoders. Owned by this object; -1 once the file is committed.
    package var fileDescriptor: Int32 { descriptor?.rawValue ?? -1 }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard let descriptor else { preconditionFailure("\(path) is committed") }
        _ = try FileError.writing(path) { try descriptor.writeAll(bytes) }
    }

    package func write(_ data: Data) throws(FileError) {
        let result = data.withUnsafeBytes { bytes in Result { () throws(FileError) in try write(bytes) } }
        try result.get()
    }

    /// Makes the file appear under its name, replacing any earlier one; inside of `together`, at its end. Call it once.
    package func commit() throws(FileError) {
        guard let descriptor else { preconditionFailure("\(path) is committed twice") }
        guard fsync(descriptor.rawValue) == 0 else { throw .unwritable(path) }
        self.descriptor = nil
        isWaiting = true
        try FileError.writing(path) { try descriptor.close() }
        if let group = Self.group { group.files.append(self) } else { try appear() }
    }

    private func appear() throws(FileError) {
        guard rename(temporaryPath.string, destination.string) == 0 else { throw .unwritable(path) }
        isWaiting = false
        Self.synchronizeFolder(of: destination)
    }

    /// Files that are complete and appear together. Sendable because only the task that calls `together` uses it.
    private final class Group: @unchecked Sendable {
        var files = [AtomicFile]()
    }

    @TaskLocal private static var group: Group?

    /// Calls `body`, in which files are committed, and makes them appear after it, in the same order. Where `body` throws,
    /// because the disk is full for example, none of them appears. `beforeAny` is called once all are complete.
    package static func together(_ body: () throws -> Void, beforeAny: () -> Void) throws {
        let group = Group()
        try $group.withValue(group, operation: body)
        beforeAny()
        for file in group.files { try file.appear() }
    }

    /// Removes the earlier file of this name.
    package func removeOld() {
        if unlink(destination.string) == 0 { Self.synchronizeFolder(of: destination) }
    }

    /// Writes a whole file.
    package static func write(_ text: String, to path: FilePath) throws(FileError) {
        try write(Data(text.utf8), to: path)
    }

    /// Writes a whole file.
    package static func write(_ data: Data, to path: FilePath) throws(FileError) {
        let file = try AtomicFile(path)
        try file.write(data)
        try file.commit()
    }

    /// Gives a finished file a second name without copying, replacing any file of that name. Returns false where the file
    /// system has no hard links.
    package static func link(_ source: FilePath, to path: FilePath) -> Bool {
        var temporary = temporaryPath(for: path)
        while Glibc.link(source.string, temporary.string) != 0 {
            guard errno == EEXIST else { return false }
            temporary = temporaryPath(for: path)
        }
        // `rename` does nothing where both names belong to one file already, and leaves both.
        defer { unlink(temporary.string) }
        guard rename(temporary.string, path.string) == 0 else { return false }
        synchronizeFolder(of: path)
        return true
    }

    /// Removes temporary files that killed processes left in a folder. Call it only while the folder is locked.
    package static func removeLeftovers(in folder: FilePath) {
        for name in Folder.names(in: folder) where isLeftover(name) { unlink(folder.appending(name).string) }
    }

    /// Whether the name is that of a temporary file.
    static func isLeftover(_ name: String) -> Bool { name.hasPrefix(".") && name.contains(".partial-") }

    /// Removes temporary files of one destination that killed processes left. Those that are open are locked, and stay.
    /// Call it only while the destination is locked, or where there is no other writer.
    package static func removeLeftovers(of path: FilePath) {
        let prefix = temporaryPrefix(path)
        for name in Folder.names(in: path.folder) where name.hasPrefix(prefix) {
            TemporaryFiles.removeUnlocked(path.sibling(name))
        }
    }

    /// Returns whether two paths name one existing file.
    package static func areSame(_ a: FilePath, _ b: FilePath) -> Bool {
        FileIdentity(a).map { $0 == FileIdentity(b) } ?? false
    }

    /// The start of the names of temporary files of a destination.
    private static func temporaryPrefix(_ path: FilePath) -> String {
        // File systems have names of at most 255 bytes.
        var name = path.name
        while name.utf8.count > 200 { name.removeLast() }
        return ".\(name).partial-"
    }

    private static func temporaryPath(for path: FilePath) -> FilePath {
        path.sibling(temporaryPrefix(path) + UniqueName.next())
    }

    /// Gives a temporary file the permissions of the file that it will replace, and its owner and group where allowed.
    private static func keepAccess(of existing: Stat, for file: FileDescriptor) {
        _ = fchown(file.rawValue, existing.userID.rawValue, existing.groupID.rawValue)
        fchmod(file.rawValue, existing.permissions.rawValue & 0o777)
    }

    /// Makes a rename durable. Some file systems refuse to synchronize folders; that is not an error.
    private static func synchronizeFolder(of path: FilePath) {
        guard
            let folder = try? FileDescriptor.open(path.folder, .readOnly, options: [.directory, .closeOnExec])
        else { return }
        fsync(folder.rawValue)
        try? folder.close()
    }
}
