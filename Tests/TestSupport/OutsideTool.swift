import Foundation

/// A program that is not ours, to check what we write.
package struct OutsideTool: Sendable {
    package struct Result: CustomStringConvertible, Sendable {
        package let status: Int32
        /// Standard output and error.
        package let output: String

        package var description: String { "status \(status): \(output)" }
    }

    private let path: String
    private let arguments: [String]

    /// A program on the `PATH`; nil when it is not there.
    package init?(_ name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let candidates = folders.map { "\($0)/\(name)" }
        guard let path = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            return nil
        }
        self.path = path
        arguments = []
    }

    /// Python with some modules, from `NUCLEI_PYTHON` or the `PATH`; nil when they are not there.
    package init?(pythonWith modules: String...) {
        let named = ProcessInfo.processInfo.environment["NUCLEI_PYTHON"]
        guard let path = named ?? OutsideTool("python3")?.path else { return nil }
        self.path = path
        arguments = ["-c"]
        guard let probe = try? run("import \(modules.joined(separator: ", "))"), probe.status == 0 else { return nil }
    }

    /// Runs the program to its end. For Python the first argument is the script.
    package func run(_ more: String...) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments + more
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: String(decoding: bytes, as: UTF8.self))
    }
}
