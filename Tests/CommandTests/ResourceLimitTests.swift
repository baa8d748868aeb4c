import Foundation
import TestSupport
import Testing

/// Refusals of the system: memory, threads, file sizes. The commands end with a line and a status, never by a signal.
@Suite(.serialized) struct ResourceLimitTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        try #require(
            Command.train.run("synthesize", "d", "--tiles", "40", "--crops", "1", "--crop-size", "512", in: work.path)
                .status == 0)
    }

    /// Runs a command of the shell before the program, in the same process.
    private func limited(_ command: Command, by limit: String, _ arguments: String) throws -> Command.Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "\(limit); exec \"$0\" \(arguments)", command.path]
        process.currentDirectoryURL = URL(fileURLWithPath: work.path)
        return try Command.Running(process).wait()
    }

    private var leftovers: [String] { work.files.filter { $0.contains(".partial-") } }

    @Test func fileSizes() throws {
        let mask = try limited(.mask, by: "ulimit -f 8", "d/wsi_crop_1.jpg --stride 32 --output m.tif --heatmap h.tif")
        #expect(mask.status == 73 && mask.errors.contains("(File too large)"), "\(mask)")
        #expect(leftovers.isEmpty && !work.files.contains("m.tif"))
        let train = try limited(.train, by: "ulimit -f 100", "d --architecture compact --epochs 1 --output r")
        #expect(train.status == 73, "\(train)")
        #expect(train.errors.hasSuffix("error: r/last.safetensors: cannot be written (File too large)\n"))
    }

    /// The sizes of all tiles are known before any memory is taken.
    @Test func dataSetsLargerThanTheMemoryEndWithAMessage() throws {
        let count = 20_000
        for index in 40..<count {
            try #require(link("\(work.path)/d/tile_0.png", "\(work.path)/d/tile_\(index).png") == 0)
        }
        let result = try limited(.train, by: "ulimit -v 3000000", "explore d --threads 1")
        #expect(result.status == 70)
        #expect(
            result.errors.contains("error: d: expected memory for \(count) tiles, which take 3750 MiB"), "\(result)")
    }

    @Test(arguments: [200, 300, 400, 500, 600]) func addressSpace(_ megabytes: Int) throws {
        for (command, arguments) in [
            (Command.mask, "d/wsi_crop_1.jpg --output m.png"),
            (.train, "d --architecture compact --epochs 1 --output r"),
        ] {
            let result = try limited(command, by: "ulimit -v \(megabytes * 1000)", arguments)
            let last = result.errors.split(separator: "\n").last ?? ""
            // 127: the libraries do not fit.
            #expect([0, 70, 127].contains(result.status), "\(result)")
            #expect(megabytes > 200 || result.status != 0, "nothing fits into 200 MB")
            // OpenMP may find too little where the program found enough, and then it does not speak of memory.
            #expect(result.status != 70 || last.hasPrefix("error: "), "\(result)")
            #expect(leftovers.isEmpty)
            try? FileManager.default.removeItem(atPath: "\(work.path)/r")
        }
    }

    /// Needs the right to make a group of processes (cgroup v1); does nothing otherwise.
    @Test func threads() throws {
        let group = "/sys/fs/cgroup/pids/nuclei-test-\(ProcessInfo.processInfo.processIdentifier)"
        guard (try? FileManager.default.createDirectory(atPath: group, withIntermediateDirectories: false)) != nil
        else {
            return
        }
        defer { rmdir(group) }
        for count in [1, 2, 3] {
            guard (try? "\(count)".write(toFile: "\(group)/pids.max", atomically: false, encoding: .utf8)) != nil
            else { return }
            let mask = try limited(
                .mask, by: "echo $$ >\(group)/cgroup.procs", "d/wsi_crop_1.jpg --output \(count).png")
            #expect(mask.status == 0, "\(mask)")
            let train = try limited(
                .train, by: "echo $$ >\(group)/cgroup.procs", "d --architecture compact --epochs 1 --output r\(count)")
            #expect(train.status == 0, "\(train)")
        }
        let masks = try [1, 3].map { try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/\($0).png")) }
        #expect(masks[0] == masks[1], "results depend on the number of threads")
    }
}

/// Libraries that end the process.
struct AbnormalEndTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        // The first is large enough for a signal to arrive while it is masked.
        for (name, size) in [("a", "1024"), ("b", "300"), ("c", "300")] {
            let made = try Command.train.run(
                "synthesize", name, "--tiles", "0", "--crops", "1", "--crop-size", size, in: work.path)
            try #require(made.status == 0)
            try FileManager.default.moveItem(
                atPath: "\(work.path)/\(name)/wsi_crop_1.jpg", toPath: "\(work.path)/\(name).jpg")
        }
    }

    /// Masks all images; while the first is masked, a signal arrives.
    private func mask(stride: Int, sending signal: Int32? = nil) throws -> Command.Result {
        let arguments = ["a.jpg", "b.jpg", "c.jpg", "--stride", "\(stride)", "--threads", "1"]
        let running = try Command.mask.start(arguments, in: work.path)
        if let signal {
            #expect(work.waitForFile(in: ".") { $0 == "a_nuclei_mask.png.windows" })
            kill(running.process.processIdentifier, signal)
        }
        return running.wait()
    }

    @Test(arguments: [SIGABRT, SIGSEGV]) func aLaterRunGoesPastTheImage(_ signal: Int32) throws {
        let first = try mask(stride: 8, sending: signal)
        #expect(first.status == 70, "\(first)")
        #expect(first.errors.hasSuffix("error: a.jpg: expected to finish, found an abnormal end (\(name(signal)))\n"))
        #expect(work.files.contains("a_nuclei_mask.png.failed"))
        #expect(!work.files.contains { $0.contains(".partial-") })
        let second = try mask(stride: 8)
        #expect(second.status == 65 && second.output.contains("2 done, 1 failed"), "\(second)")
        #expect(
            second.errors.contains(
                "error: a.jpg: expected an image that can be read, found that the program ended abnormally"))
        // Other settings make another attempt.
        #expect(try mask(stride: 64).output.contains("3 images: 3 done"))
        #expect(!work.files.contains { $0.hasSuffix(".failed") })
    }

    private func name(_ signal: Int32) -> String {
        [SIGABRT: "SIGABRT", SIGSEGV: "SIGSEGV"][signal] ?? ""
    }
}
