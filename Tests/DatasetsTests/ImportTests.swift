import Datasets
import Foundation
import Foundations
import Imaging
import TestSupport
import Testing

@Suite(.kernelTurns) struct ImportTests {
    private struct Stop: Error {}

    private func labels(_ folder: String) throws -> String {
        try String(contentsOfFile: "\(folder)/labels.csv", encoding: .utf8)
    }

    private func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    /// A folder of images with label images, a mask, and one that has neither.
    private func source() throws -> DatasetFolder {
        let folder = try DatasetFolder()
        try FileManager.default.createDirectory(atPath: "\(folder.path)/p 1", withIntermediateDirectories: false)
        try folder.image("a.png", 100, 80) { x, y in [UInt8(x), UInt8(y), 1] }
        try folder.mask("a_labels.png", 100, 80) { x, y in x < 20 ? 900 : x > 90 ? 7 : 0 }
        try folder.image("=b,.png", 60, 70) { x, y in [UInt8(x), UInt8(y), 2] }
        try folder.image("p 1/c.png", 64, 64) { x, y in [UInt8(x), UInt8(y), 3] }
        try folder.mask("p 1/c_mask.png", 64, 64) { x, y in
            (x / 10 + y / 10) % 4 == 0 && x % 10 < 8 && y % 10 < 8 ? 255 : 0
        }
        try folder.image("p 1/A.png", 64, 64) { x, y in [UInt8(x), UInt8(y), 4] }
        try folder.mask("p 1/A_labels.png", 64, 64) { _, _ in 0 }
        return folder
    }

    private func importFolder(
        _ folder: DatasetFolder, _ out: String, masks: String? = nil, mpp: Double? = nil,
        afterEach: @Sendable (Int, Int) throws -> Void = { _, _ in }
    ) throws -> LabelFolderImport.Result {
        try LabelFolderImport(
            images: FilePath(folder.path), masks: masks.map { FilePath($0) }, group: nil, micronsPerPixel: mpp
        ).write(to: FilePath(out), threads: 2, afterEach: afterEach)
    }

