import Foundation
import Imaging
import Testing

/// Destinations of what is printed.
@Suite(.serialized) struct TerminalTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    private func image(_ name: String, width: Int = 300, height: Int = 260) throws {
        let writer = try PNGWriter(path: "\(work.path)/\(name)", width: width, height: height, channels: .rgb)
        let row = (0..<width * 3).map { UInt8(truncatingIfNeeded: $0 / 30 &* 97) }
        for _ in 0..<height { try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) } }
        try writer.finish()
    }

    private func mask(_ arguments: String..., environment: [String: String] = [:]) throws -> Command.Result {
        try Command.mask.start(arguments, in: work.path, environment: environment).wait()
    }

    /// Text with another control character than line feeds, or with a bidirectional one.
    private func isClean(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            $0 == "\n" || $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && !$0.properties.isBidiControl
        }
    }

    @Test func namesCannotCommandATerminal() throws {
        let name = "a\u{1B}]0;owned\u{7}\u{1B}[2J\nerror: b\u{202E}gnp"
        let escaped = "a\\u{1B}]0;owned\\u{7}\\u{1B}[2J\\nerror: b\\u{202E}gnp"
        let missing = try mask("\(name).png")
        #expect(missing.status == 66)
        #expect(missing.errors == "error: \(escaped).png: expected matching files, found none\n")

        try image("\(name).png")
        try image("b.png")
        let table = try mask("\(name).png", "b.png", "none\t.png", "--csv", "{}.csv", "--verbose")
        #expect(table.status == 66 && isClean(table.output) && isClean(table.errors), "\(table)")
        #expect(table.output.contains("\(escaped).png  done ") && table.errors.contains("error: none\\t.png: "))
        let csv = try String(contentsOfFile: "\(work.path)/summary.csv", encoding: .utf8)
        #expect(csv.contains("\"\(name).png\",done,"), "files keep the true name")
        let plan = try mask("plan", "\(name).png", "\(name).svs")
        #expect(isClean(plan.output) && isClean(plan.errors), "\(plan)")
        let json = try work.json(try mask("\(name).png", "--json").output)
        #expect((json["images"] as? [[String: Any]])?.first?["image"] as? String == "\(name).png")
        let usage = try mask("\(name).png", "--threshold", name)
        #expect(usage.status == 64 && isClean(usage.errors), "\(usage)")
        let clash = try mask("\(name).png", "./\(name).png/../\(name).jpg")
        #expect(isClean(clash.errors) && clash.status != 0)

        try FileManager.default.createDirectory(atPath: "\(work.path)/set", withIntermediateDirectories: true)
        try work.write("filename,label,group\n\"\(name).png\",NUCLEI,\(name)\n", to: "set/labels.csv")
        let set = try Command.train.run("set", in: work.path)
        #expect(set.status != 0 && isClean(set.errors), "\(set)")
        #expect(set.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("error: set/labels.csv:") }, "\(set)")
    }

    @Test func resultsAndRemarksAreSeparate() throws {
        try image("a.png", width: 30)
        let usual = try mask("a.png")
        #expect(usual.status == 0 && usual.output.contains("mask: a_nuclei_mask.png\n"))
        #expect(
            usual.errors.hasPrefix(
                "a.png: 30 x 260 pixels at the resolution of the model, smaller than a tile of 128: padded by reflection\n"
            ),
            "\(usual)")

        let quiet = try mask("a.png", "--mpp", "0.5", "-q")
        #expect(quiet.status == 0 && quiet.output.isEmpty && quiet.errors.isEmpty, "\(quiet)")
        #expect(try mask("nothing.png", "-q").errors.hasPrefix("error: nothing.png: "))
        #expect(try mask("plan", "a.png", "-q").output.contains("no problems found"))

        let verbose = try mask("a.png", "-v", "-t", "1")
        #expect(verbose.output.hasSuffix("mask: a_nuclei_mask.png\n"))
        for text in [
            "model: nuclei-unet, unet, tiles of 128 pixels, SHA-256 ", "1 thread (from --threads)", "computing",
        ] {
            #expect(verbose.errors.contains(text), "\(verbose)")
        }
        #expect(try mask("a.png", "-qv").status == 64)
    }

    @Test func oneDocumentOnStandardOutput() throws {
        try image("a.png")
        try image("b.png")
        let result = try mask("a.png", "b.png", "none.png", "--json", "-o", "{}_m.png")
        #expect(result.status == 66 && result.errors.contains("3 images: 2 done, 1 failed in "), "\(result)")
        let document = try work.json(result.output)
        let images = try #require(document["images"] as? [[String: Any]])
        #expect(images.map { $0["state"] as? String } == ["done", "done", "failed"])
        #expect(images[2]["problem"] as? String == "none.png: cannot be read (No such file or directory)")
        #expect((images[0]["record"] as? [String: Any])?["windows"] != nil && images[1]["mask"] as? String == "b_m.png")
        #expect(document["summary"] as? String == "summary.csv")
        let quiet = try mask("a.png", "--mpp", "0.5", "--json", "--quiet")
        #expect(try quiet.errors.isEmpty && (work.json(quiet.output)["images"] as? [Any])?.count == 1, "\(quiet)")
        let failed = try mask("none.png", "--json")
        #expect(try failed.status == 66 && (work.json(failed.output)["images"] as? [Any])?.count == 1)

        try #require(
            Command.train.run("synthesize", "set", "--tiles", "24", "--crops", "0", "-q", in: work.path).status == 0)
        let trained = try Command.train.run(
            "set", "--architecture", "compact", "--epochs", "1", "-o", "run", "--json", "-t", "2", in: work.path)
        try #require(trained.status == 0, "\(trained)")
        let run = try work.json(trained.output)
        #expect(run["folder"] as? String == "run" && (run["run"] as? [String: Any])?["state"] as? String == "finished")
        #expect(trained.errors.contains("compact  0.17 M parameters"))
        let masked = try mask("a.png", "-m", "run/best.safetensors", "-q")
        #expect(masked.status == 0 && masked.output.isEmpty && masked.errors.isEmpty, "\(masked)")
    }

    @Test func mistypedNamesHaveSuggestions() throws {
        try image("slide.png")
        for (word, meant) in [("masks", "mask"), ("overaly", "overlay"), ("Plan", "plan")] {
            let result = try mask(word, "slide.png")
            #expect(result.status == 64)
            #expect(
                result.errors.hasPrefix(
                    "Error: expected a subcommand or an existing file, found \(word); did you mean nuclei-mask \(meant)?\n"
                ),
                "\(result)")
        }
        #expect(
            try Command.train.run("evalute", "set", in: work.path).errors.contains(
                "did you mean nuclei-train evaluate?"))
        #expect(try Command.bench.run("layer", in: work.path).errors.contains("did you mean kernel-bench layers?"))
        let missing = try mask("sldie.png")
        #expect(missing.status == 66)
        #expect(
            missing.errors == "error: sldie.png: cannot be read (No such file or directory); did you mean slide.png?\n")
        // Short names are similar by chance, however long their extension is.
        try image("last.safetensors")
        #expect(
            try mask("slide.png", "--model", "best.safetensors").errors
                == "error: best.safetensors: cannot be read (No such file or directory)\n")
        // A file of such a name is an image.
        try image("masks")
        #expect(try mask("masks").status == 0)
    }

    @Test func foldersInsideFolders() throws {
        for folder in ["s/x/deep", "s/y"] {
            try FileManager.default.createDirectory(
                atPath: "\(work.path)/\(folder)", withIntermediateDirectories: true)
        }
        for name in ["s/a.png", "s/x/a.png", "s/x/deep/b.png"] { try image(name) }
        let plan = try mask("plan", "s", "--recursive", "--output-folder", "out")
        #expect(plan.status == 0 && !work.files.contains("out"), "\(plan)")
        let result = try mask("s", "--recursive", "--output-folder", "out", "--csv", "{}.csv")
        #expect(result.status == 0 && result.output.contains("3 images: 3 done in "), "\(result)")
        for name in ["a", "x/a", "x/deep/b"] {
            for ending in ["_nuclei_mask.png", "_nuclei_mask.json", ".csv"] {
                #expect(FileManager.default.fileExists(atPath: "\(work.path)/out/\(name)\(ending)"))
            }
        }
        #expect(!FileManager.default.fileExists(atPath: "\(work.path)/out/y"))
        let again = try mask("s", "--recursive", "--output-folder", "out", "--csv", "{}.csv")
        #expect(again.output.contains("3 images: 3 skipped in "), "\(again)")
    }

    @Test func threadsOfTheEnvironment() throws {
        try image("a.png")
        let slurm = try mask("a.png", "-v", environment: ["OMP_NUM_THREADS": "", "SLURM_CPUS_PER_TASK": "3"])
        #expect(slurm.errors.contains("3 threads (from SLURM_CPUS_PER_TASK)"), "\(slurm)")
        let bad = try mask(
            "a.png", "--mpp", "0.5", "-q", environment: ["OMP_NUM_THREADS": "two", "SLURM_CPUS_PER_TASK": "3"])
        #expect(
            bad.errors == "warning: OMP_NUM_THREADS: expected a number of threads, found two; ignored\n", "\(bad)")
    }
}
