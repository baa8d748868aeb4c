import Foundation

/// The file system that a path is on, or will be.
package struct Storage: Equatable, Sendable {
    /// Tells file systems apart.
    package let device: Int
    /// Bytes that may still be written.
    package let freeBytes: Int

    package init(device: Int, freeBytes: Int) {
        (self.device, self.freeBytes) = (device, freeBytes)
    }

    /// Of the folder of a file that need not exist yet, nor its folder; nil when nothing can be told.
    package init?(ofFile path: String) {
        var folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        while !FileManager.default.fileExists(atPath: folder), folder != "/" {
            folder = (folder as NSString).deletingLastPathComponent
        }
        var (file, system) = (stat(), statvfs())
        guard stat(folder, &file) == 0, statvfs(folder, &system) == 0 else { return nil }
        device = Int(file.st_dev)
        freeBytes = Int(system.f_bavail) * Int(system.f_frsize)
    }
}
