import Glibc
import SystemPackage

/// The file system that holds a path, or will hold it.
package struct Storage: Equatable, Sendable {
    /// Identifies the file system.
    package let device: Int
    /// Bytes that may still be written.
    package let freeBytes: Int

    package init(device: Int, freeBytes: Int) {
        (self.device, self.freeBytes) = (device, freeBytes)
    }

    /// The file system of a file that need not exist yet, nor its folder. Nil where the system does not say.
    package init?(ofFile path: FilePath) {
        var folder = path.folder
        while !folder.exists, folder != folder.folder { folder = folder.folder }
        var (file, system) = (Glibc.stat(), statvfs())
        guard stat(folder.string, &file) == 0, statvfs(folder.string, &system) == 0 else { return nil }
        device = Int(file.st_dev)
        freeBytes = Int(system.f_bavail) * Int(system.f_frsize)
    }
}
