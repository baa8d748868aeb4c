import Foundation
import Foundations
import Imaging
import Testing

/// `--images` of `nuclei-mask` and `nuclei-mask plan`.
@Suite(.serialized) struct ImageListCommandTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        for name in ["a.png", "b.png", "c.png"] {
            let writer = try PNGWriter(path: .init("\(work.path)/\(name)"), width: 300, height: 260, channels: .rgb)
            let rows = [UInt8](repeating: 200, count: 260 * 900)
            try writer.write(rows: rows.span.bytes, count: 260)
            try writer.finish()
        }
    }

    private func run(_ arguments: String...) throws -> Command.Result {
        try Command.mask.start(arguments, in: work.path).wait()
    }

    @Test func resolutionOfEachImage() throws {
        try work.write("image,mpp\na.png,0.3\n# not now: c.png\n\(work.path)/b.png,\n", to: "list.csv")
        let planned = try run("plan", "c.png", "--images", "list.csv", "--mpp", "0.25", "--json")
        #expect(planned.status == 0, "\(planned)")
        let images = try work.json(planned.output)["images"] as? [[String: Any]] ?? []
        #expect(images.compactMap { $0["image"] as? String } == ["c.png", "a.png", "\(work.path)/b.png"])
        let resolutions = images.map { image in
            let properties = image["properties"] as? [String: Any]
            return (properties?["micronsPerPixel"] as? [String: Double])?["x"]
        }
        #expect(resolutions == [0.25, 0.3, 0.25])

        let masked = try run("--images", "list.csv", "-q", "--mpp-override")
        #expect(masked.status == 0, "\(masked)")
        let assumed =
            "states no resolution of a microscope; treated as having the model's 0.5 microns per pixel (see --mpp)"
        #expect(masked.problems == "warning: \(work.path)/b.png: \(assumed)\n", "only the one without a resolution")
        #expect(work.files.contains("a_nuclei_mask.png") && work.files.contains("summary.csv"))
        let record = try String(contentsOfFile: "\(work.path)/a_nuclei_mask.json", encoding: .utf8)
        #expect(record.contains("\"resolutionSource\" : \"user\""))
        let again = try run("--images", "list.csv", "--mpp-override")
        #expect(again.output.contains("2 images: 2 skipped in "), "\(again)")
    }

    @Test func problems() throws {
        try work.write("a.png\nmissing.png\nc.png\n", to: "list.txt")
        let missing = try run("--images", "list.txt", "--mpp", "0.5", "-q")
        #expect(
            missing.status == 66
                && missing.errors == "error: missing.png: cannot be read (No such file or directory)\n", "\(missing)")
        #expect(work.files.contains("c_nuclei_mask.png"))
        try work.write("image,mpp\na.png,0.25\nb.png,250\n", to: "list.csv")
        let wrong = try run("plan", "--images", "list.csv")
        #expect(
            wrong.status == 65
                && wrong.errors == "error: list.csv:3: expected 0.05 to 20 microns per pixel, found 250\n", "\(wrong)")
        try work.write("image\na.png\n", to: "own.csv")
        let own = try run("--images", "own.csv", "--summary", "own.csv")
        #expect(own.status == 73 && own.problems.contains("found the same"), "\(own)")
        let none = try run("plan")
        #expect(
            none.status == 64 && none.errors.hasPrefix("Error: expected an image, a folder or --images, found none"))
        #expect(try run("--images", "none.txt").status == 66)
    }

    /// Lists that other programs print.
    @Test func pipes() throws {
        let result = try Command.mask.shell("plan --images /dev/stdin -q < /dev/null", in: work.path)
        #expect(result.status == 65 && result.errors.contains("found none"), "\(result)")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "echo b.png | \"$0\" plan --images /dev/stdin", Command.mask.path]
        process.currentDirectoryURL = URL(fileURLWithPath: work.path)
        let piped = try Command.Running(process).wait()
        #expect(piped.status == 0 && piped.output.contains("b.png"), "\(piped)")
    }

    @Test func tasksOfAnArrayShareAList() throws {
        try work.write("a.png\nb.png\n# none\nc.png\n", to: "list.txt")
        let first = try run("--images", "list.txt", "--shard", "1/2", "--output-folder", "m")
        #expect(first.status == 0 && first.errors.contains("shard 1/2: 2 images\n"), "\(first)")
        let second = try Command.mask.start(
            ["--images", "list.txt", "--shard", "slurm", "--output-folder", "m"], in: work.path,
            environment: ["SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "0"]
        ).wait()
        #expect(second.status == 0 && second.errors.contains("shard 2/2: 1 image\n"), "\(second)")
        let masks = ["a", "b", "c"].flatMap { ["\($0)_nuclei_mask.json", "\($0)_nuclei_mask.png"] }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/m").sorted()
                == (masks + ["summary-1-of-2.csv", "summary-2-of-2.csv"]).sorted())
        let none = try run("--images", "list.txt", "--shard", "4/5", "--output-folder", "m")
        #expect(none.status == 0 && none.errors.contains("shard 4/5: 0 images\n"), "\(none)")
        let alone = try run("a.png", "--shard", "1/2")
        #expect(
            alone.status == 64
                && alone.errors.hasPrefix("Error: --shard: expected --images with it, and no other images, found a.png")
        )
    }

    /// Names that look like comments, or that blanks around a path would hide.
    @Test func aPlanHasNamesOfAnyKind() throws {
        let names = ["#1.png", " b.png", "c.png ", " #2.png"]
        for name in names {
            try FileManager.default.copyItem(atPath: "\(work.path)/a.png", toPath: "\(work.path)/\(name)")
        }
        let planned = try Command.mask.start(
            ["plan"] + names + ["--mpp", "0.5", "--table", "plan.csv"], in: work.path
        ).wait()
        #expect(planned.status == 0, "\(planned)")
        let masked = try run("--images", "plan.csv", "--mpp", "0.5", "--output-folder", "o")
        #expect(masked.status == 0, "\(masked)")
        let masks = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/o")
        #expect(masks.filter { $0.hasSuffix(".png") }.count == 4, "\(masks)")
        let summary = try run("summary", "o", "--images", "plan.csv")
        #expect(summary.output.contains("4 images: 4 done"), "\(summary)")
    }

    @Test func aDeletedWorkingDirectoryIsAnError() throws {
        for (arguments, status) in [
            ("a.png --mpp 0.5", 73), ("'\(work.path)/a.png' --mpp 0.5 --output m.png", 73),
            ("overlay a.png", 66), ("plan a.png", 66), ("--images list.csv --mpp 0.5", 66),
        ] {
            let result = try Command.mask.shell(
                "--version >version; mkdir d; cd d; rmdir ../d; exec \"$0\" \(arguments)", in: work.path)
            #expect(
                result.status == status && (result.errors + result.output).contains("(No such file or directory)"),
                "\(arguments): \(result)")
        }
    }

    @Test func aPlanIsAList() throws {
        let writer = try PNGWriter(path: .init("\(work.path)/large.png"), width: 1300, height: 1200, channels: .rgb)
        let rows = [UInt8](repeating: 200, count: 1200 * 3900)
        try writer.write(rows: rows.span.bytes, count: 1200)
        try writer.finish()
        try work.write("image,mpp\na.png,0.3\nlarge.png,\nmissing.png,\n", to: "list.csv")
        let planned = try run("plan", "--images", "list.csv", "--table", "plan.csv", "-t", "1")
        #expect(planned.status == 66, "\(planned)")
        let lines = try String(contentsOfFile: "\(work.path)/plan.csv", encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 4 && lines[0] == "image,mpp,windows,seconds,memory_mb,threads,disk_mb,problem")
        #expect(lines[1].hasPrefix("large.png,,") && lines[2].hasPrefix("a.png,0.3,"), "\(lines)")
        #expect(lines[3].hasPrefix("missing.png,,") && lines[3].hasSuffix("cannot be read (No such file or directory)"))
        let masked = try run("--images", "plan.csv", "--shard", "2/3")
        #expect(masked.status == 0 && work.files.contains("a_nuclei_mask.png"), "\(masked)")
        let onto = try run("plan", "--images", "list.csv", "--table", "list.csv")
        #expect(onto.status == 73 && onto.problems.contains("found the same"), "\(onto)")
    }

    @Test func anImageOfAnotherProcessIsBusy() throws {
        let cache = try FileDescriptor.open(
            "\(work.path)/a_nuclei_mask.png.windows", .readWrite, options: .create, permissions: .ownerReadWrite)
        defer { try? cache.close() }
        #expect(flock(cache.rawValue, LOCK_EX | LOCK_NB) == 0)
        let result = try run("a.png", "b.png", "--summary", "s.csv")
        #expect(result.status == 75 && result.errors.contains("found it locked by another process\n"), "\(result)")
        #expect(work.files.contains("b_nuclei_mask.png"))
        let lock = try FileLock(for: "\(work.path)/a_nuclei_mask.png", owner: "test")
        let plan = try run("plan", "a.png")
        #expect(plan.status == 75 && plan.output.contains("a.png: would fail: "), "\(plan)")
        withExtendedLifetime(lock) {}
        let summary = try String(contentsOfFile: "\(work.path)/s.csv", encoding: .utf8)
        #expect(summary.contains("\na.png,busy,") && summary.contains("\nb.png,"))
        let worse = try run("a.png", "none.png", "--summary", "s.csv")
        #expect(worse.status == 66, "a failure counts more: \(worse)")
    }
}
