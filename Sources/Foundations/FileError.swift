/// What went wrong with a file, in words a user can act on.
///
/// Every module reports the world's errors about files with this one type, so that a command can turn any of them
/// into one line and an exit status.
package struct FileError: Error, Equatable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// The file or folder is not there, or may not be read.
        case unreadable
        /// The file is there, but its content is not what it has to be.
        case malformed
        /// The file could not be written, or may not be overwritten.
        case unwritable
    }

    package let path: String
    package let kind: Kind
    /// The rest of the line after the path, without a full stop: "expected ..., found ...".
    package let problem: String

    package init(_ path: String, _ kind: Kind, _ problem: String) {
        self.path = path
        self.kind = kind
        self.problem = problem
    }

    package init(_ path: String, expected: String, found: String) {
        self.init(path, .malformed, "expected \(expected), found \(found)")
    }

    package var description: String { "\(path): \(problem)" }
}

extension FileError: Encodable {
    /// As its line.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
