import Foundation
import Foundations

/// A folder that is removed with the object.
final class TemporaryFolder {
    let path: FilePath

    init() throws {
        path = FilePath(NSTemporaryDirectory()).appending("foundations-\(UUID().uuidString)")
        try Folder.make(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path.string) }

    var names: [String] { Folder.names(in: path).sorted() }

    func file(_ name: String) -> FilePath { path.appending(name) }

    /// Writes a file and returns its path.
    @discardableResult func file(_ name: String, _ text: String) throws -> FilePath {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name).string))
        return file(name)
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: file(name).string, encoding: .utf8) }
}

/// The error that `body` throws; nil if it throws none.
func fileError(_ body: () throws -> Void) -> FileError? {
    do {
        try body()
        return nil
    } catch {
        return error as? FileError
    }
}
