import Foundation
import Testing

/// Calls of the C library that fail, one in each run. The commands end with a documented status and a line, and leave
/// whole files only.
@Suite(.serialized) struct FaultInjectionTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/faults.c").path
    private static let statuses: Set<Int32> = [0, 65, 66, 70, 73, 74]

    private let work: WorkFolder
    private let library: String

    init() throws {
        work = try WorkFolder()
        library = "\(work.path)/faults.so"
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["clang", "-shared", "-fPIC", "-O1", Self.fixture, "-o", library]
        try #require(Command.Running(compiler).wait().status == 0)
    }

    private func run(_ command: Command, _ arguments: [String], failing call: String, at number: Int) throws
        -> Command.Result
    {
        let faults = [
            "SWIFT_BACKTRACE": "enable=no", "LD_PRELOAD": library, "FAULT_CALL": call, "FAULT_AT": "\(number)",
        ]
        return try command.start(arguments, in: work.path, environment: faults).wait()
    }

    private func content(_ name: String) -> Data? {
        try? Data(contentsOf: URL(fileURLWithPath: "\(work.path)/\(name)"))
    }

    private func remove(_ name: String) { try? FileManager.default.removeItem(atPath: "\(work.path)/\(name)") }

    /// Checks how a command ended.
    private func expectOrderly(_ result: Command.Result, _ place: Comment) {
        #expect(Self.statuses.contains(result.status), "\(place): \(result)")
        #expect(result.status == 0 || result.errors.contains("error: "), "\(place): \(result)")
        let all = work.files + ((try? FileManager.default.contentsOfDirectory(atPath: "\(work.path)/r")) ?? [])
        #expect(!all.contains { $0.contains(".partial-") }, "\(place): \(all)")
    }

    @Test(arguments: ["open", "read", "write", "fsync", "rename", "mmap", "malloc"])
    func masks(_ call: String) throws {
        let made = try Command.train.run(
            "synthesize", "c", "--tiles", "0", "--crops", "1", "--crop-size", "300", in: work.path)
        try #require(made.status == 0)
        let arguments = ["c/wsi_crop_1.jpg", "--output", "m.png", "--geojson", "m.geojson", "--threads", "1"]
        try #require(Command.mask.start(arguments, in: work.path).wait().status == 0)
        let whole = ["m.png", "m.geojson"].map(content)
        let numbers = call == "malloc" ? [1, 50, 400, 900, 2000, 4000, 8000] : [1, 2, 3, 4, 5, 6, 7, 9, 12, 20, 40]
        for number in numbers {
            for name in ["m.png", "m.geojson", "m.json"] { remove(name) }
            let result = try run(.mask, arguments, failing: call, at: number)
            // Without memory, libraries and the Swift runtime trap before the program has begun.
            if call != "malloc" { expectOrderly(result, "call \(number) of \(call)") }
            for (name, whole) in zip(["m.png", "m.geojson"], whole) {
                let found = content(name)
                #expect(found == nil && result.status != 0 || found == whole, "\(name), call \(number) of \(call)")
            }
        }
    }

    @Test(arguments: ["open", "read", "write", "fsync", "rename", "mmap"]) func training(_ call: String) throws {
        let made = try Command.train.run("synthesize", "d", "--tiles", "24", "--crops", "0", in: work.path)
        try #require(made.status == 0)
        for number in [1, 3, 10, 30] {
            remove("r")
            let result = try run(
                .train, ["d", "--architecture", "compact", "--epochs", "1", "--output", "r"], failing: call, at: number)
            expectOrderly(result, "call \(number) of \(call)")
        }
    }
}
