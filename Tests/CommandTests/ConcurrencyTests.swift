import Foundation
import Foundations
import Imaging
import Testing

/// Several processes on the same images, as tasks of a cluster are.
@Suite(.serialized) struct ConcurrencyTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        let writer = try PNGWriter(path: .init("\(work.path)/a.png"), width: 2000, height: 2000, channels: .rgb)
        for y in 0..<2000 {
            let row = (0..<6000).map { UInt8(truncatingIfNeeded: ($0 / 30 + y / 20) &* 97) }
            try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) }
        }
        try writer.finish()
    }

    /// Options with which the image takes some seconds.
    private let slow = ["a.png", "--mpp", "0.25", "--stride", "24", "--threads", "1"]

    private func mask(_ arguments: [String], environment: [String: String] = [:]) throws -> Command.Result {
        try Command.mask.start(arguments, in: work.path, environment: environment).wait()
    }

    /// A program in which the command runs: `unshare`, `taskset`.
    private func start(_ program: [String], _ arguments: [String]) throws -> Command.Running {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = program + [Command.mask.path] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: work.path)
        return try Command.Running(process)
    }

    private func start(inNamespace: Bool, _ arguments: [String]) throws -> Command.Running {
        try start(inNamespace ? ["unshare", "--pid", "--fork", "--kill-child"] : [], arguments)
    }

    private func content(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/\(name)"))
    }

    /// Two processes mask one image at the same time: the second is told so, and the first has its files.
    private func race(inNamespace: Bool, _ first: [String], _ second: [String]) throws {
        let running = try start(inNamespace: inNamespace, slow + first)
        #expect(work.waitForFile(in: "") { $0 == ".a_nuclei_mask.png.lock" })
        let result = try start(inNamespace: inNamespace, slow + second).wait()
        #expect(result.status == 75 && running.process.isRunning, "\(result)")
        #expect(
            result.problems
                == "error: a_nuclei_mask.png: expected a file that no process writes, found it locked by another process\n"
        )
        let finished = running.wait()
        #expect(finished.status == 0 && finished.problems.isEmpty, "\(finished)")
        #expect(!work.files.contains { $0.hasPrefix(".") || $0.hasSuffix(".windows") }, "\(work.files)")
        let later = try mask(slow + second + ["--no-overwrite"])
        #expect(later.status == 0 && later.output.contains("already finished, skipped"), "\(later)")
        #expect(try mask(slow + ["--output", "alone.png"]).status == 0)
        #expect(try content("alone.png") == content("a_nuclei_mask.png"))
    }

    @Test func twoProcessesOnOneImage() throws { try race(inNamespace: false, [], []) }

    @Test func twoScratchFolders() throws {
        for name in ["one", "two"] {
            try FileManager.default.createDirectory(atPath: "\(work.path)/\(name)", withIntermediateDirectories: true)
        }
        try race(inNamespace: false, ["--scratch", "one"], ["--scratch", "two"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/one").isEmpty)
    }

    /// In containers, all processes have the number 1.
    @Test func equalProcessNumbers() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["unshare", "--pid", "--fork", "true"]
        guard try Command.Running(process).wait().status == 0 else {
            print("skipped: unshare --pid is not permitted")
            return
        }
        try race(inNamespace: true, [], [])
    }

    @Test func fileSystemsWithoutLocks() throws {
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/faults.c").path
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["clang", "-shared", "-fPIC", "-O1", fixture, "-o", "\(work.path)/faults.so"]
        try #require(Command.Running(compiler).wait().status == 0)
        let faults = [
            "LD_PRELOAD": "\(work.path)/faults.so", "FAULT_CALL": "flock", "FAULT_AT": "all",
        ]
        let warning =
            "its file system has no locks; make sure that no other process writes the same files\n"
        try FileManager.default.copyItem(atPath: "\(work.path)/a.png", toPath: "\(work.path)/b.png")
        let result = try mask(["a.png", "b.png", "--mpp", "0.5"], environment: faults)
        #expect(result.status == 0, "\(result)")
        #expect(result.problems == "warning: a_nuclei_mask.png: \(warning)", "once")
        #expect(!work.files.contains { $0.hasPrefix(".") || $0.hasSuffix(".windows") }, "\(work.files)")
        let made = try Command.train.run("synthesize", "d", "--tiles", "24", "--crops", "0", in: work.path)
        try #require(made.status == 0)
        let trained = try Command.train.start(
            ["d", "--architecture", "compact", "--epochs", "1", "--output", "r"], in: work.path, environment: faults
        ).wait()
        #expect(trained.status == 0 && trained.errors.contains("warning: r: \(warning)"), "\(trained)")
    }

    /// The name of a copy is random.
    @Test func copiesHaveTheObjectsOfTheImage() throws {
        for (name, options) in [("a", []), ("b", ["--stage", "local"])] {
            let result = try mask(
                ["a.png", "--mpp", "0.5", "--output", "\(name)_mask.png", "--nuclei", "\(name).geojson"] + options)
            #expect(result.status == 0, "\(result)")
        }
        let (first, second) = (work.path + "/a.geojson", work.path + "/b.geojson")
        #expect(try String(contentsOfFile: first, encoding: .utf8).contains(#""id":"#))
        #expect(FileManager.default.contentsEqual(atPath: first, andPath: second))
    }

    @Test func copiesAreRemovedAfterAnInterruption() throws {
        let running = try Command.mask.start(slow + ["--stage", "local"], in: work.path)
        #expect(work.waitForFile(in: "") { $0.hasSuffix(".windows") })
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/local").count == 1)
        running.process.interrupt()
        #expect(running.wait().status == 130)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/local").isEmpty)
        #expect(!work.files.contains { $0.hasPrefix(".") }, "\(work.files)")
    }

    @Test func threadsOfTheProcessorsThatATaskHas() throws {
        func threads(_ processors: String) throws -> Int? {
            let result = try start(["-u", "OMP_NUM_THREADS", "taskset", "-c", processors], ["a.png"]).wait()
            #expect(result.status == 0, "\(result)")
            let record = try work.json(String(contentsOfFile: "\(work.path)/a_nuclei_mask.json", encoding: .utf8))
            return (record["execution"] as? [String: Any])?["threads"] as? Int
        }
        #expect(try threads("0") == 1)
    }

    @Test func summaryOfAFolder() throws {
        try FileManager.default.copyItem(atPath: "\(work.path)/a.png", toPath: "\(work.path)/b.png")
        try work.write("b.png\na.png\n", to: "list.txt")
        #expect(try mask(["a.png", "--output-folder", "m"]).status == 0)
        let early = try mask(["summary", "m", "--images", "list.txt"])
        #expect(early.status == 75 && early.problems == "warning: b.png: missing: no record in m\n", "\(early)")
        #expect(early.output == "2 images: 1 done, 1 missing\nsummary: m/summary.csv\n")
        #expect(try mask(["b.png", "--output-folder", "m"]).status == 0)
        let result = try mask(["summary", "m", "--images", "list.txt", "--summary", "late.csv"])
        #expect(result.status == 0 && result.output == "2 images: 2 done\nsummary: late.csv\n", "\(result)")
        // The same rows as one process writes.
        #expect(try mask(["--images", "list.txt", "--output-folder", "n", "--summary", "n.csv"]).status == 0)
        func rows(_ name: String, _ folder: String) throws -> [[String]] {
            try String(decoding: content(name), as: UTF8.self).replacing("\(folder)/", with: "").split(separator: "\n")
                .map { line in
                    var cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                    cells[15] = "seconds"
                    return cells
                }
        }
        #expect(try rows("late.csv", "m") == rows("n.csv", "n"))
        let none = try mask(["summary", "."])
        #expect(none.status == 0, "folders inside count too: \(none)")
        try work.write(String(decoding: content("list.txt"), as: UTF8.self), to: "list.csv")
        #expect(try mask(["summary", "m", "--summary", "list.csv", "--images", "list.csv"]).status == 73)
        // Other files with such names are not records.
        let record = try content("m/b_nuclei_mask.json")
        try work.write("{", to: "m/notes.json")
        #expect(try mask(["summary", "m"]).status == 0)
        try work.write("{", to: "m/b_nuclei_mask.json")
        #expect(try mask(["summary", "m"]).status == 65)
        for folder in ["m", "d"] {
            if folder == "d" {
                try FileManager.default.createDirectory(atPath: "\(work.path)/d", withIntermediateDirectories: true)
            }
            try work.write(String(decoding: record.prefix(500), as: UTF8.self), to: "\(folder)/b_nuclei_mask.json")
            if folder == "d" { try work.write("", to: "d/b_nuclei_mask.png") }
            let damaged = try mask(["summary", folder])
            let warning =
                "\(folder)/b_nuclei_mask.json: expected the whole record of a mask, found a part; mask its image again"
            #expect(damaged.status == 65 && damaged.problems == "warning: \(warning)\n", "\(damaged)")
        }
        #expect(try mask(["summary", "missing"]).status == 66)
    }
}