    @Test func aFolderOfLabelImagesBecomesADataset() throws {
        let (folder, output) = (try source(), try DatasetFolder())
        let out = "\(output.path)/set"
        let made = try importFolder(folder, out, mpp: 0.25)
        #expect(made.images == 4 && made.unlabeled == 1)
        #expect(
            try labels(out) == """
                filename,label,group,mpp,mask
                _b_.png,,,0.25,
                a.png,,,0.25,a_labels.png
                A_2.png,NO_NUCLEUS,p 1,0.25,A_2_labels.png
                c.png,,p 1,0.25,c_labels.png

                """)
        #expect(
            try files(out) == [
                "A_2.png", "A_2_labels.png", "_b_.png", "a.png", "a_labels.png", "c.png", "c_labels.png", "import.json",
                "labels.csv",
            ])
        let set = try TileSet(path: FilePath(out), target: TileTarget(side: 64), threads: 1)
        let nuclei = set.tiles.filter { $0.filename.hasPrefix("c.png") }.compactMap(\.outlines).map(\.nuclei)
        #expect(nuclei == [try LabelImage(decoding: "\(out)/c_labels.png").labels.max().map { Int($0) }])
        #expect(Set(try LabelImage(decoding: "\(out)/a_labels.png").labels) == [0, 1, 2])
        // Finished data sets and other folders stay as they are.
        #expect(message { _ = try importFolder(folder, out) }.contains("expected a new or empty folder, found"))
    }

    /// A data set inside its source is not imported again.
    @Test func theDataSetMayBeInTheSource() throws {
        let folder = try source()
        let out = "\(folder.path)/out"
        #expect(throws: Stop.self) {
            try importFolder(folder, out) { done, _ in if done == 2 { throw Stop() } }
        }
        #expect(try importFolder(folder, out).images == 4)
    }

    /// Images in all folders below, in the group of the outermost one.
    @Test func foldersMayBeDeep() throws {
        let (folder, masks, output) = (try source(), try DatasetFolder(), try DatasetFolder())
        for root in [folder.path, masks.path] {
            try FileManager.default.createDirectory(atPath: "\(root)/p 1/s/t", withIntermediateDirectories: true)
        }
        try folder.image("p 1/s/t/d.png", 64, 64) { x, y in [UInt8(x), UInt8(y), 5] }
        try masks.mask("p 1/s/t/d.png", 64, 64) { x, _ in x < 9 ? 1 : 0 }
        let made = try importFolder(folder, "\(output.path)/set", masks: masks.path)
        #expect(made.images == 8 && made.unlabeled == 7 && made.nuclei == 1)
        #expect(try labels("\(output.path)/set").contains("d.png,,p 1,,d_labels.png\n"))
        let missing = "\(output.path)/none"
        let text = message { _ = try importFolder(folder, "\(output.path)/other", masks: missing) }
        #expect(text == "\(missing): cannot be read (No such file or directory)")
    }

    @Test func anInterruptedImportIsContinued() throws {
        let (folder, output) = (try source(), try DatasetFolder())
        let out = "\(output.path)/set"
        #expect(throws: Stop.self) { try importFolder(folder, out) { done, _ in if done == 1 { throw Stop() } } }
        let some = try files(out)
        #expect(!some.contains("labels.csv") && some.contains("import.json"))
        #expect(
            message { _ = try importFolder(folder, out, mpp: 1) }.contains(
                "found an unfinished import with other settings"))
        _ = try importFolder(folder, out)
        _ = try importFolder(folder, "\(output.path)/at once")
        #expect(try files(out) == files("\(output.path)/at once"))
        for name in try files(out) {
            #expect(
                FileManager.default.contentsEqual(atPath: "\(out)/\(name)", andPath: "\(output.path)/at once/\(name)"))
        }
    }

    @Test func masksMayHaveAFolderOfTheirOwn() throws {
        let (folder, masks, output) = (try DatasetFolder(), try DatasetFolder(), try DatasetFolder())
        try folder.image("a.png", 70, 70) { x, y in [UInt8(x), UInt8(y), 1] }
        try folder.image("a_labels.png", 70, 70) { x, y in [UInt8(x), UInt8(y), 1] }
        try masks.mask("a.png", 70, 70) { x, _ in x < 9 ? 1 : 0 }
        try masks.mask("a_labels_mask.tif.png", 70, 70) { _, _ in 0 }
        let made = try importFolder(folder, "\(output.path)/set", masks: masks.path)
        #expect(made.images == 2 && made.unlabeled == 1 && made.nuclei == 1)
        #expect(try labels("\(output.path)/set").contains("a.png,,,,a_labels.png\na_labels_2.png,,,,\n"))
    }

    @Test func problemsOfAllImagesAreReported() throws {
        let (folder, output) = (try DatasetFolder(), try DatasetFolder())
        let out = "\(output.path)/set"
        #expect(
            message { _ = try importFolder(folder, out) }.hasSuffix("expected PNG, JPEG or TIFF images, found none"))
        try folder.image("a.png", 70, 70) { _, _ in [1, 2, 3] }
        #expect(message { _ = try importFolder(folder, out) }.hasSuffix("such as a_labels.png, found none"))
        #expect(!FileManager.default.fileExists(atPath: out))
        try folder.mask("a_labels.png", 70, 69) { _, _ in 0 }
        try folder.image("b.png", 70, 70) { _, _ in [1, 2, 3] }
        try folder.image("b_mask.png", 70, 70) { x, _ in [1, UInt8(x), 3] }
        let lines = message { _ = try importFolder(folder, out) }.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasSuffix("a_labels.png: expected 70 x 70 pixels like a.png, found 70 x 69"))
        #expect(lines[1].contains("b_mask.png: "))
        #expect(try !files(out).contains("labels.csv"))
    }

    /// QuPath's rectangles, detections and cells with nuclei, in a file of one picture.
    private func outlines(_ extra: String = "") -> String {
        func rectangle(_ x: Int, _ y: Int, _ width: Int, _ height: Int) -> String {
            let (right, bottom) = (x + width, y + height)
            return
                #"{"type":"Polygon","coordinates":[[[\#(x),\#(y)],[\#(right),\#(y)],[\#(right),\#(bottom)],[\#(x),\#(bottom)],[\#(x),\#(y)]]]}"#
        }
        func feature(_ kind: String, _ geometry: String, _ name: String?, nucleus: String? = nil) -> String {
            let properties = name.map { #","classification":{"name":"\#($0)"}"# } ?? ""
            return
                #"{"type":"Feature","geometry":\#(geometry)\#(nucleus.map { #","nucleusGeometry":\#($0)"# } ?? ""),"properties":{"objectType":"\#(kind)"\#(properties)}}"#
        }
        let features = [
            feature("annotation", rectangle(100, 50, 200, 100), "Region*"),
            feature("annotation", rectangle(0, 300, 90, 80), "region*"),
            feature("annotation", rectangle(0, 0, 400, 400), nil),
            feature("detection", rectangle(110, 60, 10, 10), "Tumor"),
            feature("cell", rectangle(140, 60, 40, 40), nil, nucleus: rectangle(150, 70, 10, 20)),
            // On the edge of the region, and outside of it.
            feature("detection", rectangle(290, 140, 30, 30), nil),
            feature("detection", rectangle(350, 350, 9, 9), nil),
            feature("annotation", rectangle(200, 100, 4, 4), "Nucleus"),
        ]
        return #"{"type":"FeatureCollection","features":["# + features.joined(separator: ",") + extra + "]}"
    }

    private func cut(
        _ folder: DatasetFolder, _ text: String, _ out: String, tiles: [String] = ["Region*"], nuclei: [String] = [],
        grid: Bool = false, size: Int = 128
    ) throws -> OutlineImport.Result {
        try AtomicFile.write(text, to: "\(folder.path)/o.geojson")
        return try OutlineImport(
            image: "\(folder.path)/slide.png", outlines: "\(folder.path)/o.geojson", tileClasses: tiles,
            nucleusClasses: nuclei, isGrid: grid, tileSize: size, group: nil, micronsPerPixel: nil
        ).write(to: FilePath(out), threads: 1) { _, _ in }
    }

    @Test func annotationsAreCutWithTheirNuclei() throws {
        let (folder, output) = (try DatasetFolder(), try DatasetFolder())
        try folder.image("slide.png", 400, 400) { x, y in [UInt8(x / 2), UInt8(y / 2), 3] }
        let out = "\(output.path)/set"
        let made = try cut(folder, outlines(), out)
        #expect(made.tiles == 3 && made.emptyTiles == 1 && made.nuclei == 4)
        #expect(
            try labels(out) == """
                filename,label,group,mpp,mask
                slide_100_50.png,,slide,,slide_100_50_labels.png
                slide_200_50.png,,slide,,slide_200_50_labels.png
                slide_0_300.png,NO_NUCLEUS,slide,,slide_0_300_labels.png

                """)
        let image = try RGBImage(decoding: "\(out)/slide_200_50.png")
        #expect(image.width == 100 && image.height == 100 && image.pixels.prefix(3) == [100, 25, 3])
        let first = try LabelImage(decoding: "\(out)/slide_100_50_labels.png")
        for (x, y, label) in [
            (10, 10, 1), (19, 19, 1), (20, 20, 0), (45, 15, 0), (50, 20, 2), (59, 39, 2), (60, 39, 0),
        ] {
            #expect(first.labels[y * 100 + x] == UInt32(label), "\(x) \(y)")
        }
        let second = try LabelImage(decoding: "\(out)/slide_200_50_labels.png")
        #expect(second.labels[50 * 100] == 1 && second.labels[99 * 100 + 99] == 2 && second.labels[89 * 100 + 99] == 0)
        // Only the classes that are named.
        let tumor = try cut(folder, outlines(), "\(output.path)/tumor", nuclei: ["tumor"])
        #expect(tumor.nuclei == 1 && tumor.emptyTiles == 2)
        let grid = try cut(folder, outlines(), "\(output.path)/grid", grid: true, size: 200)
        #expect(grid.tiles == 4 && grid.nuclei == 5)
        let set = try TileSet(path: FilePath(out), target: TileTarget(side: 64), threads: 1)
        #expect(set.tiles.allSatisfy { $0.truth == .classes } && set.counts(of: set.labeled)[1] >= 2)
    }

    /// Outlines that are no nuclei would teach that there is none.
    @Test func outlinesThatAreNoNucleiAreNamed() throws {
        let (folder, output) = (try DatasetFolder(), try DatasetFolder())
        try folder.image("slide.png", 400, 400) { _, _ in [1, 2, 3] }
        func changed(_ changes: (String, String)...) -> String {
            changes.reduce(outlines()) { $0.replacing($1.0, with: $1.1) }
        }
        // The annotation of the whole image is larger than any tile.
        #expect(try cut(folder, outlines(), "\(output.path)/all").others == nil)
        let some = try cut(folder, changed((#""Nucleus""#, #""Lymphocyte""#)), "\(output.path)/some")
        #expect(some.nuclei == 3 && some.others == "1 of Lymphocyte")
        let ignored = try cut(folder, changed((#""Tumor""#, #""Ignore*""#)), "\(output.path)/ignored")
        #expect(ignored.nuclei == 3 && ignored.others == "1 of Ignore*")
        let annotated = try cut(folder, changed((#""Nucleus""#, #""Ignore*""#)), "\(output.path)/annotated")
        #expect(annotated.nuclei == 3 && annotated.others == nil)
        let none = changed(
            (#""detection""#, #""annotation""#), (#""cell""#, #""annotation""#), (#""Nucleus""#, #""Other""#))
        #expect(
            message { _ = try cut(folder, none, "\(output.path)/none") }.hasSuffix(
                "expected detections, cells, or a class that begins with Nucle (else name it with --nucleus-class), "
                    + "found those of no class, Other, Region*, Tumor, region*"))
        // Types as earlier versions of QuPath write them.
        let older = try cut(folder, changed((#""objectType""#, #""object_type""#)), "\(output.path)/older")
        #expect(older.nuclei == 4)
        let oldest = outlines().replacing(
            #/"type":"Feature",(.*?)"objectType":"(.)(.*?)"/#
        ) { #""type":"Feature","id":"Path\#($0.2.uppercased())\#($0.3)Object",\#($0.1)"x":1"# }
        #expect(try cut(folder, oldest, "\(output.path)/oldest").nuclei == 4)
    }

    @Test func theLastOfOverlappingOutlinesHasThePixels() throws {
        let (folder, output) = (try DatasetFolder(), try DatasetFolder())
        try folder.image("slide.png", 400, 400) { _, _ in [1, 2, 3] }
        let extra =
            #",{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[115,60],[125,60],[125,70],[115,70],[115,60]]]},"properties":{"objectType":"detection"}}"#
        #expect(try cut(folder, outlines(extra), "\(output.path)/set").nuclei == 5)
        let labels = try LabelImage(decoding: "\(output.path)/set/slide_100_50_labels.png")
        // The object that was drawn last ends at column 25, the first one would at column 20.
        let row = labels.labels[15 * 100 + 10..<15 * 100 + 26]
        #expect(Array(row.prefix(5)) == Array(repeating: 1, count: 5))
        let rest = row.dropFirst(5)
        #expect(Set(rest.dropLast()).count == 1 && rest.first! > 1 && rest.last == 0)
    }

    @Test func tooManyNucleiAreNamed() throws {
        let (folder, output) = (try DatasetFolder(), try DatasetFolder())
        try folder.image("slide.png", 400, 400) { _, _ in [1, 2, 3] }
        let one =
            #",{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[110,60],[112,60],[112,62],[110,60]]]},"properties":{"objectType":"detection"}}"#
        let text = outlines(String(repeating: one, count: 66_000))
        let problem = message { _ = try cut(folder, text, "\(output.path)/set") }
        let expected = "expected at most 65535 nuclei in a tile (see --cut-size), found 66003 in that at 100, 50"
        #expect(problem.hasSuffix(expected), "\(problem)")
        #expect(!FileManager.default.fileExists(atPath: "\(output.path)/set"))
    }

    @Test func filesThatCannotBeCutAreRefused() throws {
        let (folder, output) = (try DatasetFolder(), try DatasetFolder())
        try folder.image("slide.png", 400, 400) { _, _ in [1, 2, 3] }
        func problem(_ text: String, tiles: [String] = ["Region*"], nuclei: [String] = []) -> String {
            message { _ = try cut(folder, text, "\(output.path)/set", tiles: tiles, nuclei: nuclei) }
                .replacingOccurrences(of: "\(folder.path)/", with: "")
        }
        #expect(
            problem(outlines(), tiles: ["Tile"])
                == "o.geojson: expected annotations of the class Tile to cut tiles from, found those of no class, "
                + "Nucleus, Region*, Tumor, region*")
        #expect(
            problem(outlines(), nuclei: ["tumour"])
                == "o.geojson: expected nuclei of the class tumour, found those of no class, Nucleus, Region*, Tumor, region*"
        )
        #expect(problem("[]").hasSuffix("to cut tiles from, found no polygons"))
        #expect(problem("{").contains("expected a GeoJSON file"))
        let triangle =
            #"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[90,0],[0,90],[0,0]]]},"properties":{"classification":{"name":"Region*"}}}"#
        #expect(problem(triangle).hasSuffix("found a shape at 0, 0 that fills 50 % of its frame"))
        let far = triangle.replacingOccurrences(of: "[90,0],[0,90]", with: "[1e300,0],[1e300,1e300],[0,1e300]")
        #expect(problem(far) == "no error", "a region that the image ends")
        let thin = triangle.replacingOccurrences(
            of: "[0,0],[90,0],[0,90],[0,0]", with: "[1e300,0],[1e301,0],[1e300,9],[1e300,0]")
        #expect(problem(thin).contains("% of its frame"))
        let beside = triangle.replacingOccurrences(
            of: "[0,0],[90,0],[0,90],[0,0]", with: "[900,0],[990,0],[990,90],[900,90],[900,0]")
        #expect(problem(beside).contains("expected annotations inside the image"))
        #expect(
            problem(#"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,"x"]]]}}"#).contains(
                "rings of points"))
    }
}
