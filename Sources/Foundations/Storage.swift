import Glibc
import SystemPackage

/// The file system that holds a path, or will hold it.
package struct Storage: Equatable, Sendable {
    /// Identifies the file system.
    package let device: Int
    /// Bytes that this user can still write. `Int.max` where the system reports more.
    package let freeBytes: Int

    package init(device: Int, freeBytes: Int) {
        (self.device, self.freeBytes) = (device, freeBytes)
    }

    /// The file system of a file. The file and its folder need not exist yet. Nil where the system reports none.
    package init?(ofFile path: FilePath) {
        var folder = path.folder
        while !folder.exists, folder != folder.folder { folder = folder.folder }
        var system = statvfs()
        guard let status = try? folder.stat(), statvfs(folder.string, &system) == 0 else { return nil }
        device = Int(status.deviceID.rawValue)
        let (bytes, overflows) = UInt64(system.f_bavail).multipliedReportingOverflow(by: UInt64(system.f_frsize))
        freeBytes = overflows ? .max : Int(clamping: bytes)
    }
}
