import Foundation

/// Folders for what a command makes.
package enum Folder {
    /// Throws unless a folder could be made new here: there is nothing of that name, or an empty folder.
    package static func requireNew(_ path: String) throws(FileError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return }
        let content = try? FileManager.default.contentsOfDirectory(atPath: path)
        guard isFolder.boolValue, content == [] else {
            let found = isFolder.boolValue ? "files in it" : "a file"
            throw FileError(path, .unwritable, "expected a new or empty folder, found \(found)")
        }
    }

    /// Makes a new folder, with those that it lies in, or takes an empty one.
    package static func make(_ path: String) throws(FileError) {
        try requireNew(path)
        try ensure(path)
    }

    /// Makes a folder as `ensure` does; returns what was made, the innermost first.
    package static func ensureCounted(_ path: String) throws(FileError) -> [String] {
        var made = [String]()
        var folder = URL(fileURLWithPath: path).path
        while !FileManager.default.fileExists(atPath: folder), folder != "/" {
            made.append(folder)
            folder = (folder as NSString).deletingLastPathComponent
        }
        try ensure(path)
        return made
    }

    /// Makes a folder, with those that it lies in, unless it is there.
    package static func ensure(_ path: String) throws(FileError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw FileError(path, .unwritable, "cannot be made (\(error.localizedDescription))")
        }
    }
}

/// Keeps a folder to one process at a time, until the value is released or the process ends, however it does.
package final class FolderLock: Sendable {
    private let descriptor: Int32

    /// Throws when the folder cannot be opened, or another process has it.
    package init(_ path: String) throws(FileError) {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 {
            throw FileError(path, .unreadable, "cannot be opened (\(String(cString: strerror(errno))))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw FileError(path, .unwritable, "expected a folder that nobody works in, found another process there")
        }
    }

    deinit { close(descriptor) }
}
