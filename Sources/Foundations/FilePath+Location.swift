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
        // "." is its own folder: without this, recursion would not end in a working directory that was deleted.
        guard let name = lastComponent, folder != self else { return absolute }
        return folder.location.appending(name)
    }
}

extension Folder {
    /// Paths of all folders below a folder, from there on: in the order of the bytes of names, a folder before those in
    /// it. Hidden folders are left out, as are those at the places `except`, with all below. Links are followed, but not
    /// to a folder that the link is in. Throws `unreadable`.
    package static func tree(below folder: FilePath, except: [FilePath] = []) throws(FileError) -> [FilePath] {
        var found = [FilePath]()
        func add(_ path: FilePath, _ above: [FilePath]) throws(FileError) {
            let names = try contents(of: folder.pushing(path)).filter { !$0.hasPrefix(".") }
            for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
                let inner = path.appending(name)
                let whole = folder.pushing(inner)
                guard whole.isFolder, !except.contains(whole.place), !above.contains(whole.location) else { continue }
                found.append(inner)
                try add(inner, above + [whole.location])
            }
        }
        try add("", [folder.location])
        return found
    }

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
