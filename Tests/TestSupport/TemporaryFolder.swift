import Foundation
import Foundations

/// A folder that is removed with the object.
package final class TemporaryFolder {
    package let path: FilePath

    package init() throws {
        path = FilePath(NSTemporaryDirectory()).appending("nuclei-test-\(UUID().uuidString)")
        try Folder.make(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path.string) }

    package var names: [String] { Folder.names(in: path).sorted() }

    package func file(_ name: String) -> FilePath { path.appending(name) }

    /// Writes a file and returns its path.
    @discardableResult package func file(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name).string))
        return file(name)
    }

    /// Writes a file and returns its path.
    @discardableResult package func file(_ name: String, _ text: String) throws -> FilePath {
        try file(name, Array(text.utf8))
    }

    package func text(_ name: String) throws -> String {
        try String(contentsOfFile: file(name).string, encoding: .utf8)
    }
}

/// The error that `body` throws; nil if it throws none.
package func fileError(_ body: () throws -> Void) -> FileError? {
    do {
        try body()
        return nil
    } catch {
        return error as? FileError
    }
}
