import FoundationEssentials
import Glibc
import SystemPackage

/// Folders that hold the files a command writes.
package enum Folder {
    /// The names in a folder, unsorted; none where it cannot be read.
    package static func names(in folder: FilePath) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.string)) ?? []
    }

    /// Throws `unwritable` unless a new folder could be made at the path: nothing is there, or an empty folder. The lock and
    /// the temporary files of a killed process do not count.
    package static func requireNew(_ path: FilePath) throws(FileError) {
        guard path.exists else { return }
        guard path.isFolder,
            (try? FileManager.default.contentsOfDirectory(atPath: path.string))?.allSatisfy({
                $0 == FolderLock.name || AtomicFile.isLeftover($0)
            }) ?? false
        else {
            let found = path.isFolder ? "files in it" : "a file"
            throw FileError(path, .unwritable, "expected a new or empty folder, found \(found)")
        }
    }

    /// Makes a new folder and its parents, or takes an empty one.
    package static func make(_ path: FilePath) throws(FileError) {
        try requireNew(path)
        try ensure(path)
    }

    /// Makes a folder like `ensure`; returns the folders that were made, the innermost first.
    package static func ensureCounted(_ path: FilePath) throws(FileError) -> [FilePath] {
        var made = [FilePath]()
        var folder = path
        while !folder.exists, !folder.isEmpty {
            made.append(folder)
            folder = folder.removingLastComponent()
        }
        try ensure(path)
        return made
    }

    /// Makes a folder and its parents, unless they exist. Throws `unwritable`.
    package static func ensure(_ path: FilePath) throws(FileError) {
        if path.isEmpty || path.isFolder { return }
        let parent = path.removingLastComponent()
        do throws(FileError) {
            if parent != path { try ensure(parent) }
        } catch {
            throw FileError(path, error.kind, error.problem)
        }
        guard mkdir(path.string, 0o777) == 0 || errno == EEXIST && path.isFolder else {
            throw FileError(path, .unwritable, cannotBe: "made", .last)
        }
    }
}
