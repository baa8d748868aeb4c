import Glibc
// Modules that import Foundations get `FilePath`, `FileDescriptor` and `Errno` with it.
@_exported import SystemPackage

/// Lets a path be written as an interpolated literal: `let path: FilePath = "\(folder)/labels.csv"`.
extension FilePath: @retroactive ExpressibleByStringInterpolation {}

extension FilePath {
    /// The last component, such as "slide.svs" of "data/slide.svs"; the whole path where it has none, such as "/".
    package var name: String { lastComponent?.string ?? string }

    /// The folder of the file that the path names; "." for a path of one component.
    package var folder: FilePath {
        let parent = removingLastComponent()
        return parent.isEmpty ? "." : parent
    }

    /// The extension in lower case, without its dot; empty where there is none.
    package var lowercasedExtension: String { (self.extension ?? "").lowercased() }

    /// The path without the extension of its last component.
    package var removingExtension: FilePath {
        var path = self
        path.extension = nil
        return path
    }

    /// The path with text added to the end of its last component.
    package func withSuffix(_ suffix: String) -> FilePath {
        guard let last = lastComponent else { return FilePath(string + suffix) }
        return removingLastComponent().appending(last.string + suffix)
    }

    /// A path of another name in the same folder.
    package func sibling(_ name: String) -> FilePath { removingLastComponent().appending(name) }

    /// The file that the path names, after following symbolic links; nil where none exists or its folder is unreadable.
    private var status: Stat? { try? stat() }

    package var exists: Bool { status != nil }
    package var isFolder: Bool { status?.type == .directory }
    package var isFile: Bool { status?.type == .regular }

    /// The absolute path with every symbolic link followed; nil where the file does not exist.
    package var resolved: FilePath? {
        guard let real = withPlatformString({ realpath($0, nil) }) else { return nil }
        defer { free(real) }
        return FilePath(platformString: real)
    }
}
