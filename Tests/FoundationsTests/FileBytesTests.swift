import Foundation
import Foundations
import Testing

struct FileBytesTests {
    private let path = FilePath(NSTemporaryDirectory()).appending("mapped-\(UUID().uuidString)")

    private func problem(_ path: FilePath) -> String {
        do {
            _ = try FileBytes(path)
            return "no error"
        } catch {
            return error.kind == .unreadable ? error.problem : "another kind of error"
        }
    }

    @Test func aMappingKeepsItsContent() throws {
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        let content = Data((0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) })
        try content.write(to: URL(fileURLWithPath: path.string))
        let file = try FileBytes(path)
        defer { withExtendedLifetime(file) {} }
        #expect(Data(file.bytes) == content)
        file.bytes[5000] = 1
        #expect(file.bytes[5000] == 1)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path.string)) == content)
        // Replaced, not written over.
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path.string), options: .atomic)
        #expect(file.bytes.count == 10_000 && file.bytes[9_999] == content[9_999])
        let other = try FileBytes(path)
        #expect(withExtendedLifetime(other) { Data($0.bytes) } == Data([1, 2, 3]))
    }

    @Test func filesThatCannotBeMapped() throws {
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        #expect(problem(path) == "cannot be read (No such file or directory)")
        #expect(problem(FilePath(NSTemporaryDirectory())) == "cannot be read (not a regular file)")
        #expect(mkfifo(path.string, 0o600) == 0)
        #expect(problem(path) == "cannot be read (not a regular file)")
        try FileManager.default.removeItem(atPath: path.string)
        try Data().write(to: URL(fileURLWithPath: path.string))
        #expect(try FileBytes(path).bytes.isEmpty)
    }
}
