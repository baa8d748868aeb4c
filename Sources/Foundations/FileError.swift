import SystemPackage

/// A problem with a file, in words a user can act on.
///
/// Every module throws this one type for problems that come from outside, so that a command can turn each of them into
/// one line and an exit status.
package struct FileError: Error, Equatable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// The file or folder is missing, or may not be read.
        case unreadable
        /// The file exists, but its content is not valid.
        case malformed
        /// The file could not be written, or may not be overwritten.
        case unwritable
        /// Another process works on the file or in the folder; later it may be free.
        case busy
        /// The memory does not suffice for the file.
        case lacksMemory
        /// A library that reads the file cannot be loaded.
        case unavailable
    }

    /// The file as the user named it, or the name of another source, such as "standard output".
    package let path: String
    package let kind: Kind
    /// The rest of the line after the path, without a period: "expected ..., found ...".
    package let problem: String

    /// An error about something that is not a file on disk.
    @_disfavoredOverload
    package init(_ source: String, _ kind: Kind, _ problem: String) {
        self.path = source
        self.kind = kind
        self.problem = problem
    }

    package init(_ path: FilePath, _ kind: Kind, _ problem: String) {
        self.init(path.string, kind, problem)
    }

    /// A malformed source that is not a file on disk.
    @_disfavoredOverload
    package init(_ source: String, expected: String, found: String) {
        self.init(source, .malformed, "expected \(expected), found \(found)")
    }

    /// A malformed file.
    package init(_ path: FilePath, expected: String, found: String) {
        self.init(path.string, expected: expected, found: found)
    }

    /// A failed system call: "cannot be read (No such file or directory)".
    package init(_ path: FilePath, _ kind: Kind, cannotBe participle: String, _ errno: Errno) {
        self.init(path, kind, "cannot be \(participle) (\(errno))")
    }

    /// `unreadable`, for a system call that failed.
    package static func unreadable(_ path: FilePath, _ errno: Errno = .last) -> FileError {
        FileError(path, .unreadable, cannotBe: "read", errno)
    }

    /// `unwritable`, for a system call that failed.
    package static func unwritable(_ path: FilePath, _ errno: Errno = .last) -> FileError {
        FileError(path, .unwritable, cannotBe: "written", errno)
    }

    package var description: String { "\(path): \(problem)" }
}

extension FileError: Encodable {
    /// Encodes the error as its one-line description.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
