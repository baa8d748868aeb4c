import Foundation
import Foundations
import Imaging
import Testing

/// The outputs of masking.
@Suite(.serialized) struct MaskOutputTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "0", "--crops", "1", "--crop-size", "520", in: work.path)
        try #require(made.status == 0, "\(made)")
        try FileManager.default.moveItem(
            atPath: "\(work.path)/set/wsi_crop_1.jpg", toPath: "\(work.path)/crop.jpg")
    }

    private func mask(_ arguments: String...) throws -> Command.Result {
        try Command.mask.start(["crop.jpg"] + arguments, in: work.path).wait()
    }

    private func white(_ name: String) throws -> [Bool] {
        let image = try RGBImage(decoding: "\(work.path)/\(name)")
        return stride(from: 0, to: image.pixels.count, by: 3).map { image.pixels[$0] == 255 }
    }

    private func json(_ name: String) throws -> [String: Any] {
        try work.json(String(contentsOfFile: "\(work.path)/\(name)", encoding: .utf8))
    }

    /// Area of all features without their holes.
    private func area(_ name: String) throws -> Int {
        let features = try #require(json(name)["features"] as? [[String: Any]])
        return try features.reduce(0) { sum, feature in
            let geometry = try #require(feature["geometry"] as? [String: Any])
            let rings = try #require(geometry["coordinates"] as? [[[Int]]])
            return sum
                + rings.reduce(0) { area, ring in
                    area + zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0[0] * $1.1[1] - $1.1[0] * $1.0[1] } / 2
                }
        }
    }

    private func number(_ record: [String: Any], _ path: String...) -> Double? {
        let parent = path.dropLast().reduce(record as [String: Any]?) { $0?[$1] as? [String: Any] }
        return parent?[path[path.count - 1]] as? Double
    }

    @Test func outputsAgree() throws {
        let result = try mask(
            "--stride", "100", "--output", "m.tif", "--csv", "m.csv", "--geojson", "m.geojson", "--probabilities",
            "p.tif", "--disagreement", "d.tif", "--heatmap", "h.tif", "--threshold", "0.6")
        try #require(result.status == 0, "\(result)")
        #expect(result.output.contains("record: m.json\n") && result.output.hasSuffix("mask: m.tif\n"))
        let white = try white("m.tif").count { $0 }
        #expect(try area("m.geojson") == white && white > 0 && white < 520 * 520)
        let table = try String(contentsOfFile: "\(work.path)/m.csv", encoding: .utf8).split(separator: "\n")
        #expect(table.count == 17 && table[1].hasPrefix("0,0,256,256,0.") && table[16].hasPrefix("264,264,256,256,0."))

        let record = try json("m.json")
        #expect(number(record, "coverage", "nuclei", "pixels") == Double(white))
        #expect(number(record, "coverage", "noNuclei", "pixels") == Double(520 * 520 - white))
        let share = try #require(number(record, "coverage", "nuclei", "share"))
        #expect(abs(share - Double(white) / (520 * 520)) < 1e-12)
        #expect(number(record, "coverage", "nuclei", "squareMillimeters") == nil, "the resolution is not known")
        #expect(number(record, "windows", "count") == 16 && number(record, "settings", "threshold") == 0.6)
        #expect((record["files"] as? [String: String])?["heatmap"] == "h.tif" && record["refinement"] == nil)
        let features = try #require(json("m.geojson")["features"] as? [Any])
        #expect(number(record, "polygons") == Double(features.count))
        let model = try #require(record["model"] as? [String: Any])
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../models/nuclei-compact.safetensors").standardizedFileURL.path
        #expect(try model["sha256"] as? String == SHA256.digest(ofFile: FilePath(file)))

        #expect(try SlideReader(Slide("\(work.path)/h.tif")).width == 520)
        let files = work.files
        #expect(["d.tif", "h.tif", "m.csv", "m.geojson", "m.json", "m.tif", "p.tif"].allSatisfy(files.contains))
        #expect(!files.contains { $0.contains(".partial-") })
    }

    /// Where an image is enlarged for the model, windows and maps have a step below the stride.
    @Test func mapsHaveThePixelsOfTheWindows() throws {
        let result = try mask(
            "--mpp", "0.5", "--stride", "128", "--output", "w.png", "--csv", "w.csv", "--probabilities", "w.tif")
        try #require(result.status == 0, "\(result)")
        let table = try String(contentsOfFile: "\(work.path)/w.csv", encoding: .utf8).split(separator: "\n")
        #expect(table[1].hasPrefix("0,0,128,128,") && table[2].hasPrefix("64,0,128,128,"))
        let map = try FileBytes.data("\(work.path)/w.tif")
        #expect(map.firstRange(of: Data(#""levelZeroPixelsPerPixel": 64,"#.utf8)) != nil)
    }

    @Test func blendingChangesEdgesOnly() throws {
        for blend in ["uniform", "hann"] {
            let result = try mask(
                "--stride", "64", "--threshold", "0.6", "--blend", blend, "--output", "\(blend).png", "--geojson",
                "\(blend).geojson", "--heatmap", "\(blend)_heat.png")
            try #require(result.status == 0, "\(result)")
            #expect(try area("\(blend).geojson") == white("\(blend).png").count { $0 })
        }
        let (uniform, hann) = (try white("uniform.png"), try white("hann.png"))
        let different = zip(uniform, hann).count { $0 != $1 }
        #expect(different > 0 && different < uniform.count / 4)
        #expect(try RGBImage(decoding: "\(work.path)/hann_heat.png").width == 520)
    }

    @Test func refinedMasksLieInsideTheRegions() throws {
        for (name, more) in [("plain", []), ("refined", ["--refine", "hematoxylin"])] {
            let result = try Command.mask.start(
                [
                    "crop.jpg", "-m", "nuclei-compact", "--threshold", "0.6", "--output", "\(name).png", "--geojson",
                    "\(name).geojson", "--simplify", "0",
                ] + more,
                in: work.path
            ).wait()
            try #require(result.status == 0, "\(result)")
            #expect(
                result.errors.contains("refined as if it were 0.250 microns per pixel") == (name == "refined"))
        }
        let (plain, refined) = (try white("plain.png"), try white("refined.png"))
        #expect(zip(plain, refined).allSatisfy { $0 || !$1 } && refined.contains(true) && refined != plain)
        #expect(try area("refined.geojson") == refined.count { $0 })
        let record = try json("refined.json")
        #expect(number(record, "coverage", "positiveRegions", "pixels") == Double(plain.count { $0 }))
        #expect(number(record, "refinement", "densityThreshold") ?? 0 > 0)
        let features = try #require(json("refined.geojson")["features"] as? [[String: Any]])
        #expect((features.first?["properties"] as? [String: Any])?["objectType"] as? String == "detection")
    }

    @Test func windowsAreTiles() throws {
        let arguments = ["--stride", "100", "--csv", "m.csv", "--csv-columns", "wsinfer", "--tiles"]
        let result = try Command.mask.start(["crop.jpg"] + arguments + ["m.geojson"], in: work.path).wait()
        try #require(result.status == 0, "\(result)")
        let table = try String(contentsOfFile: "\(work.path)/m.csv", encoding: .utf8).split(separator: "\n")
        #expect(table[0] == "minx,miny,width,height,prob_NUCLEI" && table.count == 17)
        let features = try #require(json("m.geojson")["features"] as? [[String: Any]])
        #expect(features.count == 16)
        for (feature, line) in zip(features, table.dropFirst()) {
            let cells = line.split(separator: ",").compactMap { Double($0) }
            let properties = try #require(feature["properties"] as? [String: Any])
            #expect(properties["objectType"] as? String == "tile")
            let probability = try #require((properties["measurements"] as? [String: Double])?["Probability"])
            #expect(abs(probability - cells[4]) <= 0.00005)
            let geometry = try #require(feature["geometry"] as? [String: Any])
            let ring = try #require((geometry["coordinates"] as? [[[Double]]])?.first)
            #expect(ring.count == 5 && ring[0] == [cells[0], cells[1]])
            #expect(ring[2] == [cells[0] + cells[2], cells[1] + cells[3]])
        }
        #expect(Set(features.compactMap { $0["id"] as? String }).count == 16)

        // The same in another folder, compressed.
        try FileManager.default.createDirectory(atPath: "\(work.path)/x", withIntermediateDirectories: false)
        try FileManager.default.copyItem(atPath: "\(work.path)/crop.jpg", toPath: "\(work.path)/x/crop.jpg")
        let other = try Command.mask.start(["x/crop.jpg"] + arguments + ["x/m.geojson.gz"], in: work.path).wait()
        try #require(other.status == 0, "\(other)")
        let unpack = Process()
        unpack.executableURL = URL(fileURLWithPath: "/usr/bin/gzip")
        unpack.arguments = ["-d", "\(work.path)/x/m.geojson.gz"]
        try unpack.run()
        unpack.waitUntilExit()
        #expect(
            FileManager.default.contentsEqual(atPath: "\(work.path)/m.geojson", andPath: "\(work.path)/x/m.geojson"))

        let unnamed = try mask("--tiles", "m.txt")
        #expect(unnamed.status == 64 && unnamed.errors.contains("--tiles"), "\(unnamed)")
        let useless = try mask("--tiles", "m.geojson", "--model", "nuclei-unet")
        #expect(useless.status == 64, "\(useless)")
    }

    @Test func outlinesHaveFewerCorners() throws {
        func corners(_ arguments: String...) throws -> (count: Int, ids: Set<String>) {
            let result = try Command.mask.start(
                ["crop.jpg", "--refine", "hematoxylin", "--threshold", "0.6", "--geojson", "m.geojson"] + arguments,
                in: work.path
            ).wait()
            try #require(result.status == 0, "\(result)")
            let features = try #require(json("m.geojson")["features"] as? [[String: Any]])
            let count = features.reduce(0) { sum, feature in
                let rings = (feature["geometry"] as? [String: Any])?["coordinates"] as? [[[Double]]]
                return sum + (rings ?? []).reduce(0) { $0 + $1.count }
            }
            return (count, Set(features.compactMap { $0["id"] as? String }))
        }
        let (simplified, exact) = (try corners(), try corners("--simplify", "0"))
        #expect(exact.count > 0 && 2 * simplified.count < exact.count)
        #expect(simplified.ids == exact.ids && !exact.ids.isEmpty)
    }

    @Test func imagesOfOnePixelHaveAllOutputs() throws {
        let writer = try PNGWriter(path: "\(work.path)/dot.png", width: 1, height: 1, channels: .rgb)
        try [UInt8]([90, 40, 120]).withUnsafeBytes { try writer.write(rows: $0, count: 1) }
        try writer.finish()
        for blend in ["uniform", "hann"] {
            let result = try Command.mask.run(
                "dot.png", "--blend", blend, "--refine", "haematoxylin", "--output", "o.tif", "--csv", "o.csv",
                "--geojson", "o.geojson", "--probabilities", "p.tif", "--disagreement", "d.tif", "--heatmap", "h.tif",
                in: work.path)
            #expect(result.status == 0, "\(result)")
        }
    }

    /// Names of one character for the image and its outputs.
    @Test func namesOfOneCharacter() throws {
        try FileManager.default.copyItem(atPath: "\(work.path)/crop.jpg", toPath: "\(work.path)/a")
        let single = try Command.mask.run("a", in: work.path)
        #expect(single.status == 0 && single.output.hasSuffix("mask: a_nuclei_mask.png\n"), "\(single)")
        let named = try Command.mask.run(
            "a", "--csv", "c", "--geojson", "g", "--tissue-geojson", "t", "--output-folder", "o", in: work.path)
        #expect(named.status == 0, "\(named)")
        let written = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/o").sorted()
        #expect(written == ["a_nuclei_mask.json", "a_nuclei_mask.png", "c", "g", "t"])
        let overlay = try Command.mask.run("overlay", "a", in: work.path)
        #expect(overlay.status == 0 && overlay.output.hasSuffix("overlay: a_nuclei_overlay.png\n"), "\(overlay)")
        let plan = try Command.mask.run("plan", "a", "--csv", "c", "--scratch", "s", in: work.path)
        #expect(plan.status == 0 && !work.files.contains("s"), "\(plan)")
        for arguments in [
            ["b"], ["a", "--output", "m"], ["a", "--model", "m"], ["overlay", "b"], ["a", "--heatmap", "h"],
        ] {
            let result = try Command.mask.start(arguments, in: work.path).wait()
            #expect([64, 66, 73].contains(result.status), "\(arguments): \(result)")
        }
    }

    @Test func invalidCombinationsAreRefused() throws {
        for (arguments, line) in [
            (["--stride", "256", "--blend", "hann"], "--blend hann: expected windows that overlap"),
            (["--stride", "256", "--disagreement", "d.tif"], "--disagreement: expected windows that overlap"),
            (["--probabilities", "p.png"], "--probabilities: expected a name with .tif or .tiff, found p.png"),
            (["--heatmap", "h.gif"], "--heatmap: expected a name with .tif, .tiff, .png, .jpg or .jpeg, found h.gif"),
            (["--bits", "1", "--output", "m.tif"], "--bits 1: expected a PNG mask, found m.tif"),
            (["--csv", "a", "--geojson", "./a"], "expected another file for each output, found a and ./a"),
            (["--output", "a.png", "--geojson", "a.json"], "expected another file for each output"),
            (["--refine", "eosin"], "hematoxylin"),
        ] {
            let result = try Command.mask.start(["crop.jpg"] + arguments, in: work.path).wait()
            #expect(result.status == 64 && result.errors.contains(line), "\(arguments): \(result)")
            #expect(result.problems.split(separator: "\n").first?.hasPrefix("Error: ") == true)
        }
        // Paths that cannot be written fail before windows are computed.
        for option in ["--csv", "--geojson", "--probabilities", "--disagreement", "--heatmap", "--output"] {
            let name = "none/a.\(["--csv", "--geojson"].contains(option) ? "csv" : "tif")"
            let result = try mask(option, name)
            #expect(result.status == 73, "\(option): \(result)")
            #expect(
                result.problems == "error: \(name): cannot be written (No such file or directory)\n"
                    && result.output.isEmpty)
        }
        let onto = try mask("--geojson", "./crop.jpg")
        #expect(onto.status == 73)
        #expect(onto.problems == "error: ./crop.jpg: expected another file than the input crop.jpg, found the same\n")
        #expect(work.files == ["crop.jpg", "set"])
    }
}
