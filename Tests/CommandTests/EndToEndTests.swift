import Foundation
import Imaging
import Testing

/// From synthetic tiles to a mask, as in the README.
@Suite(.serialized) struct EndToEndTests {
    @Test func tilesBecomeAModelAndAMask() throws {
        let work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "40", "--unlabeled", "3", "--crops", "1", "--crop-size", "520",
            in: work.path)
        try #require(made.status == 0, "\(made)")
        #expect(made.output.contains("40 labeled and 3 unlabeled tiles, 1 crop; synthetic, seed 42"))
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/set")
        #expect(files.count == 43 + 4 && files.contains("README.txt") && files.contains("wsi_crop_1_truth.png"))

        let trained = try Command.train.run(
            "set", "--preset", "reference", "--epochs", "1", "--batch-size", "8", "--validation", "--output", "run",
            "--threads", "2",
            in: work.path)
        try #require(trained.status == 0, "\(trained)")
        #expect(trained.output.contains("unlabeled") && trained.output.contains("weighted F1"))
        let record = try work.json(String(contentsOfFile: "\(work.path)/run/run.json", encoding: .utf8))
        #expect(record["state"] as? String == "finished")
        #expect((record["history"] as? [Any])?.count == 1)

        // Existing runs are not overwritten.
        let again = try Command.train.run("set", "--epochs", "1", "--output", "run", in: work.path)
        #expect(again.status == 73)
        #expect(again.problems == "error: run: expected a new or empty folder, found files in it\n")

