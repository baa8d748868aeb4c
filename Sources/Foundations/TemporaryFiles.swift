import Glibc
import Synchronization
import SystemPackage

/// The temporary files of this process, to remove where it ends without releasing its objects.
package enum TemporaryFiles {
    /// A path as a C string, because a signal handler reads it. Sendable because the string never changes and is freed only
    /// by who takes it out of the list.
    private struct Path: @unchecked Sendable {
        let text: UnsafeMutablePointer<CChar>
    }

    private static let paths = Mutex<[Int: Path]>([:])
    private static let counter = Atomic(0)

    /// Makes a new file, under the first of the given names that is free, for reading and writing. It is locked until it is
    /// closed, which shows other processes that it is in use.
    static func create(_ permissions: FilePermissions, named name: () -> FilePath) throws -> (FilePath, FileDescriptor)
    {
        while true {
            let path = name()
            let descriptor: FileDescriptor
            do {
                descriptor = try FileDescriptor.open(
                    path, .readWrite, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                    permissions: permissions)
            } catch Errno.fileExists {
                continue
            }
            let isTaken = flock(descriptor.rawValue, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
            // Another process may take the file for a leftover, and remove it, before it is locked.
            if !isTaken, FileIdentity(path) != nil { return (path, descriptor) }
            try? descriptor.close()
        }
    }

    /// Removes a file of another process, unless the file is locked or the file system has no locks.
    package static func removeUnlocked(_ path: FilePath) {
        guard let file = try? FileDescriptor.open(path, .readWrite, options: [.noFollow, .nonBlocking, .closeOnExec])
        else { return }
        if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { unlink(path.string) }
        try? file.close()
    }

    /// Adds a path; returns its number.
    static func add(_ path: FilePath) -> Int {
        let number = counter.add(1, ordering: .relaxed).newValue
        let path = Path(text: path.withPlatformString { strdup($0) })
        paths.withLock { $0[number] = path }
        return number
    }

    /// Forgets a path, whose file has another name now or is removed.
    static func forget(_ number: Int) {
        free(paths.withLock { $0.removeValue(forKey: number) }?.text)
    }

    /// Removes all files. Safe in a signal handler: does nothing where the interrupted thread is changing the list.
    package static func removeAll() {
        paths.withLockIfAvailable { for path in $0.values { unlink(path.text) } }
    }
}
