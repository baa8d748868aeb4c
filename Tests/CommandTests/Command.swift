import Foundation

/// The executables, run as processes.
enum Command: String {
    case train = "nuclei-train"
    case mask = "nuclei-mask"
    case bench = "kernel-bench"

    struct Result: CustomStringConvertible {
        let status: Int32
        let output: String
        let errors: String

        /// The errors and warnings on standard error, without notes.
        var problems: String {
            let lines = errors.split(separator: "\n").filter { line in
                ["error: ", "warning: ", "Error: "].contains { line.hasPrefix($0) }
            }
            return lines.map { "\($0)\n" }.joined()
        }

        var description: String { "status \(status)\noutput: \(output)\nerrors: \(errors)" }
    }

    /// The build folder, which also contains the test program.
    private static var folder: URL {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }

    var path: String { Self.folder.appendingPathComponent(rawValue).path }

    /// The environment of the tests without what changes results or lines of text: threads, kernels, jobs, the terminal.
    private static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { name, _ in
            !["OMP_", "SLURM_", "NUCLEI_ISA", "NUCLEI_CONV", "COLUMNS"].contains { name.hasPrefix($0) }
        }
    }

    /// Starts the command with files for its output, which unlike pipes never block.
    func start(
        _ arguments: [String], in folder: String, environment: [String: String] = [:]
    ) throws -> Running {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = Self.environment.merging(environment) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = FileHandle.nullDevice
        return try Running(process)
    }

    /// Runs the command in a shell, for redirections in `arguments`.
    func shell(_ arguments: String, in folder: String) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "\"$0\" \(arguments)", path]
        process.environment = Self.environment
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        return try Running(process).wait()
    }

    func run(_ arguments: String..., in folder: String) throws -> Result { try run(arguments, in: folder) }

    func run(_ arguments: [String], in folder: String) throws -> Result {
        try start(arguments, in: folder).wait()
    }

    final class Running {
        let process: Process
        private let path = NSTemporaryDirectory() + "nuclei-command-\(UUID().uuidString)"

        init(_ process: Process) throws {
            self.process = process
            for name in ["out", "err"] { try Data().write(to: URL(fileURLWithPath: "\(path).\(name)")) }
            process.standardOutput = FileHandle(forWritingAtPath: "\(path).out")
            process.standardError = FileHandle(forWritingAtPath: "\(path).err")
            try process.run()
        }

        deinit {
            // Ends the command of a failed test.
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            for name in ["out", "err"] { try? FileManager.default.removeItem(atPath: "\(path).\(name)") }
        }

        var output: String { (try? String(contentsOfFile: "\(path).out", encoding: .utf8)) ?? "" }
        var errors: String { (try? String(contentsOfFile: "\(path).err", encoding: .utf8)) ?? "" }

        /// Waits for the end of the process, for at most five minutes.
        func wait() -> Result {
            for _ in 0..<3000 where process.isRunning { Thread.sleep(forTimeInterval: 0.1) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
            return Result(status: process.terminationStatus, output: output, errors: errors)
        }

        /// Waits until the output contains a text, for at most a minute.
        func waitFor(_ text: String) -> Bool {
            for _ in 0..<600 {
                if output.contains(text) { return true }
                if !process.isRunning { return output.contains(text) }
                Thread.sleep(forTimeInterval: 0.1)
            }
            return false
        }
    }
}

/// A temporary folder, removed with the object.
final class WorkFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "nuclei-work-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// Waits until a folder contains a file with a matching name, for at most a minute.
    func waitForFile(in folder: String, _ fits: (String) -> Bool) -> Bool {
        for _ in 0..<600 {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []
            if names.contains(where: fits) { return true }
            Thread.sleep(forTimeInterval: 0.1)
        }
        return false
    }

    var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    func json(_ text: String) throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
    }
}
