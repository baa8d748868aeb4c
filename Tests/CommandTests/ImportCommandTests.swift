import Foundation
import Imaging
import Testing

struct ImportCommandTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    private func image(_ name: String, _ side: Int) throws {
        let pixels = (0..<side * side).flatMap { index -> [UInt8] in
            [UInt8(index % 251), UInt8(index / side % 251), 9]
        }
        let writer = try PNGWriter(path: "\(work.path)/\(name)", width: side, height: side, channels: .rgb)
        try pixels.withUnsafeBytes { try writer.write(rows: $0, count: side) }
        try writer.finish()
    }

    private func mask(_ name: String, _ side: Int, nuclei: Bool = true) throws {
        let labels = (0..<side * side).map { nuclei && $0 % side < 60 && $0 / side < 60 ? UInt32(3) : 0 }
        try LabelImage(width: side, height: side, labels: labels).write(to: "\(work.path)/\(name)")
    }

    @Test func aFolderIsImportedAndExplored() throws {
        try FileManager.default.createDirectory(atPath: "\(work.path)/in", withIntermediateDirectories: false)
        for index in 0..<6 {
            try image("in/\(index).png", 300)
            try mask("in/\(index)_labels.png", 300)
        }
        try image("in/6.png", 300)
        let made = try Command.train.run("import", "in", "out/set", "--mpp", "0.5", in: work.path)
        #expect(made.status == 0 && made.output == "out/set: 7 images, 6 nuclei\n", "\(made)")
        #expect(made.errors.contains("warning: 1 of 7 images have no label image and stay unlabeled\n"))
        let explored = try Command.train.run(
            "explore", "out/set", "--tile-size", "128", "--mpp", "1", "--output", "x", in: work.path)
        #expect(explored.status == 0, "\(explored)")
        #expect(
            explored.output.contains("outlines of nuclei in 24 tiles; nuclei a tile: median 1 (10 %: 1, 90 %: 1); "))
        #expect(explored.output.contains("microns per pixel (tiles): 0.5 (28)\n"))
        let page = try String(contentsOfFile: "\(work.path)/x/exploration.html", encoding: .utf8)
        #expect(page.contains("Outlines of nuclei") && page.contains("microns per pixel of the file"))
        let sheet = try Command.train.run(
            "augment", "out/set", "--tile-size", "128", "--tiles", "2", "--variants", "2", "--output", "s.png",
            in: work.path)
        #expect(sheet.status == 0, "\(sheet)")
        #expect(try RGBImage(decoding: "\(work.path)/s.png").width == 3 * 136)
        let again = try Command.train.run("import", "in", "out/set", in: work.path)
        #expect(again.status == 73 && again.errors.contains("expected a new or empty folder, found"))
    }

    @Test func anImageIsCutAtAnnotations() throws {
        try image("slide.png", 500)
        let region = #"{"type":"Polygon","coordinates":[[[20,30],[220,30],[220,230],[20,230],[20,30]]]}"#
        let nucleus = #"{"type":"Polygon","coordinates":[[[50,60],[70,60],[70,80],[50,80],[50,60]]]}"#
        try work.write(
            #"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":\#(region),"properties":{"classification":{"name":"Region*"}}},{"type":"Feature","geometry":\#(nucleus),"properties":{"objectType":"detection"}}]}"#,
            to: "o.geojson")
        let made = try Command.train.run(
            "import", "slide.png", "set", "--outlines", "o.geojson", "--mpp", "0.25", in: work.path)
        #expect(made.status == 0 && made.output == "set: 1 tile, 0 without nuclei, 1 nucleus\n", "\(made)")
        let labels = try String(contentsOfFile: "\(work.path)/set/labels.csv", encoding: .utf8)
        #expect(labels == "filename,label,group,mpp,mask\nslide_20_30.png,,slide,0.25,slide_20_30_labels.png\n")
        let other = try Command.train.run(
            "import", "slide.png", "other", "--outlines", "o.geojson", "--tile-class", "Tile", in: work.path)
        #expect(
            other.status == 65 && other.errors.hasPrefix("error: o.geojson: expected annotations of the class Tile"))
        #expect(!work.files.contains("other"))
    }

    @Test func labelImagesInAFolderOfTheirOwn() throws {
        for folder in ["in", "m"] {
            try FileManager.default.createDirectory(
                atPath: "\(work.path)/\(folder)", withIntermediateDirectories: false)
        }
        try image("in/a.png", 300)
        try mask("m/a.png", 300)
        let made = try Command.train.run("import", "in", "set", "--masks", "m", "--group", "P7", in: work.path)
        #expect(made.status == 0 && made.output == "set: 1 image, 1 nucleus\n", "\(made)")
        let labels = try String(contentsOfFile: "\(work.path)/set/labels.csv", encoding: .utf8)
        #expect(labels == "filename,label,group,mpp,mask\na.png,,P7,,a_labels.png\n")
    }

    @Test func anImageIsCutByAGridWithNucleiOfAClass() throws {
        try image("slide.png", 500)
        let squares = [("Tumor cell", 50), ("Lymphocyte", 350)].map { name, x in
            let corners = "[[\(x),60],[\(x + 20),60],[\(x + 20),80],[\(x),80],[\(x),60]]"
            return #"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[\#(corners)]},"properties":"#
                + #"{"objectType":"annotation","classification":{"name":"\#(name)"}}}"#
        }
        try work.write(
            #"{"type":"FeatureCollection","features":[\#(squares.joined(separator: ","))]}"#, to: "o.geojson")
        let made = try Command.train.run(
            "import", "slide.png", "set", "--outlines", "o.geojson", "--nucleus-class", "Tumor*", "--grid",
            "--cut-size",
            "250", "--mpp", "0.25", in: work.path)
        #expect(made.status == 0 && made.output == "set: 4 tiles, 3 without nuclei, 1 nucleus\n", "\(made)")
        #expect(made.errors.contains("1 of Lymphocyte (see --nucleus-class)"))
        let labels = try String(contentsOfFile: "\(work.path)/set/labels.csv", encoding: .utf8)
        #expect(labels.contains("\nslide_0_0.png,,slide,0.25,") && labels.contains("\nslide_250_250.png,NO_NUCLEUS,"))
    }

    @Test func errorsAreALineAndAStatus() throws {
        for arguments in [
            ["in"], ["in", "out", "--mpp", "0"], ["in", "out", "--mpp", "1e200"], ["in", "out", "--grid"],
            ["in", "out", "--cut-size", "512"], ["in", "out", "--tile-class", "A"],
            ["in", "out", "--nucleus-class", "A"],
            ["in", "out", "--outlines", "o", "--masks", "m"],
            ["in", "out", "--outlines", "o", "--grid", "--tile-class", "A"],
            ["in", "out", "--outlines", "o", "--cut-size", "63"], ["in", "out", "--group", "a\nb"],
        ] {
            let result = try Command.train.start(["import"] + arguments, in: work.path).wait()
            #expect(result.status == 64 && result.output.isEmpty && !result.errors.isEmpty, "\(arguments): \(result)")
        }
        let missing = try Command.train.run("import", "nowhere", "out", in: work.path)
        #expect(missing.status == 66 && missing.errors.hasPrefix("error: nowhere: cannot be read"))
        try image("a.png", 100)
        let alone = try Command.train.run("import", "a.png", "out", in: work.path)
        #expect(alone.status == 65 && alone.errors.contains("expected a folder of images"))
        try FileManager.default.createDirectory(atPath: "\(work.path)/in", withIntermediateDirectories: false)
        try image("in/a.png", 100)
        try mask("in/a_labels.png", 99)
        let sizes = try Command.train.run("import", "in", "out", in: work.path)
        #expect(sizes.status == 65, "\(sizes)")
        #expect(sizes.errors == "error: in/a_labels.png: expected 100 x 100 pixels like a.png, found 99 x 99\n")
        try mask("in/a_labels.png", 100)
        let fixed = try Command.train.run("import", "in", "out", in: work.path)
        #expect(fixed.status == 0, "\(fixed)")
    }
}
