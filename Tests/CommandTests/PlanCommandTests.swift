import Foundation
import Imaging
import Testing

/// `nuclei-mask plan` as a user runs it.
@Suite(.serialized) struct PlanCommandTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        try image("a.png", 700, 500)
    }

    private func image(_ name: String, _ width: Int, _ height: Int) throws {
        let writer = try PNGWriter(path: "\(work.path)/\(name)", width: width, height: height, channels: .rgb)
        let row = [UInt8](repeating: 150, count: width * 3)
        for _ in 0..<height { try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) } }
        try writer.finish()
    }

    private func plan(_ arguments: String...) throws -> Command.Result {
        try Command.mask.start(["plan"] + arguments, in: work.path).wait()
    }

    @Test func theTableMatchesTheMasks() throws {
        try image("small.png", 30, 300)
        let result = try plan("a.png", "small.png", "--stride", "64", "--output-folder", "out/deep")
        #expect(result.status == 0 && result.errors.isEmpty, "\(result)")
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines[0].split(separator: " ").joined(separator: " ")
                == "image pixels levels mpp format read tissue windows to compute time memory cache files")
        let cells = lines[1].split(separator: " ").map(String.init)
        #expect(cells.prefix(4) == ["a.png", "700", "x", "500"])
        #expect(Array(cells[4...10]) == ["image", "as", "it", "is", "all", "40", "40"], "\(cells)")
        #expect(lines[2].hasPrefix("small.png   30 x 300 "))
        let assumed =
            "states no resolution of a microscope; treated as having the model's 0.25 microns per pixel (see --mpp)"
        #expect(lines[4] == "a.png: warning: \(assumed)" && lines[6] == "small.png: warning: \(assumed)")
        #expect(
            lines[5]
                == "small.png: 30 x 300 pixels at the resolution of the model, smaller than a tile of 256: padded by "
                + "reflection")
        #expect(lines[8].hasPrefix("time: about 0:0") && lines[8].contains(", estimated: 42 windows at "))
        #expect(
            lines[9].hasPrefix("memory: about ") && lines[9].hasSuffix(" of cache while windows are computed"))
        #expect(lines[10] == "no problems found")
        #expect(work.files == ["a.png", "small.png"], "nothing was written")

        let masked = try Command.mask.run(
            "a.png", "small.png", "--stride", "64", "--output-folder", "out/deep", in: work.path)
        #expect(masked.output.contains("a.png: 700 x 500 pixels, 40 windows in "), "\(masked)")
        let finished = try plan("a.png", "small.png", "--stride", "64", "--output-folder", "out/deep")
        #expect(finished.status == 0 && finished.output.contains("estimated: 0 windows at "))
        #expect(finished.output.contains("a.png: already finished: would be skipped\n"))
    }

    @Test func problemsAreReported() throws {
        try work.write("text", to: "b.svs")
        try FileManager.default.createDirectory(
            atPath: "\(work.path)/d_nuclei_mask.png", withIntermediateDirectories: true)
        try image("d.png", 300, 300)
        try image("wide.png", 70_000, 1)
        let result = try plan("a.png", "b.svs", "none.png", "d.png", "wide.png")
        #expect(result.status == 73, "\(result)")
        #expect(
            result.output.contains("b.svs: would fail: expected a PNG, JPEG, TIFF or whole-slide image, found text\n"))
        #expect(result.output.contains("none.png: would fail: cannot be read (No such file or directory)\n"))
        #expect(
            result.output.contains("d.png: would fail: d_nuclei_mask.png: expected a file to write, found a folder\n"))
        #expect(
            result.output.contains(
                "wide.png: would fail: wide_nuclei_mask.png: expected a PNG of at most 65535 px a side, beyond which "
                    + "viewers fail, found 70000 x 1 px; a .tif pyramid has no such limit\n"))
        #expect(result.output.hasSuffix("\n4 of 5 images would fail\n"))
        #expect(try plan("b.svs").status == 65 && plan("none.png").status == 66)
        #expect(
            try plan("a.png", "--output", "none/a.png").output.contains(
                "a.png: would fail: none/a.png: cannot be written (No such file or directory)\n"))
        #expect(
            try plan("a.png", "--level", "1").output.contains(
                "a.png: would fail: expected a slide with levels, found an image without levels\n"))
        #expect(try plan("a.png", "--stride", "257").status == 64)
        #expect(work.files == ["a.png", "b.svs", "d.png", "d_nuclei_mask.png", "wide.png"])
    }

    @Test func planAsJSON() throws {
        try work.write("text", to: "b.svs")
        try image("a_truth.png", 700, 500)
        let result = try plan("a.png", "b.svs", "a_truth.png", "--json", "--stride", "64", "--csv", "{}.csv")
        #expect(result.status == 65 && result.errors == "1 file left out: masks and other outputs\n")
        let content = try work.json(result.output)
        let images = try #require(content["images"] as? [[String: Any]])
        let (good, bad) = (images[0], images[1])
        #expect(good["windows"] as? Int == 40 && good["windowsToCompute"] as? Int == 40)
        #expect(good["isFinished"] as? Bool == false && good["problems"] as? [String] == [])
        #expect((good["properties"] as? [String: Any])?["width"] as? Int == 700)
        #expect(good["outputBytes"] as? Int == 4096 + 40 * 40 + 1750)
        #expect(good["cacheBytes"] as? Int == 3 * 4096)
        #expect(bad["problems"] as? [String] == ["b.svs: expected a PNG, JPEG, TIFF or whole-slide image, found text"])
        #expect(bad["windows"] == nil)
        #expect(content["outputBytes"] as? Int == good["outputBytes"] as? Int)
        let (speed, seconds) = (
            try #require(content["windowsPerSecond"] as? Double), try #require(content["seconds"] as? Double)
        )
        #expect(speed > 0 && seconds >= 40 / speed && seconds < 40 / speed + 60)
    }

    @Test func theTissueIsWritten() throws {
        let result = try plan("a.png", "--tissue-geojson", "{}_tissue.geojson")
        #expect(result.status == 0 && work.files == ["a.png", "a_tissue.geojson"], "\(result)")
        let given = try plan("a.png", "--tissue", "a_tissue.geojson")
        #expect(given.output.contains("a.png: tissue on 100.0 %, by a_tissue.geojson\n"))
    }
}
