import Foundation
import Foundations
import Imaging
import Testing

/// Masking several images with one command.
@Suite(.serialized) struct ManyImagesTests {
    let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        try FileManager.default.createDirectory(atPath: "\(work.path)/s", withIntermediateDirectories: true)
    }

    /// An image of 300 x 260 pixels: 4 windows at the default stride.
    func image(_ name: String, width: Int = 300, height: Int = 260, seed: Int = 1) throws {
        let writer = try PNGWriter(path: "\(work.path)/\(name)", width: width, height: height, channels: .rgb)
        for y in 0..<height {
            let row = (0..<width * 3).map { UInt8(truncatingIfNeeded: ($0 / 30 * seed + y / 20) &* 97) }
            try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) }
        }
        try writer.finish()
    }

    func mask(_ arguments: String...) throws -> Command.Result {
        try Command.mask.start(arguments, in: work.path).wait()
    }

    func files(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(work.path)/\(folder)")) ?? []).sorted()
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(work.path)/\(name)", encoding: .utf8)
    }

    /// Rows of a summary without the columns that differ from run to run, shares and seconds, and without areas.
    func rows(_ name: String) throws -> [String] {
        try text(name).split(separator: "\n").dropFirst().map { line in
            var cells = line.split(separator: ",", omittingEmptySubsequences: false)
            if cells.count > 15, !cells[9].isEmpty {
                cells.replaceSubrange(9...15, with: ["share", "", "", "", "", "", "seconds"])
            }
            return cells.joined(separator: ",")
        }
    }

    /// Files that a run wrote are no images, wherever they are and whatever their names.
    @Test func outputsAreLeftOut() throws {
        try image("s/a.png")
        for (index, outputs) in [["--heatmap", "{}_h.png"], ["--probabilities", "{}_p.tif"], []].enumerated() {
            let result = try Command.mask.start(["s/.", "-m", "nuclei-compact"] + outputs, in: work.path).wait()
            #expect(result.status == 0 && result.output.contains("1 image: 1 done"), "\(index): \(result)")
        }
        #expect(try mask("s", "-m", "nuclei-compact").output.contains("1 image: 1 skipped"))
        try FileManager.default.createDirectory(atPath: work.path + "/t", withIntermediateDirectories: false)
        for arguments in [["overlay", "s/a.png", "-o", "s/red.jpg"], ["s/a.png", "-o", "t/m.png"]] {
            #expect(try Command.mask.start(arguments, in: work.path).wait().status == 0)
        }
        #expect(try mask("s", "t", "-m", "nuclei-compact").output.contains("1 image: 1 skipped"))
        for name in ["s/a_h.png", "s/a_p.tif", "s/a_nuclei_mask.png", "s/red.jpg", "t/m.png"] {
            let result = try mask(name)
            #expect(result.status == 65)
            #expect(
                result.problems
                    == "error: \(name): expected an image of tissue, found a mask or picture that nuclei 0.1.0 wrote\n")
        }
        let other = try mask("s/a.png", "-m", "nuclei-compact", "-o", "s/a_nuclei_mask.tif")
        #expect(other.errors.contains("s/a_nuclei_mask.json is the record of s/a_nuclei_mask.png, and will be that of"))
    }

    @Test func aBrokenImageDoesNotStopTheOthers() throws {
        try image("s/a1.png")
        try image("s/a10.png", seed: 3)
        try work.write("not an image", to: "s/a2.png")
        try image("s/a3.png", seed: 5)
        let whole = try #require(FileManager.default.contents(atPath: "\(work.path)/s/a3.png"))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: "\(work.path)/s/a3.png"))
        let result = try mask("s", "none.svs", "-m", "nuclei-compact", "--mpp", "0.25")
        #expect(result.status == 66, "\(result)")
        let errors = result.problems.split(separator: "\n")
        #expect(errors.count == 3, "\(result)")
        #expect(errors[0] == "error: s/a2.png: expected a PNG, JPEG, TIFF or whole-slide image, found text")
        #expect(errors[1].hasPrefix("error: s/a3.png: "))
        #expect(errors[2] == "error: none.svs: cannot be read (No such file or directory)")
        #expect(
            files("s").filter { $0.contains("nuclei") } == [
                "a10_nuclei_mask.json", "a10_nuclei_mask.png", "a1_nuclei_mask.json", "a1_nuclei_mask.png",
            ])
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0].hasPrefix("s/a1.png: 300 x 260 pixels, 4 windows in ") && lines[0].contains("; nuclei cover "))
        #expect(lines[1].hasPrefix("s/a10.png: 300 x 260 pixels, 4 windows in "))
        #expect(lines[2].isEmpty && lines[3].hasPrefix("image     state   windows  predicted "))
        #expect(lines[4].hasPrefix("a1.png    done          4          4 ") && lines[5] == "a2.png    failed")
        #expect(lines[8] == "none.svs  failed" && lines[9].isEmpty)
        #expect(lines[10].hasPrefix("5 images: 2 done, 3 failed in 0:0"))
        #expect(lines[11] == "summary: summary.csv")
        #expect(
            try text("summary.csv").hasPrefix(
                "image,state,windows,predicted,background,outside,unreadable,nuclei_count,nuclei_per_mm2,nuclei_share,"
                    + "nuclei_mm2,no_nuclei_mm2,background_mm2,outside_mm2,unreadable_mm2,seconds,mask,problem\n"))
        let rows = try rows("summary.csv")
        #expect(rows[0] == "s/a1.png,done,4,4,0,0,0,,,share,,,,,,seconds,s/a1_nuclei_mask.png,")
        #expect(
            rows[1] == "s/a2.png,failed,,,,,,,,,,,,,,,,"
                + "\"s/a2.png: expected a PNG, JPEG, TIFF or whole-slide image, found text\"")
        #expect(rows[2].hasPrefix("s/a3.png,failed,,") && rows[3].hasPrefix("s/a10.png,done,4,4,"))
        #expect(rows[4] == "none.svs,failed,,,,,,,,,,,,,,,,none.svs: cannot be read (No such file or directory)")

        // Finished images are skipped, with the same row in the summary.
        let again = try mask("s", "none.svs", "-m", "nuclei-compact", "--mpp", "0.25")
        #expect(again.status == 66)
        #expect(again.errors.hasPrefix("2 files left out: masks and other outputs\n"), "\(again)")
        #expect(
            again.output.contains("s/a1.png: already finished, skipped (use --overwrite to mask it again)\n")
                && again.output.contains("5 images: 2 skipped, 3 failed in "))
        let skipped = try self.rows("summary.csv")
        #expect(skipped[0] == "s/a1.png,skipped,4,4,0,0,0,,,share,,,,,,seconds,s/a1_nuclei_mask.png,")
        #expect(Array(skipped[1...2]) == Array(rows[1...2]))
    }

    @Test func finishedImagesAreSkipped() throws {
        try image("s/a.png")
        try image("s/b.png", seed: 3)
        let shared = ["--output-folder", "out/deep", "-m", "nuclei-compact", "--mpp", "0.25"]
        let first = try Command.mask.start(["s/a.png", "s/b.png"] + shared, in: work.path).wait()
        try #require(first.status == 0 && first.problems.isEmpty, "\(first)")
        #expect(
            files("out/deep") == [
                "a_nuclei_mask.json", "a_nuclei_mask.png", "b_nuclei_mask.json", "b_nuclei_mask.png", "summary.csv",
            ])
        #expect(files("s") == ["a.png", "b.png"] && work.files == ["out", "s"])
        func counts(_ arguments: String...) throws -> String {
            let result = try Command.mask.start(["s"] + shared + arguments, in: work.path).wait()
            try #require(result.status == 0, "\(result)")
            let line = result.output.split(separator: "\n").first { $0.hasPrefix("2 images: ") } ?? ""
            return String(
                line.dropFirst("2 images: ".count).prefix { $0 != " " || !line.isEmpty }
                    .components(separatedBy: " in ")[0])
        }
        #expect(try counts() == "2 skipped")
        #expect(try counts("--no-shared-features", "--threads", "1") == "2 skipped", "the same results")
        #expect(try counts("--overwrite") == "2 done")
        #expect(try counts("--threshold", "0.6") == "2 done")
        #expect(try counts() == "2 done", "the masks are of another threshold")
        #expect(try counts("--csv", "{}.csv") == "2 done")
        try FileManager.default.removeItem(atPath: "\(work.path)/out/deep/a.csv")
        #expect(try counts("--csv", "{}.csv") == "1 done, 1 skipped", "a file is missing")
        try image("s/b.png", seed: 7)
        #expect(try counts("--csv", "{}.csv") == "1 done, 1 skipped", "another image")

        // A single image is masked again by default.
        for (arguments, skips) in [([], false), (["--overwrite"], false), (["--no-overwrite"], true)] {
            let result = try Command.mask.start(
                ["s/a.png", "--output-folder", "out/deep", "--mpp", "0.25", "--csv", "{}.csv"] + arguments,
                in: work.path
            ).wait()
            #expect(result.status == 0)
            #expect(result.output.contains("skipped") == skips, "\(arguments): \(result)")
            #expect(result.output.contains("mask: out/deep/a_nuclei_mask.png\n") != skips)
            #expect(!result.output.contains("summary"))
        }
    }

    @Test func patternsAndNamesForEveryOutput() throws {
        for name in ["a.png", "b.png", "c.png"] { try image("s/\(name)") }
        let result = try mask(
            "s/[ab].png", "--output", "{}_m.tif", "--csv", "tables_{}.csv", "--geojson", "{}.geojson", "--heatmap",
            "./{}_heat.png", "--summary", "all.csv", "--tissue-geojson", "{}_tissue.geojson")
        try #require(result.status == 0, "\(result)")
        #expect(
            files("s") == [
                "a.geojson", "a.png", "a_m.json", "a_m.tif", "a_tissue.geojson", "b.geojson", "b.png", "b_m.json",
                "b_m.tif", "b_tissue.geojson", "c.png", "tables_a.csv", "tables_b.csv",
            ])
        #expect(work.files == ["a_heat.png", "all.csv", "b_heat.png", "s"])
        #expect(try rows("all.csv").map { $0.split(separator: ",")[0] } == ["s/a.png", "s/b.png"])
        // Outlines that were written can be used as tissue.
        let tissue = try mask("s/[ab].png", "--tissue", "{}_tissue.geojson", "--summary", "all.csv")
        #expect(tissue.errors.contains("s/a.png: tissue on 100.0 %, by s/a_tissue.geojson\n"), "\(tissue)")
        let onto = try mask(
            "s/[ab].png", "--tissue", "{}_tissue.geojson", "--tissue-geojson", "{}_tissue.geojson")
        #expect(onto.status == 73)
        #expect(
            onto.problems == "error: s/a_tissue.geojson: expected another file than the input s/a_tissue.geojson, "
                + "found the same\n")
    }

    @Test func imagesOfEqualNamesGetDistinctMasks() throws {
        try FileManager.default.createDirectory(atPath: "\(work.path)/t", withIntermediateDirectories: true)
        for name in ["s/a.png", "s/b.png", "t/b.png"] { try image(name) }
        try FileManager.default.moveItem(atPath: "\(work.path)/t/b.png", toPath: "\(work.path)/s/a.tif")
        try image("t/b.png")
        #expect(symlink("../s/b.png", "\(work.path)/t/link.png") == 0)
        let result = try mask("s", "t", "--output-folder", "out")
        #expect(result.status == 0, "\(result)")
        #expect(
            files("out").filter { $0.hasSuffix("mask.png") } == [
                "a.png_nuclei_mask.png", "a.tif_nuclei_mask.png", "link_nuclei_mask.png", "s_b_nuclei_mask.png",
                "t_b_nuclei_mask.png",
            ])
    }

    @Test(.timeLimit(.minutes(1))) func inputsThatAreNotFiles() throws {
        try image("s/a.png")
        #expect(mkfifo("\(work.path)/s/b.png", 0o600) == 0 && mkfifo("\(work.path)/t.geojson", 0o600) == 0)
        let result = try mask("s", "/dev/null", "--output-folder", "out")
        #expect(result.status == 66, "\(result)")
        #expect(result.errors.contains("error: s/b.png: expected an image file, found a pipe or a device\n"))
        #expect(result.errors.contains("error: /dev/null: expected an image file, found a pipe or a device\n"))
        #expect(files("out").contains("a_nuclei_mask.png"))
        let outline = try mask("s/a.png", "--tissue", "t.geojson")
        #expect(outline.status == 66 && outline.errors.contains("t.geojson: "), "\(outline)")
    }

    @Test func classesOfOutlines() throws {
        try image("a.png")
        let ring = "[[0,0],[300,0],[300,260],[0,260],[0,0]]"
        try work.write(
            #"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[\#(ring)]},"#
                + #""properties":{"classification":{"name":"Tumor"}}}"#, to: "t.geojson")
        let result = try mask("a.png", "--tissue", "t.geojson", "--tissue-class", "tumor")
        #expect(result.status == 0 && result.errors.contains("tissue on 100.0 %, by t.geojson"), "\(result)")
        let other = try mask("a.png", "--tissue", "t.geojson", "--tissue-class", "Fat")
        #expect(other.status == 65)
        #expect(other.errors.contains("t.geojson: expected objects of the class Fat, found those of Tumor"))
        #expect(try mask("a.png", "--tissue-class", "Fat").status == 64)
    }

    @Test func clashingNamesAreRefusedFirst() throws {
        try FileManager.default.createDirectory(atPath: "\(work.path)/t", withIntermediateDirectories: true)
        for name in ["s/a.png", "s/b.png", "t/a.png"] { try image(name) }
        for (arguments, line) in [
            (
                ["s/a.png", "s/b.png", "--output", "m.png"],
                "--output: expected a name with {}, which stands for the name of each image, found m.png"
            ),
            (
                ["s/a.png", "s/b.png", "--heatmap", "m.png"],
                "--heatmap: expected a name with {}, which stands for the name of each image, found m.png"
            ),
        ] {
            let result = try Command.mask.start(arguments, in: work.path).wait()
            #expect(result.status == 64 && result.problems.hasPrefix("Error: \(line)\n"), "\(arguments): \(result)")
        }
        for (argument, problem) in [
            ("none*.svs", "expected matching files, found none"), ("empty", "expected images or slides, found none"),
        ] {
            try FileManager.default.createDirectory(atPath: "\(work.path)/empty", withIntermediateDirectories: true)
            let result = try mask("s/a.png", argument)
            #expect(result.status == 66 && result.problems == "error: \(argument): \(problem)\n", "\(result)")
        }
        // A file of the user is not a summary.
        try work.write("mine\n", to: "summary.csv")
        let mine = try mask("s/a.png", "s/b.png")
        #expect(mine.status == 73)
        #expect(
            mine.problems
                == "error: summary.csv: expected a summary of masks to replace, found another file (--summary)\n")
        #expect(try text("summary.csv") == "mine\n")
        let onto = try mask("s/a.png", "s/b.png", "--summary", "s/b.png")
        #expect(
            onto.status == 64 && onto.problems.hasPrefix("Error: --summary: expected a name with .csv, found s/b.png\n")
        )
        #expect(files("s") == ["a.png", "b.png"] && work.files == ["empty", "s", "summary.csv", "t"])
    }

    @Test func failingOutputsAffectOneImage() throws {
        try image("s/a.png")
        try image("s/b.png")
        try FileManager.default.createDirectory(
            atPath: "\(work.path)/s/b_nuclei_mask.png", withIntermediateDirectories: true)
        let result = try mask("s/a.png", "s/b.png", "--mpp", "0.5")
        #expect(result.status == 73)
        #expect(result.problems == "error: s/b_nuclei_mask.png: expected a file to write, found a folder\n")
        #expect(result.output.contains("2 images: 1 done, 1 failed in "))
    }

    @Test func summariesDoNotReplaceInputsOrOutputs() throws {
        try image("a.png")
        for (name, found) in [
            ("list.csv", "expected another file than the input list.csv, found the same"),
            ("t.csv", "expected a file of its own, found an output of a.png"),
        ] {
            try work.write("image\na.png\n", to: "list.csv")
            let result = try mask("--images", "list.csv", "-m", "nuclei-compact", "--csv", "t.csv", "--summary", name)
            #expect(result.status == 73 && result.problems == "error: \(name): \(found)\n", "\(result)")
        }
        #expect(work.files == ["a.png", "list.csv", "s"])
    }
}
