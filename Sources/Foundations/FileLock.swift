import FoundationEssentials
import Glibc
import Synchronization
import SystemPackage

extension FileDescriptor {
    /// Outcome of an attempt to lock a file.
    package enum LockAttempt: Sendable {
        case held
        /// Another process, or another open file of this one, has the lock.
        case taken
        /// The file system has no locks.
        case unsupported
    }

    /// Tries to lock the open file until it is closed. `path` is what an error is about. Where the file system has no
    /// locks, the first attempt of the process gives a warning.
    package func tryLock(_ path: FilePath) throws(FileError) -> LockAttempt {
        while flock(rawValue, LOCK_EX | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return .taken
            case ENOSYS, ENOLCK, EOPNOTSUPP:
                FileLock.warnOnce(path)
                return .unsupported
            default: throw FileError(path, .unwritable, cannotBe: "locked", .last)
            }
        }
        return .held
    }
}

/// A lock that keeps other processes from writing a file, until the object is released or the process ends.
///
/// It is a hidden file next to the file, so that all processes that write there see it, on any node. It is open for
/// writing, without which network file systems do not lock, and holds a text about its owner.
package final class FileLock: Sendable {
    /// False where the file system has no locks: another process may write the file too.
    package let isHeld: Bool
    private let path: FilePath
    private let descriptor: FileDescriptor
    /// Number of the file in `TemporaryFiles`.
    private let number: Int

    /// The lock of a file. Of a name that would become too long for file systems, a part and a digest are in its name.
    package static func path(for file: FilePath) -> FilePath {
        var name = file.name
        if name.utf8.count > 255 - 1 - suffix.utf8.count {
            let digest = SHA256.digest(of: name).prefix(16)
            while name.utf8.count > 200 { name.removeLast() }
            name += "-\(digest)"
        }
        return file.sibling(".\(name)\(suffix)")
    }
    package static let suffix = ".lock"
    /// The problem of a file whose lock another process has.
    package static let problem = "expected a file that no process writes, found it locked by another process"

    /// Throws `unwritable` where no file can be made next to the file, and `busy` where another process has the lock in all
    /// attempts, 50 milliseconds apart: a look at whether a lock is free locks it for an instant.
    package convenience init(for file: FilePath, owner: String, attempts: Int = 3) throws(FileError) {
        try self.init(
            Self.path(for: file), of: file, owner, attempts, busy: Self.problem)
    }

    fileprivate init(_ path: FilePath, of file: FilePath, _ owner: String, _ attempts: Int, busy: String)
        throws(FileError)
    {
        var failures = 0
        while true {
            let descriptor = try FileError.writing(file) {
                try FileDescriptor.open(
                    path, .readWrite, options: [.create, .noFollow, .closeOnExec],
                    permissions: [.ownerReadWrite, .groupReadWrite, .otherReadWrite])
            }
            var isKept = false
            defer { if !isKept { try? descriptor.close() } }
            let attempt = try descriptor.tryLock(file)
            if attempt == .taken {
                failures += 1
                guard failures < attempts else { throw FileError(file, .busy, busy) }
                usleep(50_000)
                continue
            }
            // Its last owner may have removed the file after it was opened here.
            guard let identity = FileIdentity(descriptor), FileIdentity(path) == identity else { continue }
            isKept = true
            // The text is for people and `summary`; a full disk is reported by what is written next.
            try? descriptor.resize(to: 0)
            _ = try? descriptor.writeAll(toAbsoluteOffset: 0, owner.utf8)
            (self.path, self.descriptor, isHeld) = (path, descriptor, attempt == .held)
            number = TemporaryFiles.add(path)
            return
        }
    }

    deinit {
        // While it is locked, so that no other process has locked the file that is removed.
        unlink(path.string)
        try? descriptor.close()
        TemporaryFiles.forget(number)
    }

    /// The text in a lock file, and whether a process holds the lock; nil where there is no such file.
    package static func state(of path: FilePath) -> (owner: String, isHeld: Bool)? {
        guard let file = try? FileDescriptor.open(path, .readWrite, options: [.noFollow, .nonBlocking, .closeOnExec])
        else { return nil }
        defer { try? file.close() }
        let owner = try? String(unsafeUninitializedCapacity: 1 << 14) { buffer in
            try file.read(fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
        }
        return (owner ?? "", flock(file.rawValue, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    }

    /// Receives the warning about a file system without locks.
    package static let warning = Mutex<@Sendable (String) -> Void>({ _ in })
    private static let hasWarned = Atomic(false)

    fileprivate static func warnOnce(_ path: FilePath) {
        if hasWarned.exchange(true, ordering: .relaxed) { return }
        warning.withLock { $0 }(
            "\(path): its file system has no locks; make sure that no other process writes the same files")
    }
}

/// A lock that keeps other processes out of a folder until the object is released or the process ends.
package final class FolderLock: Sendable {
    /// The file in the folder that is locked.
    package static let name = ".lock"
    private let lock: FileLock

    /// False where the file system has no locks.
    package var isHeld: Bool { lock.isHeld }

    /// Throws `unreadable` where there is no such folder, `unwritable` where it cannot be written to, and `busy` where
    /// another process holds the lock.
    package init(_ path: FilePath) throws(FileError) {
        do {
            try FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec]).close()
        } catch {
            throw FileError(path, .unreadable, cannotBe: "opened", error as? Errno ?? .ioError)
        }
        lock = try FileLock(
            path.appending(Self.name), of: path, "\(UniqueName.host) \(getpid())\n", 3,
            busy: "expected a folder that no process works in, found it locked by another process")
    }
}
