import Foundation

/// An external program, to check output files.
package struct OutsideTool: Sendable {
    package struct Result: CustomStringConvertible, Sendable {
        package let status: Int32
        /// Standard output and error.
        package let output: String

        package var description: String { "status \(status): \(output)" }
    }

    private let path: String
    private let arguments: [String]

    /// A program on the `PATH`; nil when it is not installed.
    package init?(_ name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let candidates = folders.map { "\($0)/\(name)" }
        guard let path = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            return nil
        }
        self.path = path
        arguments = []
    }

    /// Python with the given modules, from `NUCLEI_PYTHON` or the `PATH`; nil when it is not installed.
    package init?(pythonWith modules: String...) {
        let named = ProcessInfo.processInfo.environment["NUCLEI_PYTHON"]
        guard let path = named ?? OutsideTool("python3")?.path else { return nil }
        self.path = path
        arguments = ["-c"]
        guard let probe = try? run("import \(modules.joined(separator: ", "))"), probe.status == 0 else { return nil }
    }

    /// Runs the program and waits for it. For Python, the first argument is the script.
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
