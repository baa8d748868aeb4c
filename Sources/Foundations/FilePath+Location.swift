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
        guard lastComponent != nil else { return absolute }
        return place
    }

    /// The path from a folder to the file, such as "a.csv" or "../tables/a.csv". Links of folders are followed.
    package func relative(to folder: FilePath) -> FilePath {
        let (own, base) = (Array(place.components), Array(folder.location.components))
        let shared = zip(own, base).prefix { $0 == $1 }.count
        return FilePath(
            root: nil, Array(repeating: FilePath.Component(".."), count: base.count - shared) + own.dropFirst(shared))
    }

    /// The path with the links of its folders followed, but not a link that it is itself.
    package var place: FilePath {
        guard let name = lastComponent else { return absolute }
        return folder.location.appending(name)
    }
}

extension Folder {
    /// The names in a folder, unsorted, without `.` and `..`. Throws `unreadable`.
    package static func contents(of folder: FilePath) throws(FileError) -> [String] {
        try paths(in: folder).map(\.name)
    }

    /// The paths of what is in a folder, unsorted, with the bytes of names that are not UTF-8. Throws `unreadable`.
    package static func paths(in folder: FilePath) throws(FileError) -> [FilePath] {
        guard let stream = folder.withPlatformString({ opendir($0) }) else { throw .unreadable(folder) }
        defer { closedir(stream) }
        var paths = [FilePath]()
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { FilePath(platformString: $0) }
            }
            if name != ".", name != ".." { paths.append(folder.pushing(name)) }
        }
        return paths
    }
}
