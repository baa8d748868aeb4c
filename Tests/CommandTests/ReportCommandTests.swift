import Foundation
import Foundations
import Imaging
import NeuralNetworks
import TestSupport
import Testing

/// `nuclei-mask report`.
@Suite(.serialized) struct ReportCommandTests {
    private static let chromium = OutsideTool("chromium")
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "0", "--crops", "1", "--crop-size", "600", in: work.path)
        try #require(made.status == 0, "\(made)")
        try FileManager.default.moveItem(atPath: "\(work.path)/set/wsi_crop_1.jpg", toPath: "\(work.path)/crop.jpg")
    }

    private func mask(_ arguments: String...) throws {
        let result = try Command.mask.start(["crop.jpg"] + arguments, in: work.path).wait()
        try #require(result.status == 0, "\(result)")
    }

    private func page(_ name: String) throws -> String {
        try String(contentsOfFile: "\(work.path)/\(name)", encoding: .utf8)
    }

    /// The content that the script of a page reads.
    private func content(_ page: String) throws -> [String: Any] {
        let start = try #require(page.range(of: "id=\"data\">")).upperBound
        let end = try #require(page.range(of: "</script>", range: start..<page.endIndex)).lowerBound
        return try work.json(String(page[start..<end]))
    }

    @Test func pagesShowNucleiAndTheirProbabilities() throws {
        try mask("--nuclei", "n.geojson", "--tissue-geojson", "t.geojson", "--mpp", "0.5")
        let result = try Command.mask.run("report", "crop.jpg", in: work.path)
        try #require(result.status == 0 && result.output == "report: crop_nuclei_report.html\n", "\(result)")
        let page = try page("crop_nuclei_report.html")
        #expect(!page.contains("http:") && !page.contains("https:") && page.contains("default-src 'none'"))
        let content = try content(page)
        let levels = try #require((content["picture"] as? [String: Any])?["levels"] as? [[String: Any]])
        #expect(levels.map { $0["width"] as? Int } == [600, 300, 150])
        #expect(levels.map { ($0["tiles"] as? [String])?.count } == [9, 4, 1])
        let tile = try #require((levels[1]["tiles"] as? [String])?.last.flatMap { Data(base64Encoded: $0) })
        try tile.write(to: URL(fileURLWithPath: "\(work.path)/tile.jpg"))
        let decoded = try RGBImage(decoding: "\(work.path)/tile.jpg")
        #expect(decoded.width == 44 && decoded.height == 44)
        let nuclei = try #require(work.json(self.page("n.geojson"))["features"] as? [Any])
        let shapes = try #require(content["shapes"] as? [String: Any])
        #expect(shapes["count"] as? Int == nuclei.count && nuclei.count > 10)
        #expect(shapes["haveProbabilities"] as? Bool == true && content["map"] == nil)
        #expect((content["tissue"] as? [[Int]])?.first?.count ?? 0 >= 8)
        for damage in ["", "x\n", try self.page("n.geojson").replacing("\n", with: " ")] {
            try work.write(damage, to: "n.geojson")
            let refused = try Command.mask.run("report", "crop.jpg", in: work.path)
            #expect(refused.status == 65 && refused.errors.contains("n.geojson: expected the file that"), "\(refused)")
        }
    }

    @Test func pagesShowWindowsAndTheMask() throws {
        try mask("--stride", "100", "--csv", "m.csv", "--geojson", "m.geojson", "--output", "w.png")
        let arguments = ["report", "crop.jpg", "--mask", "w.png", "--output", "w.html", "--size", "256"]
        let result = try Command.mask.start(arguments, in: work.path).wait()
        try #require(result.status == 0, "\(result)")
        let content = try content(page("w.html"))
        let map = try #require(content["map"] as? [String: Any])
        #expect(map["columns"] as? Int == 6 && map["rows"] as? Int == 6)
        let values = try #require((map["values"] as? String).flatMap { Data(base64Encoded: $0) })
        // The mean of the windows over the first cell, which is one window.
        let table = try page("m.csv").split(separator: "\n")
        let first = try #require(Double(table[1].split(separator: ",")[4]))
        #expect(values.count == 36 && abs(Double(values[0]) - 3 - first * 252) <= 0.51)
        let regions = try #require(work.json(page("m.geojson"))["features"] as? [Any])
        #expect((content["shapes"] as? [String: Any])?["count"] as? Int == regions.count)
        #expect(content["shapeName"] as? String == "regions" && content["threshold"] as? Double == 0.5)
    }

    /// Files are searched from the folder of the record.
    @Test func tablesOfEnsemblesAndOfOtherFolders() throws {
        let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../models/nuclei-compact.safetensors").standardizedFileURL.path
        var other = try Model(path: FilePath(models))
        other.description.fixedPoint = nil
        try other.write(to: "\(work.path)/other.safetensors")
        try FileManager.default.createDirectory(atPath: "\(work.path)/m", withIntermediateDirectories: false)
        let made = try Command.mask.start(
            [
                "crop.jpg", "--stride", "128", "--ensemble", "nuclei-compact", "other.safetensors", "--csv",
                "m/t/w.csv",
                "--output", "m/m.png", "--overwrite",
            ], in: work.path
        ).wait()
        try #require(made.status == 73, "t is missing: \(made)")
        try FileManager.default.createDirectory(atPath: "\(work.path)/m/t", withIntermediateDirectories: false)
        try FileManager.default.createDirectory(atPath: "\(work.path)/t", withIntermediateDirectories: false)
        try work.write("another table", to: "t/w.csv")
        try mask(
            "--stride", "128", "--ensemble", "nuclei-compact", "other.safetensors", "--csv", "m/t/w.csv",
            "--output", "m/m.png")
        let arguments = ["report", "crop.jpg", "--mask", "m/m.png", "--output", "w.html"]
        func report() throws -> Command.Result { try Command.mask.start(arguments, in: work.path).wait() }
        #expect(try report().status == 0)
        #expect(try content(page("w.html"))["map"] != nil)
        let table = try page("m/t/w.csv")
        let line = try #require(table.split(separator: "\n").dropFirst().first)
        try work.write(String(table.dropLast(40)), to: "m/t/w.csv")
        let cut = try report()
        #expect(
            cut.status == 65
                && cut.errors.contains("w.csv: expected the file that m/m.json is the record of, found another content"),
            "\(cut)")
        // Records of earlier versions have no digests.
        var record = try work.json(page("m/m.json"))
        #expect(record.removeValue(forKey: "digests") != nil)
        try JSONSerialization.data(withJSONObject: record).write(to: URL(fileURLWithPath: "\(work.path)/m/m.json"))
        for damage in ["0,0,256,256,nan,predicted,0", "\(Int.max),0,256,256,0.5,predicted,0", "0,0,256,256,0.5"] {
            try work.write(table.replacing(line, with: damage), to: "m/t/w.csv")
            let result = try report()
            #expect(
                result.status == 65
                    && result.errors.contains(
                        "w.csv: expected the table of windows that --csv writes, found \(damage)"),
                "\(result)")
        }
    }

    @Test func masksOfOtherImagesAreNamed() throws {
        try mask("--output", "a.png")
        try FileManager.default.copyItem(atPath: "\(work.path)/a.png", toPath: "\(work.path)/a.tif")
        let other = try Command.mask.run("report", "crop.jpg", "--mask", "a.tif", in: work.path)
        #expect(
            other.status == 65 && other.errors.contains("a.json: expected the record of a.tif, found that of a.png"),
            "\(other)")
        try FileManager.default.moveItem(atPath: "\(work.path)/crop.jpg", toPath: "\(work.path)/new.jpg")
        for command in ["report", "overlay"] {
            let result = try Command.mask.run(command, "new.jpg", "--mask", "a.png", in: work.path)
            #expect(
                result.status == 0 && result.errors.contains("warning: a.png was made from crop.jpg\n"), "\(result)")
        }
    }

    /// a.jpg and a.png have a mask each.
    @Test func imagesOfOneNameHaveTheirOwnMasks() throws {
        let moved = "\(work.path)/same"
        try FileManager.default.createDirectory(atPath: moved, withIntermediateDirectories: false)
        try FileManager.default.moveItem(atPath: "\(work.path)/crop.jpg", toPath: "\(moved)/a.jpg")
        let image = try RGBImage(decoding: "\(moved)/a.jpg")
        let writer = try PNGWriter(path: "\(moved)/a.png", width: image.width, height: image.height, channels: .rgb)
        let darker = image.pixels.map { $0 / 2 }
        try darker.withUnsafeBytes { try writer.write(rows: $0, count: image.height) }
        try writer.finish()
        let made = try Command.mask.run("same", "--mpp", "0.5", in: work.path)
        try #require(made.status == 0, "\(made)")
        for name in ["a.jpg", "a.png"] {
            let result = try Command.mask.run("overlay", "same/\(name)", "--output", "\(name).jpg", in: work.path)
            #expect(result.status == 0 && !result.errors.contains("was made from"), "\(result)")
        }
    }

    @Test func masksAreNeeded() throws {
        let none = try Command.mask.run("report", "crop.jpg", in: work.path)
        #expect(none.status == 66 && none.errors.contains("expected the mask of crop.jpg"), "\(none)")
        try mask("--output", "a.png")
        try FileManager.default.removeItem(atPath: "\(work.path)/a.json")
        let alone = try Command.mask.run("report", "crop.jpg", "--mask", "a.png", in: work.path)
        #expect(
            alone.status == 66 && alone.errors.contains("a.json: expected the record of a.png, found none"), "\(alone)")
        let name = try Command.mask.run("report", "crop.jpg", "--output", "a.txt", in: work.path)
        #expect(name.status == 64 && name.errors.contains("--output: expected a name with .html"), "\(name)")
        #expect(!work.files.contains { $0.hasSuffix(".html") })
    }

    /// Moves, zooms and changes the threshold of a page in a browser without a window.
    @Test(.enabled(if: chromium != nil, "chromium is not installed")) func pagesReactToThePointer() throws {
        try mask("--nuclei", "n.geojson", "--tissue-geojson", "t.geojson", "--mpp", "0.5")
        let made = try Command.mask.run("report", "crop.jpg", "--output", "r.html", in: work.path)
        try #require(made.status == 0, "\(made)")
        let script = """
            <script>
            const before = { ...view }, all = find("counts").textContent, found = {};
            const send = (type, x, y) => canvas.dispatchEvent(
              new PointerEvent(type, { pointerId: 1, clientX: x, clientY: y, bubbles: true }));
            canvas.setPointerCapture = () => {};
            send("pointerdown", 300, 300); send("pointermove", 340, 320); send("pointerup", 340, 320);
            found.moved = [(before.x - view.x) * view.zoom, (before.y - view.y) * view.zoom].map(Math.round);
            canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -300, clientX: 100, clientY: 100 }));
            found.zoomed = view.zoom / before.zoom;
            slider.value = 1; slider.oninput();
            found.counted = find("counts").textContent !== all && find("counts").textContent.includes(" of ");
            find("fit").onclick();
            found.fits = view.x === width / 2 && view.zoom === before.zoom;
            draw();
            const drawn = context.getImageData(0, 0, canvas.width, canvas.height).data;
            found.drawn = drawn.some(value => value > 0);
            found.requests = performance.getEntriesByType("resource").filter(one => !one.name.startsWith("data:")).length;
            document.body.dataset.found = JSON.stringify(found);
            </script></body>
            """
        let page = try page("r.html").replacingOccurrences(of: "</body>", with: script)
        try page.write(toFile: "\(work.path)/test.html", atomically: true, encoding: .utf8)
        let result = try #require(
            try Self.chromium?.run(
                "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,800", "--dump-dom",
                "--virtual-time-budget=4000", "--user-data-dir=\(work.path)/profile", "file://\(work.path)/test.html"))
        let text = result.output.replacingOccurrences(of: "&quot;", with: "\"")
        #expect(
            text.contains(
                #"data-found="{"moved":[40,20],"zoomed":2,"counted":true,"fits":true,"drawn":true,"requests":0}""#),
            "\(text.suffix(600))")
    }
}
