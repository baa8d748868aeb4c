import Glibc
import SystemPackage

extension FilePath {
    /// The path from the root, without `.` and `..`; symbolic links stay.
    package var absolute: FilePath {
        if isAbsolute { return lexicallyNormalized() }
        guard let current = getcwd(nil, 0) else { return lexicallyNormalized() }
        defer { free(current) }
        return FilePath(platformString: current).pushing(self).lexicallyNormalized()
    }

    /// The place that the path leads to: symbolic links are followed as far as files and folders exist. Equal for all
    /// paths of one file, whether it exists or not.
    package var location: FilePath {
        if let resolved { return resolved }
        guard let name = lastComponent else { return absolute }
        return folder.location.appending(name)
    }
}

extension Folder {
    /// The names in a folder, unsorted, without `.` and `..`. Throws `unreadable`.
    package static func contents(of folder: FilePath) throws(FileError) -> [String] {
        guard let stream = opendir(folder.string) else { throw .unreadable(folder) }
        defer { closedir(stream) }
        var names = [String]()
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
