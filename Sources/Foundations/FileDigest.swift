import SystemPackage

/// The size and the SHA-256 digest of a file's content.
package struct FileDigest: Codable, Equatable, Sendable {
    package let bytes: Int
    package let sha256: String

    /// Reads the file. Throws `unreadable`.
    package init(_ path: FilePath) throws(FileError) {
        bytes = try Int(FileError.reading(path) { try path.stat().size })
        sha256 = try SHA256.digest(ofFile: path)
    }

    /// Returns whether a file has this size and digest. A file of another size is not read.
    package func matches(_ path: FilePath) -> Bool {
        guard let status = try? path.stat(), status.type == .regular, Int(status.size) == bytes else { return false }
        return (try? SHA256.digest(ofFile: path)) == sha256
    }
}
