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

    /// Makes a folder, with those that it lies in, unless it is there.
    package static func ensure(_ path: String) throws(FileError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw FileError(path, .unwritable, "cannot be made (\(error.localizedDescription))")
        }
    }
}
