import Foundation
import Testing

/// From outlines to nuclei: training a U-Net, and masks with it.
@Suite(.serialized) struct OutlineCommandTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "24", "--unlabeled", "4", "--crops", "1", "--crop-size", "600", "--masks",
            in: work.path)
        try #require(made.status == 0, "\(made)")
        let trained = try Command.train.run(
            "set", "--epochs", "2", "--batch-size", "4", "--output", "run",
            in: work.path)
        try #require(trained.status == 0, "\(trained)")
        #expect(trained.output.contains("unet  0.23 M parameters") && trained.output.contains("F1    Dice"))
    }

    private func mask(_ arguments: String...) throws -> Command.Result {
        try Command.mask.run(
            ["set/wsi_crop_1.jpg", "--model", "run/best.safetensors", "--mpp", "0.25"] + arguments, in: work.path)
    }

    @Test func nucleiAreOutlinedAndScored() throws {
        let masked = try mask(
            "--output", "m.png", "--nuclei", "n.csv", "--labels", "l.tif", "--density", "d.tif", "--geojson",
            "g.geojson")
        try #require(masked.status == 0, "\(masked)")
        #expect(masked.output.contains("1 block in ") && masked.output.contains("nuclei per square millimeter"))
        let record = try work.json(String(contentsOfFile: "\(work.path)/m.json", encoding: .utf8))
        let count = (record["nuclei"] as? [String: Any])?["nuclei"] as? Int
        let digests = try #require(record["digests"] as? [String: Any])
        #expect(digests.keys.sorted() == ["density", "geojson", "labels", "mask", "nuclei"])
        let outlines = try String(contentsOfFile: "\(work.path)/g.geojson", encoding: .utf8)
        #expect(outlines.components(separatedBy: "\"Feature\"").count - 1 == record["polygons"] as? Int)
        let rows = try String(contentsOfFile: "\(work.path)/n.csv", encoding: .utf8).split(separator: "\n")
        #expect(count == rows.count - 1 && rows[0].hasPrefix("id,x,y,area_um2,"))
        let scored = try Command.mask.run("score", "m.png", "set/wsi_crop_1_truth.png", "--json", in: work.path)
        #expect(scored.status == 0 && scored.output.contains("\"dice\""), "\(scored)")
        let labels = try Command.mask.run("score", "l.tif", "m.png", in: work.path)
        #expect(labels.status == 0 && labels.output.contains("  \(count!)"), "\(labels)")
        let plan = try Command.mask.run(
            "plan", "set/wsi_crop_1.jpg", "--model", "run/best.safetensors", "--mpp", "0.25", in: work.path)
        #expect(plan.status == 0 && plan.output.contains("estimated: 1 block at "), "\(plan)")

        let history = try String(contentsOfFile: "\(work.path)/run/history.csv", encoding: .utf8)
        #expect(history.contains("validation_weighted_f1,validation_dice,seconds"))
        let evaluated = try Command.train.run(
            "evaluate", "set", "--model", "run/best.safetensors", "--json", in: work.path)
        #expect(evaluated.status == 0, "\(evaluated)")
        // The score of a tile is fitted for both models of a run.
        for name in ["best", "last"] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/run/\(name).safetensors"))
            let head = String(decoding: bytes.prefix(1 << 16), as: UTF8.self)
            #expect(head.contains("tileScoreFit") && head.contains("fixedPoint"))
        }
    }

    /// Masks state the precision of the network, which counts as a setting.
    @Test func precisionIsASetting() throws {
        func precision(_ arguments: String...) throws -> String {
            let masked = try Command.mask.run(
                [
                    "set/wsi_crop_1.jpg", "--model", "run/best.safetensors", "--mpp", "0.25", "--output", "p.png",
                    "--nuclei", "p.csv", "-v",
                ]
                    + arguments, in: work.path)
            try #require(masked.status == 0, "\(masked)")
            let record = try work.json(String(contentsOfFile: "\(work.path)/p.json", encoding: .utf8))
            let precision = try #require((record["settings"] as? [String: Any])?["precision"] as? String)
            #expect(masked.errors.contains("kernels, \(precision)"), "\(masked)")
            return precision
        }
        func nuclei() throws -> String { try String(contentsOfFile: "\(work.path)/p.csv", encoding: .utf8) }
        #expect(try precision("--precision", "int16") == "int16")
        let fixed = try nuclei()
        #expect(try precision("--precision", "float32", "--no-overwrite") == "float32")
        #expect(try nuclei() != fixed, "the network computes with the same numbers")
        #expect(try precision("--precision", "int16", "--no-overwrite") == "int16")

        let info = try Command.train.run("info", "run/best.safetensors", in: work.path)
        #expect(info.output.contains("int16         probabilities of "), "\(info)")
        let wrong = try mask("--precision", "bf16")
        #expect(wrong.status == 64 && wrong.errors.contains("'bf16' is invalid"), "\(wrong)")
        // A record that was edited, then a model of an earlier version.
        var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/run/best.safetensors"))
        var edited = bytes
        let layer = try #require(bytes.range(of: Data("decoder0.add".utf8)))
        edited.replaceSubrange(layer, with: Data("decoder0.odd".utf8))
        try edited.write(to: URL(fileURLWithPath: "\(work.path)/run/best.safetensors"))
        let incomplete = try mask("--precision", "int16")
        #expect(
            incomplete.status == 65
                && incomplete.errors.contains(
                    "run/best.safetensors: expected a model that can compute with int16, found decoder0.add: no range of "
                        + "its output is recorded"),
            "\(incomplete)")
        let place = try #require(bytes.range(of: Data("fixedPoint".utf8)))
        bytes.replaceSubrange(place, with: Data("otherPoint".utf8))
        try bytes.write(to: URL(fileURLWithPath: "\(work.path)/run/best.safetensors"))
        #expect(try precision() == "float32")
        let refused = try mask("--precision", "int16")
        #expect(
            refused.status == 65
                && refused.errors.contains(
                    "run/best.safetensors: expected a model that records the ranges of its values, for --precision int16, "
                        + "found none"),
            "\(refused)")
    }

    /// Windows in fixed point are the same with and without shared features.
    @Test func windowsAreClassifiedInFixedPoint() throws {
        func windows(_ arguments: String...) throws -> String {
            let masked = try Command.mask.run(
                [
                    "set/wsi_crop_1.jpg", "--model", "nuclei-compact", "--mpp", "0.25", "--stride", "64", "--output",
                    "w.png", "--csv", "w.csv",
                ] + arguments, in: work.path)
            try #require(masked.status == 0, "\(masked)")
            let record = try work.json(String(contentsOfFile: "\(work.path)/w.json", encoding: .utf8))
            #expect((record["settings"] as? [String: Any])?["precision"] as? String == arguments[1])
            return try String(contentsOfFile: "\(work.path)/w.csv", encoding: .utf8)
        }
        let fixed = try windows("--precision", "int16")
        #expect(try windows("--precision", "int16", "--no-shared-features") == fixed)
        #expect(try windows("--precision", "float32", "--no-overwrite") != fixed, "computed with the same numbers")
        #expect(try windows("--precision", "int16", "--no-overwrite") == fixed)
    }

    /// Annotated images of dense tissue have no tile without nuclei. Their outlines teach background.
    @Test func tilesWithoutNucleiMayBeMissing() throws {
        let labels = try String(contentsOfFile: "\(work.path)/set/labels.csv", encoding: .utf8)
        let rows = labels.split(separator: "\n")
        func write(_ rows: some Sequence<Substring>) throws {
            try work.write(rows.map { "\($0)\n" }.joined(), to: "set/labels.csv")
        }
        try write(rows.filter { !$0.contains(",NO_NUCLEUS,") })
        let trained = try Command.train.run("set", "--epochs", "1", "--output", "dense", in: work.path)
        try #require(trained.status == 0, "\(trained)")
        // Neither the score of a tile nor a temperature can be fitted.
        let info = try work.json(
            Command.train.run("info", "dense/best.safetensors", "--json", in: work.path).output)
        #expect(info["calibration"] == nil && "\(info)".contains("unet") && !"\(info)".contains("tileScore"), "\(info)")
        let evaluated = try Command.train.run("evaluate", "set", "--model", "dense/best.safetensors", in: work.path)
        #expect(evaluated.status == 0 && evaluated.output.contains("undefined for tiles of one class"), "\(evaluated)")
        let cycles = try Command.train.run(
            "set", "--strategy", "pseudo-labeling", "--epochs", "1", "--cycles", "1", "--output", "cycles",
            in: work.path)
        #expect(cycles.status == 0, "\(cycles)")
        let explored = try Command.train.run("explore", "set", in: work.path)
        #expect(
            explored.output.contains(
                "- no tile is labeled NO_NUCLEUS: a network learns little of tissue that has no nuclei"), "\(explored)")
        #expect(!explored.output.contains("one class only") && !explored.output.contains("cannot be split"))
        // A network that classifies tiles needs both classes, and one that outlines nuclei needs some.
        for (rows, architecture, name) in [
            (rows.filter { !$0.contains(",NO_NUCLEUS,") }, "compact", "NO_NUCLEUS"),
            (rows.filter { !$0.contains(",NUCLEI,") }, "unet", "NUCLEI"),
        ] {
            try write(rows)
            let refused = try Command.train.run(
                "set", "--architecture", architecture, "--output", "other", in: work.path)
            #expect(refused.status == 65, "\(refused)")
            #expect(
                refused.errors.contains("error: set: expected tiles of both classes, found none labeled \(name)\n"),
                "\(refused)")
        }
        try work.write(labels, to: "set/labels.csv")
    }

    /// Training starts from a bundled model by its name, and learns from one.
    @Test func bundledModelsTeach() throws {
        let trained = try Command.train.run(
            "set", "--epochs", "1", "--initial-model", "nuclei-unet", "--teacher", "nuclei-unet", "--output", "tuned",
            in: work.path)
        try #require(trained.status == 0, "\(trained)")
        let record = try work.json(String(contentsOfFile: "\(work.path)/tuned/run.json", encoding: .utf8))
        let digest = try #require((record["teacherDigests"] as? [String])?.first)
        let info = try work.json(Command.train.run("info", "nuclei-unet", "--json", in: work.path).output)
        #expect("\(info)".contains(digest))
        // Missing files are noticed before tiles are read.
        let missing = try Command.train.run("set", "--teacher", "nope", "--output", "o", in: work.path)
        #expect(
            missing.status == 66 && missing.output.isEmpty
                && missing.errors == "error: nope: cannot be read (No such file or directory)\n", "\(missing)")
        // A model of another format is not tensors alone.
        let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../models")
        var later = try Data(contentsOf: models.appendingPathComponent("nuclei-unet.safetensors"))
        later.replaceSubrange(
            try #require(later.range(of: Data("nuclei-model-1".utf8))), with: Data("nuclei-model-2".utf8))
        try later.write(to: URL(fileURLWithPath: "\(work.path)/later.safetensors"))
        let unknown = try Command.train.run(
            "set", "--epochs", "1", "--initial-model", "later.safetensors", "--output", "o", in: work.path)
        #expect(
            unknown.status == 65
                && unknown.errors.contains("expected a model of format nuclei-model-1, found format nuclei-model-2"),
            "\(unknown)")
        let other = try Command.train.run(
            "set", "--initial-model", "nuclei-compact", "--output", "other", in: work.path)
        #expect(other.status == 65)
        #expect(
            other.errors.contains("error: nuclei-compact: expected a unet model, found a compact model\n"), "\(other)")
    }

    @Test func ensemblesAreNamedInRecords() throws {
        func run(_ arguments: String...) throws -> Command.Result {
            try Command.mask.run(
                ["set/wsi_crop_1.jpg", "--mpp", "0.25", "--output", "m.png", "--nuclei", "n.csv"] + arguments,
                in: work.path)
        }
        let masked = try run("--ensemble", "run/best.safetensors", "nuclei-unet")
        try #require(masked.status == 0, "\(masked)")
        let record = try work.json(String(contentsOfFile: "\(work.path)/m.json", encoding: .utf8))
        let model = try #require(record["model"] as? [String: Any])
        let members = try #require(model["members"] as? [[String: Any]])
        #expect(members.map { $0["path"] as? String } == ["run/best.safetensors", "nuclei-unet"])
        #expect(model["path"] as? String == "run/best.safetensors, nuclei-unet")
        let table = try String(contentsOfFile: "\(work.path)/n.csv", encoding: .utf8)
        #expect(table.split(separator: "\n")[0].hasSuffix(",disagreement"))
        for (arguments, status, message) in [
            (["--ensemble", "nuclei-unet"], Int32(64), "--ensemble: expected two or more models, found 1"),
            (
                ["--ensemble", "nuclei-unet", "nuclei-compact"], 65,
                "error: nuclei-compact: expected a model that outlines nuclei at 0.5 microns per pixel, like nuclei-unet, "
                    + "found a model that classifies windows of 256 pixels at 0.25 microns per pixel"
            ),
            (
                ["--ensemble", "nuclei-unet", "nuclei-unet"], 65,
                "error: nuclei-unet: expected different models, found the same model twice"
            ),
            (
                ["--model", "nuclei-unet", "--ensemble", "a", "b"], 64,
                "--ensemble: expected no --model with it, found nuclei-unet"
            ),
        ] {
            let result = try Command.mask.run(["set/wsi_crop_1.jpg"] + arguments, in: work.path)
            #expect(result.status == status && result.errors.contains(message), "\(result)")
        }
        let swallowed = try Command.mask.run("--ensemble", "nuclei-unet", "set/wsi_crop_1.jpg", in: work.path)
        #expect(swallowed.errors.contains("found none; name images before --ensemble"), "\(swallowed)")
    }

    @Test func optionsForOtherModelsAreRefused() throws {
        let expected = "a model that classifies windows, found a model that outlines nuclei"
        for option in [
            ["--stride", "64"], ["--refine", "hematoxylin"], ["--csv", "w.csv"], ["--heatmap", "h.png"],
            ["--batch-size", "8"],
        ] {
            let result = try Command.mask.run(
                ["set/wsi_crop_1.jpg", "--model", "run/best.safetensors"] + option, in: work.path)
            #expect(result.status == 64 && result.errors.contains("\(option[0]): expected \(expected)"), "\(result)")
        }
        for option in [
            ["--within", "16"], ["--flips"], ["--nuclei", "n.csv"], ["--labels", "l.tif"], ["--density", "d.tif"],
        ] {
            let result = try Command.mask.run(
                ["set/wsi_crop_1.jpg", "--model", "nuclei-compact"] + option, in: work.path)
            #expect(
                result.status == 64
                    && result.errors.contains(
                        "\(option[0]): expected a model that outlines nuclei, found a model that classifies windows"),
                "\(result)")
        }
    }

    /// An option for the speed alone does not choose another model.
    @Test(arguments: [["--batch-size", "8"], ["--no-shared-features"]])
    func optionsOfSpeedChooseNoModel(_ option: [String]) throws {
        let result = try Command.mask.run(["set/wsi_crop_1.jpg", "--mpp", "0.25"] + option, in: work.path)
        #expect(result.status == 64 && result.errors.contains("found a model that outlines nuclei"), "\(result)")
    }

    /// The bundled model depends on what is asked for; a file goes before a name.
    @Test func bundledModelsAreChosenByTheOptions() throws {
        func model(_ arguments: [String]) throws -> [String: Any] {
            let result = try Command.mask.run(
                ["set/wsi_crop_1.jpg", "--mpp", "0.25", "--output", "m.png"] + arguments, in: work.path)
            try #require(result.status == 0, "\(result)")
            let record = try work.json(String(contentsOfFile: "\(work.path)/m.json", encoding: .utf8))
            return try #require(record["model"] as? [String: Any])
        }
        for (arguments, name) in [
            ([], "nuclei-unet"), (["--within", "16"], "nuclei-unet"), (["--flips"], "nuclei-unet"),
            (["--csv", "w.csv"], "nuclei-compact"),
            (["--stride", "256"], "nuclei-compact"),
        ] {
            #expect(try model(arguments)["path"] as? String == name, "\(arguments)")
        }
        #expect(try model(["-m", "nuclei-compact"])["architecture"] as? String == "compact")
        #expect(try model(["-m", "nuclei-unet"])["architecture"] as? String == "unet")
        try FileManager.default.copyItem(
            atPath: "\(work.path)/run/best.safetensors", toPath: "\(work.path)/nuclei-compact")
        #expect(try model(["-m", "nuclei-compact"])["architecture"] as? String == "compact")
        #expect(try model(["-m", "./nuclei-compact"])["architecture"] as? String == "unet")
        let both = try Command.mask.run(
            "set/wsi_crop_1.jpg", "--within", "16", "--stride", "64", in: work.path)
        #expect(both.status == 64 && both.errors.contains("--stride: expected a model that classifies windows"))
    }

    @Test func settingsOfTileClassesAreRefused() throws {
        for option in [["--label-smoothing", "0.1"], ["--balance", "weights"]] {
            let result = try Command.train.run(
                ["set", "--architecture", "unet", "--output", "other"] + option, in: work.path)
            #expect(
                result.status == 64 && result.errors.contains("expected an architecture that classifies tiles"),
                "\(result)")
        }
    }

    /// Tiles of 256 pixels without a resolution are cut. Their labels are enough to train.
    @Test func unknownResolutionsAreNoted() throws {
        try #require(
            Command.train.run("synthesize", "plain", "--tiles", "24", "--crops", "0", in: work.path).status == 0)
        let trained = try Command.train.run(
            "plain", "--architecture", "unet", "--epochs", "1", "--output", "other", in: work.path)
        #expect(trained.status == 0 && work.files.contains("other"))
        #expect(
            trained.errors.contains(
                "96 of 96 tiles state no resolution (column mpp of labels.csv); used as tiles of 128 pixels at 0.5 microns "
                    + "per pixel"), "\(trained)")
    }
}
