import Foundation
import Foundations
import Testing

struct ChildProcessTests {
    private func run(_ script: String, seconds: Double = 20) throws -> (status: Int32, output: String) {
        let path = NSTemporaryDirectory() + "child-\(UUID().uuidString)"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        let child = ChildProcess("/bin/sh", ["-c", script], environment: ["A=b"])
        let status = try child.run(streams: [file.fileDescriptor, file.fileDescriptor], secondsAllowed: seconds)
        return (status, try String(contentsOfFile: path, encoding: .utf8))
    }

    @Test func statusAndOutput() throws {
        #expect(try run("echo $A; exit 3") == (3, "b\n"))
        #expect(try run("kill -9 $$").status == 137)
        #expect(throws: ChildProcess.Failure.timeOut) { try run("sleep 60", seconds: 0.1) }
        #expect(throws: ChildProcess.Failure.cannotStart("No such file or directory")) {
            try ChildProcess("/nowhere/program", [], environment: []).run(streams: [], secondsAllowed: 1)
        }
    }
}
