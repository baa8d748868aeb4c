import Foundation
import Imaging
import Testing

/// Ctrl-C and terminals.
@Suite(.serialized) struct InterruptionTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        let writer = try PNGWriter(path: "\(work.path)/a.png", width: 2600, height: 2600, channels: .rgb)
        for y in 0..<2600 {
            let row = (0..<2600 * 3).map { UInt8(truncatingIfNeeded: ($0 / 30 * 3 + y / 20) &* 97) }
            try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) }
        }
        try writer.finish()
    }

    @Test(arguments: [SIGINT, SIGTERM]) func theFirstSignalIsAcknowledged(signal: Int32) throws {
        let running = try Command.mask.start(["a.png", "--stride", "16", "--threads", "1"], in: work.path)
        #expect(work.waitForFile(in: ".") { $0 == "a_nuclei_mask.png.windows" })
        Thread.sleep(forTimeInterval: 0.3)
        kill(running.process.processIdentifier, signal)
        let result = running.wait()
        #expect(result.status == 130, "\(result)")
        let lines = result.errors.split(separator: "\n")
        #expect(
            lines.contains(
                signal == SIGINT
                    ? "stopping after the current step; press Ctrl-C again to stop at once"
                    : "stopping after the current step"), "\(result)")
        #expect(lines.last?.hasPrefix("interrupted; no mask was written") == true)
        #expect(!work.files.contains("a_nuclei_mask.png"))
    }

    @Test func theSecondSignalEndsTheProcess() throws {
        // Batches of 512 windows take about a second. The first signal may come at the end of one.
        let arguments = ["a.png", "--stride", "16", "--no-shared-features", "--batch-size", "512", "--threads", "1"]
        var wasKilled = false
        for _ in 0..<10 where !wasKilled {
            let running = try Command.mask.start(arguments, in: work.path)
            #expect(work.waitForFile(in: ".") { $0 == "a_nuclei_mask.png.windows" })
            Thread.sleep(forTimeInterval: 0.2)
            kill(running.process.processIdentifier, SIGINT)
            while running.process.isRunning, !running.errors.contains("stopping after the current step") {
                Thread.sleep(forTimeInterval: 0.01)
            }
            kill(running.process.processIdentifier, SIGINT)
            let result = running.wait()
            wasKilled = running.process.terminationReason == .uncaughtSignal
            #expect(wasKilled ? result.status == SIGINT : result.status == 130, "\(result)")
            #expect(!work.files.contains("a_nuclei_mask.png"))
        }
        #expect(wasKilled)
        let later = try Command.mask.run("a.png", in: work.path)
        #expect(later.status == 0 && work.files == ["a.png", "a_nuclei_mask.json", "a_nuclei_mask.png"], "\(later)")
    }

    /// A data set that takes seconds to read.
    @Test func readingStopsAtOnce() throws {
        let made = try Command.train.run("synthesize", "set", "--tiles", "1", "--crops", "0", in: work.path)
        try #require(made.status == 0, "\(made)")
        let names = (1...3000).map { "\($0).png" }
        for name in names { try #require(link("\(work.path)/set/tile_0.png", "\(work.path)/set/\(name)") == 0) }
        let rows = names.map { "\($0),NUCLEI,\($0)\n" }.joined()
        try work.write("filename,label,group\n" + rows, to: "set/labels.csv")
        let running = try Command.train.start(
            ["explore", "set", "--threads", "1", "--output", "page"], in: work.path)
        Thread.sleep(forTimeInterval: 1)
        try #require(running.process.isRunning)
        kill(running.process.processIdentifier, SIGINT)
        let result = running.wait()
        #expect(result.status == 130 && result.errors.hasSuffix("interrupted while reading input\n"), "\(result)")
        #expect(work.files == ["a.png", "set"])
    }

    /// Runs the command on a terminal of a width; returns what the terminal received.
    private func terminal(_ arguments: String, columns: Int, environment: String = "TERM=xterm") throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
        process.arguments = [
            "-qefc", "stty cols \(columns) rows 24; \(environment) exec \(Command.mask.path) \(arguments)", "/dev/null",
        ]
        process.currentDirectoryURL = URL(fileURLWithPath: work.path)
        return try Command.Running(process).wait().output
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")), arguments: [30, 50, 80, 132])
    func progressStaysInItsLine(columns: Int) throws {
        let text = try terminal("a.png --stride 16 -t 1", columns: columns)
        let updates = text.components(separatedBy: "\r\u{1B}[J").dropFirst().dropLast()
        #expect(updates.count > 3 && text.contains("mask: a_nuclei_mask.png"), "\(text)")
        let bars = updates.filter { $0.contains("[") }
        #expect(bars.allSatisfy { $0.count < columns && !$0.contains("\n") }, "\(updates)")
        #expect(columns < 50 || bars.contains { $0.hasPrefix("a.png [#") })
        #expect(columns < 132 || bars.contains { $0.contains("MB/s decoded") })
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
    func dumbTerminalsGetPlainLines() throws {
        let text = try terminal("a.png", columns: 80, environment: "TERM=dumb")
        #expect(text.contains("mask: a_nuclei_mask.png") && !text.contains("\u{1B}"), "\(text)")
    }
}
