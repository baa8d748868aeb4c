import Foundation
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
        #expect(masked.status == 0 && masked.problems.isEmpty, "\(masked)")
        #expect(work.files.contains("a_nuclei_mask.png") && work.files.contains("summary.csv"))
        let record = try String(contentsOfFile: "\(work.path)/a_nuclei_mask.json", encoding: .utf8)
        #expect(record.contains("\"resolutionSource\" : \"user\""))
        let again = try run("--images", "list.csv", "--mpp-override")
        #expect(again.output.contains("2 images: 2 skipped in "), "\(again)")
    }

    @Test func problems() throws {
        try work.write("a.png\nmissing.png\nc.png\n", to: "list.txt")
        let missing = try run("--images", "list.txt", "-q")
        #expect(
            missing.status == 66
                && missing.errors == "error: missing.png: cannot be read (No such file or directory)\n", "\(missing)")
        #expect(work.files.contains("c_nuclei_mask.png"))
        try work.write("image,mpp\na.png,0.25\nb.png,250\n", to: "list.csv")
        let wrong = try run("plan", "--images", "list.csv")
        #expect(
            wrong.status == 65
                && wrong.errors == "error: list.csv:3: expected 0.05 to 20 microns per pixel, found 250\n", "\(wrong)")
        let replaced = try run("--images", "list.txt", "--summary", "list.txt")
        #expect(replaced.status == 73 && replaced.problems.contains("found the same"), "\(replaced)")
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
}
