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