        let evaluated = try Command.train.run(
            "evaluate", "set", "--model", "run/best.safetensors", "--json", in: work.path)
        try #require(evaluated.status == 0, "\(evaluated)")
        let report = try work.json(evaluated.output)
        #expect(report["split"] as? String == "test" && report["chosenOn"] as? String == "validation")
        let bestTest = (record["bestTest"] as? [String: Any])?["accuracy"] as? Double
        #expect((report["score"] as? [String: Any])?["accuracy"] as? Double == bestTest && bestTest != nil)
        let unseen = try Command.train.run(
            "evaluate", "set", "--model", "run/best.safetensors", "--split", "unseen", in: work.path)
        #expect(unseen.status == 65)
        #expect(
            unseen.errors.hasPrefix(
                "error: set: expected labeled tiles in the model's split unseen, found none"))
        let table = try Command.train.run(
            "evaluate", "set", "--model", "run/best.safetensors", "--split", "train", in: work.path)
        #expect(
            table.status == 0 && table.output.contains("confusion matrix") && table.output.contains("weighted average"))

        try checkMasks(work)
    }

    @Test func masksUseTheBundledModelByDefault() throws {
        let work = try WorkFolder()
        try #require(
            Command.train.run("synthesize", "set", "--tiles", "0", "--crops", "1", "--crop-size", "300", in: work.path)
                .status == 0)
        let masked = try Command.mask.run("set/wsi_crop_1.jpg", in: work.path)
        #expect(masked.status == 0, "\(masked)")
        #expect(masked.output.contains("1 block "))
        let assumed =
            "states no resolution of a microscope; treated as having the model's 0.5 microns per pixel (see --mpp)"
        #expect(masked.problems == "warning: set/wsi_crop_1.jpg: \(assumed)\n")
        #expect(FileManager.default.fileExists(atPath: "\(work.path)/set/wsi_crop_1_nuclei_mask.png"))
    }

    @Test func aCompactModelWorksEverywhere() throws {
        let work = try WorkFolder()
        try #require(
            Command.train.run("synthesize", "set", "--tiles", "24", "--crops", "1", "--crop-size", "300", in: work.path)
                .status == 0)
        let trained = try Command.train.run(
            "set", "--architecture", "compact", "--epochs", "1", "--batch-size", "4", "--dropout", "0.2", "--output",
            "run", "--mpp", "0.5", in: work.path)
        try #require(trained.status == 0, "\(trained)")
        #expect(trained.output.contains("compact  0.17 M parameters"))
        let evaluated = try Command.train.run("evaluate", "set", "--model", "run/last.safetensors", in: work.path)
        #expect(evaluated.status == 0, "\(evaluated)")
        let masked = try Command.mask.run("set/wsi_crop_1.jpg", "--model", "run/last.safetensors", in: work.path)
        #expect(try String(contentsOfFile: "\(work.path)/run/report.html", encoding: .utf8).contains("</html>"))
        // Blur changes the loss; 0 is no blur.
        let (sharp, blurred) = (
            try Command.train.run(
                "evaluate", "set", "--model", "run/last.safetensors", "--blur", "0", "--json", in: work.path),
            try Command.train.run(
                "evaluate", "set", "--model", "run/last.safetensors", "--blur", "3", "--json", in: work.path)
        )
        func loss(_ result: Command.Result) throws -> Double? {
            (try work.json(result.output)["score"] as? [String: Any])?["loss"] as? Double
        }
        #expect(try loss(sharp) != nil && loss(sharp) != loss(blurred))
        #expect(try work.json(blurred.output)["blur"] as? Double == 3)
        #expect(masked.status == 0 && masked.output.contains("nuclei cover"), "\(masked)")
        #expect(masked.output.contains("\nresolution: 0.5 microns per pixel assumed (see --mpp)\n"))
        #expect(masked.output.contains("300 x 300 pixels, 4 windows"))
        let halved = try Command.mask.run(
            "set/wsi_crop_1.jpg", "--model", "run/last.safetensors", "--mpp", "0.25", "--output", "m.png", in: work.path
        )
        #expect(halved.status == 0, "\(halved)")
        #expect(halved.errors.contains("crop_1.jpg: at half size, 150 x 150 pixels\n"))
        #expect(halved.output.contains("300 x 300 pixels, 1 window "))
        let mask = try RGBImage(decoding: "\(work.path)/m.png")
        #expect(mask.width == 300 && mask.height == 300)
        // A slide without a resolution.
        let crop = try RGBImage(decoding: "\(work.path)/set/wsi_crop_1.jpg")
        let slide = try TIFFWriter(path: "\(work.path)/slide.tif", width: 300, height: 300, samples: .rgb)
        try slide.write(rows: crop.pixels.span.bytes, count: 300)
        try slide.finish()
        let plan = try Command.mask.run(
            "plan", "set/wsi_crop_1.jpg", "slide.tif", "--model", "run/last.safetensors", in: work.path)
        #expect(plan.status == 0, "\(plan)")
        let remark =
            "states no resolution of a microscope; treated as having the model's 0.5 microns per pixel (see --mpp)\n"
        for name in ["set/wsi_crop_1.jpg", "slide.tif"] { #expect(plan.output.contains("\(name): warning: \(remark)")) }
        let told = try Command.mask.run(
            "plan", "slide.tif", "--model", "run/last.safetensors", "--mpp", "0.25", in: work.path)
        #expect(told.status == 0 && told.output.contains("  level 1  "), "\(told)")
        let unknown = try Command.train.run("set", "--architecture", "large", in: work.path)
        #expect(unknown.status == 64)
    }

    private func checkMasks(_ work: WorkFolder) throws {
        // The trained model is sure of every window; the bundled one gives masks of both colors.
        var masks = [RGBImage]()
        for threads in ["1", "3"] {
            let result = try Command.mask.run(
                "set/wsi_crop_1.jpg", "--model", "nuclei-compact", "--stride", "100", "--batch-size", "5", "--threads",
                threads, "--output", "mask\(threads).png", in: work.path)
            try #require(result.status == 0, "\(result)")
            #expect(result.output.contains("520 x 520 pixels, 16 windows"))
            masks.append(try RGBImage(decoding: "\(work.path)/mask\(threads).png"))
        }
        #expect(masks[0] == masks[1])
        #expect(masks[0].width == 520 && masks[0].height == 520)
        #expect(Set(masks[0].pixels) == [0, 255])

        let byDefault = try Command.mask.run(
            "set/wsi_crop_1.jpg", "--model", "run/last.safetensors", "--threshold", "0.2", in: work.path)
        try #require(byDefault.status == 0, "\(byDefault)")
        let overlay = try Command.mask.run("overlay", "set/wsi_crop_1.jpg", "--size", "100", in: work.path)
        try #require(overlay.status == 0, "\(overlay)")
        let mask = try RGBImage(decoding: "\(work.path)/set/wsi_crop_1_nuclei_mask.png")
        let white = stride(from: 0, to: mask.pixels.count, by: 3).count { mask.pixels[$0] == 255 }
        let coverage = String(format: "nuclei cover %.2f %%", Double(white) / Double(520 * 520) * 100)
        #expect(byDefault.output.contains(coverage) && overlay.output.contains(coverage))
        let picture = try RGBImage(decoding: "\(work.path)/set/wsi_crop_1_nuclei_overlay.png")
        #expect(picture.width == 316 && picture.height > 100)

        let small = try Command.mask.run(
            "set/tile_0.png", "--model", "run/last.safetensors", "--output", "tile.png", in: work.path)
        #expect(small.status == 0 && !small.errors.contains("padded"))
        let writer = try PNGWriter(path: "\(work.path)/small.png", width: 30, height: 300, channels: .rgb)
        try [UInt8](repeating: 200, count: 27000).withUnsafeBytes { try writer.write(rows: $0, count: 300) }
        try writer.finish()
        let padded = try Command.mask.run("small.png", "--model", "run/last.safetensors", in: work.path)
        #expect(padded.status == 0)
        #expect(
            padded.errors.contains(
                "small.png: 30 x 300 pixels at the resolution of the model, smaller than a tile of 256: padded by"))
        let strip = try RGBImage(decoding: "\(work.path)/small_nuclei_mask.png")
        #expect(strip.width == 30 && strip.height == 300)

        // Inputs are not overwritten.
        let onto = try Command.mask.run(
            "small.png", "--model", "run/last.safetensors", "--output", "./small.png", in: work.path)
        #expect(onto.status == 73)
        #expect(onto.problems == "error: ./small.png: expected another file than the input small.png, found the same\n")
        let ontoMask = try Command.mask.run("overlay", "small.png", "--output", "small_nuclei_mask.png", in: work.path)
        #expect(ontoMask.status == 73)
        #expect(try RGBImage(decoding: "\(work.path)/small_nuclei_mask.png") == strip)

        // Lost output is an error, not a crash, and never ends up in the mask.
        for redirection in [">/dev/full", ">&-", "<&- >&- 2>&-", "| true"] {
            let lost = try Command.mask.shell(
                "small.png --model run/last.safetensors --output lost.png \(redirection)", in: work.path)
            #expect(lost.status == (redirection == ">/dev/full" ? 73 : 0), "\(redirection): \(lost)")
            #expect(try RGBImage(decoding: "\(work.path)/lost.png") == strip)
        }

        try checkFormats(work)

        let wide = try Command.mask.run(
            "small.png", "--model", "run/last.safetensors", "--stride", "257", in: work.path)
        #expect(
            wide.status == 64 && wide.errors.contains("--stride: expected 1 to 256, the model's tile size, found 257"))
        let other = try Command.mask.run("overlay", "small.png", "--mask", "mask1.png", in: work.path)
        #expect(other.status == 65)
        #expect(other.problems == "error: mask1.png: expected the size of small.png, 30 x 300, found 520 x 520\n")
        let gif = try Command.mask.run("overlay", "small.png", "--output", "o.gif", in: work.path)
        #expect(
            gif.status == 73 && gif.errors.contains("o.gif: expected the extension .png, .jpg or .jpeg, found .gif"))
    }

    /// The same mask in every format.
    private func checkFormats(_ work: WorkFolder) throws {
        let mask = try RGBImage(decoding: "\(work.path)/mask1.png")
        for arguments in [["--output", "bits.png", "--bits", "1"], ["--output", "pyramid.tif"]] {
            let result = try Command.mask.start(
                ["set/wsi_crop_1.jpg", "--model", "nuclei-compact", "--stride", "100"] + arguments, in: work.path
            ).wait()
            try #require(result.status == 0, "\(result)")
            #expect(try RGBImage(decoding: "\(work.path)/\(arguments[1])") == mask)
        }
        #expect(try Slide("\(work.path)/pyramid.tif").metadata.levels.map(\.width) == [520, 260, 130])
        let shown = try Command.mask.run(
            "overlay", "set/wsi_crop_1.jpg", "--mask", "pyramid.tif", "--output", "o.png", in: work.path)
        #expect(shown.status == 0, "\(shown)")
        let gif = try Command.mask.run("small.png", "--output", "mask.gif", in: work.path)
        #expect(
            gif.status == 64
                && gif.problems == "Error: --output: expected a name with .png, .tif or .tiff, found mask.gif\n")
    }

    @Test func equalRunsWriteEqualModels() throws {
        let work = try WorkFolder()
        #expect(try Command.train.run("synthesize", "set", "--tiles", "24", "--crops", "0", in: work.path).status == 0)
        for (run, threads) in [("a", "1"), ("b", "2")] {
            let result = try Command.train.run(
                "set", "--architecture", "compact", "--epochs", "2", "--threads", threads, "--output", run,
                in: work.path)
            #expect(result.status == 0, "\(result)")
            let record = try work.json(String(contentsOfFile: "\(work.path)/\(run)/run.json", encoding: .utf8))
            #expect((record["execution"] as? [String: Any])?["threads"] as? Int == Int(threads))
        }
        for name in ["best.safetensors", "last.safetensors"] {
            let models = try ["a", "b"].map { try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/\($0)/\(name)")) }
            #expect(models[0] == models[1], "\(name)")
        }
    }

    @Test func ctrlCLeavesFinishedEpochs() throws {
        let work = try WorkFolder()
        #expect(try Command.train.run("synthesize", "set", "--tiles", "30", "--crops", "0", in: work.path).status == 0)
        let running = try Command.train.start(
            ["set", "--preset", "reference", "--epochs", "1000", "--batch-size", "4", "--output", "run"], in: work.path)
        #expect(running.waitFor("\n    1 "))
        running.process.interrupt()
        let result = running.wait()
        #expect(result.status == 130, "\(result)")
        #expect(result.errors.contains("; continue from the last checkpoint with nuclei-train resume run\n"))
        let record = try work.json(String(contentsOfFile: "\(work.path)/run/run.json", encoding: .utf8))
        #expect(record["state"] as? String == "interrupted")
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/run").sorted()
        #expect(
            files == ["best.safetensors", "checkpoint.safetensors", "history.csv", "last.safetensors", "run.json"])
        #expect(
            try Command.train.run("evaluate", "set", "--model", "run/last.safetensors", in: work.path).status == 0)

        // A mask is complete or absent.
        let crop = try Command.train.run(
            "synthesize", "crops", "--tiles", "0", "--crops", "1", "--crop-size", "1500", in: work.path)
        #expect(crop.status == 0)
        let masking = try Command.mask.start(
            ["crops/wsi_crop_1.jpg", "--model", "run/last.safetensors", "--stride", "8"], in: work.path)
        #expect(work.waitForFile(in: "crops") { $0.contains(".partial-") })
        masking.process.terminate()
        let stopped = masking.wait()
        #expect(stopped.status == 130, "\(stopped)")
        #expect(stopped.errors.contains("interrupted; no mask was written"))
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/crops").sorted()
        #expect(
            left.filter { !$0.hasSuffix(".windows") } == [
                "README.txt", "labels.csv", "wsi_crop_1.jpg", "wsi_crop_1_truth.png",
            ])
    }

    @Test func killedMasksResumeToTheSameBits() throws {
        let work = try WorkFolder()
        let crop = try Command.train.run(
            "synthesize", "crops", "--tiles", "0", "--crops", "1", "--crop-size", "2600", in: work.path)
        #expect(crop.status == 0)
        let arguments = ["crops/wsi_crop_1.jpg", "--stride", "64", "--threads", "1", "--csv"]
        let whole = try Command.mask.start(arguments + ["a.csv", "--output", "a.png"], in: work.path).wait()
        try #require(whole.status == 0, "\(whole)")
        #expect(!work.files.contains("a.png.windows"))
        var kills = 0
        while kills < 4 {
            let running = try Command.mask.start(arguments + ["b.csv", "--output", "b.png"], in: work.path)
            #expect(work.waitForFile(in: ".") { $0 == "b.png.windows" })
            Thread.sleep(forTimeInterval: 0.3 + 0.2 * Double(kills))
            if !running.process.isRunning { break }
            kill(running.process.processIdentifier, SIGKILL)
            _ = running.wait()
            kills += 1
        }
        #expect(kills > 0)
        let last = try Command.mask.start(
            arguments + ["b.csv", "--output", "b.png", "--keep-probabilities"], in: work.path
        ).wait()
        #expect(last.status == 0, "\(last)")
        for name in ["png", "csv"] {
            let (a, b) = (
                FileManager.default.contents(atPath: "\(work.path)/a.\(name)"),
                FileManager.default.contents(atPath: "\(work.path)/b.\(name)")
            )
            #expect(a != nil && a == b, "\(name)")
        }
        #expect(work.files == ["a.csv", "a.json", "a.png", "b.csv", "b.json", "b.png", "b.png.windows", "crops"])
        // Another threshold needs no computation.
        let again = try Command.mask.start(
            arguments + ["b.csv", "--output", "b.png", "--threshold", "0.9"], in: work.path
        ).wait()
        #expect(again.status == 0 && again.errors.contains("4 of 4 blocks were found in b.png.windows"), "\(again)")
        #expect(!work.files.contains("b.png.windows"))
    }

    /// A row of blocks at the resolution of the model has thousands of wide rows of the image.
    @Test func wideImagesOfHighResolution() throws {
        let work = try WorkFolder()
        let (width, height) = (16_000, 2_400)
        let writer = try PNGWriter(path: "\(work.path)/a.png", width: width, height: height, channels: .rgb)
        let row = [UInt8](repeating: 240, count: width * 3)
        for _ in 0..<height { try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) } }
        try writer.finish()
        let result = try Command.mask.run("a.png", "--mpp", "0.25", "--output", "m.png", in: work.path)
        #expect(result.status == 0 && result.output.contains("0 nuclei"), "\(result)")
    }

    @Test func imagesOfAnySize() throws {
        let work = try WorkFolder()
        for (width, height) in [(1, 1), (255, 255), (256, 256), (257, 257), (20000, 1), (1, 20000), (256, 700)] {
            let writer = try PNGWriter(path: "\(work.path)/a.png", width: width, height: height, channels: .rgb)
            let row = (0..<width * 3).map { UInt8(truncatingIfNeeded: $0 &* 97) }
            for _ in 0..<height { try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) } }
            try writer.finish()
            var masks = [RGBImage]()
            for sharing in ["--shared-features", "--no-shared-features"] {
                let result = try Command.mask.run(
                    "a.png", "--stride", "64", sharing, "--output", "m.png", in: work.path)
                try #require(result.status == 0, "\(width) x \(height): \(result)")
                #expect(result.output.contains("a.png: \(width) x \(height) pixels"))
                masks.append(try RGBImage(decoding: "\(work.path)/m.png"))
            }
            #expect(masks[0].width == width && masks[0].height == height && masks[0] == masks[1])
        }
    }
}
