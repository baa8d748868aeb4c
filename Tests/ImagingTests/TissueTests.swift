import Foundations
import Imaging
import TestSupport
import Testing

@Suite struct TissueTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Gray glass with pink where a condition holds.
    private func picture(_ width: Int, _ height: Int, pink: (Int, Int) -> Bool) -> RGBImage {
        RGBImage(
            width: width, height: height,
            pixels: (0..<width * height).flatMap { index -> [UInt8] in
                pink(index % width, index / width) ? [220, 150, 190] : [240, 241, 239]
            })
    }

    private func find(_ picture: RGBImage) -> TissueMap {
        TissueMap.detect(in: picture, imageWidth: picture.width * 32, imageHeight: picture.height * 32).map
    }

    @Test func tissueIsSaturated() {
        let map = find(picture(60, 40) { x, y in (20..<40).contains(x) && (10..<30).contains(y) })
        for y in 0..<40 {
            for x in 0..<60 {
                let expected = (20..<40).contains(x) && (10..<30).contains(y)
                // A corner has enough neighbors, and closing must not round it.
                #expect(map.isTissue[y * 60 + x] == expected, "\(x), \(y)")
            }
        }
        #expect(map.share == 400.0 / 2400)
        #expect(map.touches(PixelRegion(x: 639 - 255, y: 400, width: 257, height: 10)))
        #expect(!map.touches(PixelRegion(x: 639 - 256, y: 400, width: 257, height: 10)))
        #expect(!map.touches(PixelRegion(x: 1280, y: 0, width: 5000, height: 5000)), "no tissue outside the image")
        #expect(map.bounds(in: PixelRegion(x: 1280, y: 0, width: 5000, height: 5000)) == nil)
    }

    /// Cells that cannot be decoded count as tissue, whatever color they are painted with.
    @Test func unreadableCellsAreTissue() {
        let pink = picture(60, 40) { x, y in (20..<40).contains(x) && (10..<30).contains(y) }
        let cells = Set((0..<5).flatMap { y in (50..<60).map { y * 60 + $0 } } + [20 * 60 + 30])
        let map = TissueMap.detect(in: pink, except: cells, imageWidth: 1920, imageHeight: 1280).map
        #expect(map.isTissue.count { $0 } == 400 + 50)
        #expect(cells.allSatisfy { map.isTissue[$0] })
    }

    @Test func slidesOfOnlyTissueOrOnlyGlass() {
        // Two shades of pink: Otsu's threshold alone would classify the paler one as glass.
        let shades = RGBImage(
            width: 40, height: 40,
            pixels: (0..<1600).flatMap { $0 % 40 < 20 ? [220, 180, 200] : [200, 80, 150] as [UInt8] })
        #expect(find(shades).share == 1)
        // Two shades of glass.
        let glass = RGBImage(
            width: 40, height: 40,
            pixels: (0..<1600).flatMap { $0 % 40 < 20 ? [240, 240, 240] : [236, 240, 238] as [UInt8] })
        #expect(find(glass).share == 0)
    }

    @Test func specksAreRemovedAndGapsAndSmallHolesFilled() {
        #expect(find(picture(30, 30) { x, y in x == 15 && y == 15 }).share == 0)
        // A gap of four cells closes, one of five stays; both reach the upper edge.
        let gaps = find(picture(60, 60) { x, y in !(20..<24 ~= x) && !(40..<45 ~= x) })
        #expect(gaps.isTissue[30 * 60 + 21] && !gaps.isTissue[30 * 60 + 42])
        // Holes of 8 x 8 and of 9 x 9 cells.
        let holes = find(picture(60, 60) { x, y in !(10..<18 ~= x && 10..<18 ~= y) && !(30..<39 ~= x && 30..<39 ~= y) })
        #expect(holes.isTissue[14 * 60 + 14] && !holes.isTissue[34 * 60 + 34])
    }

    /// Pale tissue at the left and a shape in a color at the right, on glass.
    private func besidePaleTissue(_ color: [UInt8]) -> RGBImage {
        RGBImage(
            width: 80, height: 40,
            pixels: (0..<3200).flatMap { index -> [UInt8] in
                let (x, y) = (index % 80, index / 80)
                if (5..<25).contains(x), (10..<30).contains(y) { return [236, 218, 232] }
                if (50..<70).contains(x), (5..<35).contains(y) { return color }
                return [241, UInt8(240 + (x * 7 + y * 3) % 3), 242]
            })
    }

    @Test(arguments: [[20, 90, 40], [30, 40, 200], [220, 30, 40], [25, 25, 28], [0, 140, 150]] as [[UInt8]])
    func pensAreLeftOut(_ ink: [UInt8]) {
        let found = TissueMap.detect(in: besidePaleTissue(ink), imageWidth: 2560, imageHeight: 1280)
        #expect(found.map.share == 400.0 / 3200)
        #expect((0.18...0.28).contains(found.penShare), "\(found.penShare)")
    }

    @Test(arguments: [[90, 40, 120], [150, 60, 140], [220, 110, 160], [200, 60, 90]] as [[UInt8]])
    func stronglyStainedTissueDoesNotHidePaleTissue(_ stain: [UInt8]) {
        let found = TissueMap.detect(in: besidePaleTissue(stain), imageWidth: 2560, imageHeight: 1280)
        #expect(found.map.share == 1000.0 / 3200)
        #expect(found.penShare == 0)
    }

    @Test func outlines() throws {
        let path = try folder.file(
            "a.geojson",
            Array(
                """
                {"type":"FeatureCollection","features":[
                {"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":
                [[[320,320],[960.5,320],[960.5,640],[320,640],[320,320]],[[480,400],[700,400],[700,560],[480,560],[480,400]]]}},
                {"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":
                [[[[1500,1000],[1501,1000],[1501,1001],[1500,1000]]],[[[-50,1200],[100,1200],[100,9000],[-50,1200]]]]}}]}
                """.utf8))
        let map = try TissueMap(outline: path, imageWidth: 2000, imageHeight: 1500)
        func isTissue(_ x: Int, _ y: Int) -> Bool { map.touches(PixelRegion(x: x, y: y, width: 1, height: 1)) }
        #expect(isTissue(330, 330) && isTissue(950, 630) && isTissue(400, 480))
        #expect(!isTissue(600, 480), "the hole")
        #expect(!isTissue(280, 330) && !isTissue(600, 700) && !isTissue(1100, 480))
        #expect(isTissue(1500, 1000), "smaller than a cell")
        #expect(isTissue(60, 1400) && !isTissue(160, 1400), "reaches beyond the image")
    }

    /// Cells are 32 pixels wide. Points less than a pixel from a cell edge are rounded to it.
    @Test func outlinesOnTheEdgesOfCells() throws {
        func cells(_ ring: String) throws -> [Int] {
            let path = try folder.file("e.geojson", Array(#"{"type":"Polygon","coordinates":[[\#(ring)]]}"#.utf8))
            let map = try TissueMap(outline: path, imageWidth: 320, imageHeight: 320)
            return map.isTissue.indices.filter { map.isTissue[$0] }
        }
        #expect(try cells("[32,32],[64,32],[64,64],[32,64],[32,32]") == [11])
        #expect(try cells("[31.5,32],[64.5,32],[64,63.5],[32,64.5],[31.5,32]") == [11])
        #expect(try cells("[32,32],[67,32],[67,64],[32,64],[32,32]") == [11, 12])
        #expect(try cells("[64,64],[64.5,64],[64.5,64.5],[64,64.5],[64,64]") == [22], "smaller than the rounding")
    }

    /// Objects as QuPath exports them, with squares at places of an image of 320 x 320 px, which has 10 x 10 cells.
    private func outline(
        _ objects: [(place: Int, className: String?)], and others: [String] = [], classes: [String] = []
    ) throws -> (cells: [Int], notes: [String]) {
        let features = objects.map { object in
            let (a, b) = (object.place * 32, object.place * 32 + 64)
            let ring = "[[\(a),\(a)],[\(b),\(a)],[\(b),\(b)],[\(a),\(b)],[\(a),\(a)]]"
            let name = object.className.map { #""classification":{"name":"\#($0)","color":[1,2,3]}"# } ?? ""
            return #"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[\#(ring)]},"properties":{\#(name)}}"#
        }
        let path = try folder.file("q.geojson", Array("[\((features + others).joined(separator: ","))]".utf8))
        var notes = [String]()
        let map = try TissueMap(outline: path, classes: classes, imageWidth: 320, imageHeight: 320) { notes.append($0) }
        return (map.isTissue.indices.filter { map.isTissue[$0] }, notes.map { $0.replacing(path.string, with: "q") })
    }

    @Test func objectsWithoutAnAreaAreNoted() throws {
        let result = try outline(
            [(1, nil)],
            and: [
                #"{"type":"Feature","geometry":null,"properties":null}"#,
                #"{"type":"Feature","geometry":{"type":"Point","coordinates":[1,1]},"properties":{}}"#,
                #"{"type":"Feature","geometry":{"type":"MultiPoint","coordinates":[[1,1],[2,2]]}}"#,
                #"{"type":"LineString","coordinates":[[1,1],[90,90]]}"#, #"{"type":"Polygon","coordinates":[]}"#,
                #"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,1]}]}"#,
            ])
        #expect(result.cells == [11, 12, 21, 22])
        #expect(result.notes == ["1 object without geometry, 4 points, 1 line, 1 empty polygon left out of q"])
    }

    @Test func classesSelectObjects() throws {
        let objects = [(1, "Tumor"), (4, "Stroma"), (7, nil), (2, "Ignore*")] as [(Int, String?)]
        let (tumor, stroma, other) = ([11, 12, 21], [44, 45, 54, 55], [77, 78, 87, 88])
        #expect(try outline(objects).cells == tumor + stroma + other, "without the ignored corner")
        #expect(try outline(objects, classes: ["TUMOR"]).cells == tumor)
        #expect(try outline(objects, classes: ["stroma", "tumor", "none"]).cells == tumor + stroma)
        #expect(try outline(objects, classes: ["ignore*"]).cells == [22, 23, 32, 33])
        let error = fileError { _ = try outline(objects, classes: ["Fat"]) }
        #expect(error?.problem == "expected objects of the class Fat, found those of no class, Ignore*, Stroma, Tumor")
        let ignored = fileError { _ = try outline([(2, "Ignore*")]) }
        #expect(ignored?.problem == "expected polygons around tissue, found ignored classes only")
        let names = #"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[32,0],[32,32],[0,32]]]},"#
        let derived = names + #""properties":{"classification":{"names":["Tumor","Positive"]}}}"#
        #expect(try outline([], and: [derived], classes: ["Tumor: Positive"]).cells == [0])
    }

    /// Points far outside take no time, and what is inside stays.
    @Test(.timeLimit(.minutes(1))) func outlinesFarOutside() throws {
        func cells(_ ring: [[Double]]) throws -> [Int] {
            let text = ring.map { "[\($0[0]),\($0[1])]" }.joined(separator: ",")
            let path = try folder.file("f.geojson", Array(#"{"type":"Polygon","coordinates":[[\#(text)]]}"#.utf8))
            let map = try TissueMap(outline: path, imageWidth: 320, imageHeight: 320)
            return map.isTissue.indices.filter { map.isTissue[$0] }
        }
        for far in [1e7, 1e9, 1e15, 1e300] {
            #expect(try cells([[-far, -far], [far, -far], [far, far], [-far, far]]) == Array(0..<100), "\(far)")
            #expect(try cells([[far, 0], [2 * far, 0], [far, 50]]) == [], "\(far)")
            let strip = try cells([[-far, 32], [far, 32], [far, 64], [-far, 64]])
            #expect(strip == Array(10..<20), "\(far)")
            let zigzag = (0..<20_000).map { [$0 % 2 == 0 ? far : -far, Double($0 % 320)] }
            #expect(try !cells(zigzag).isEmpty)
        }
        let bow = try cells([[32, 32], [288, 288], [288, 32], [32, 288]])
        #expect(bow.contains(52) && bow.contains(57) && !bow.contains(25) && !bow.contains(75), "crosses itself")
    }

    @Test func badOutlines() throws {
        func problem(_ text: String) throws -> String? {
            let path = try folder.file("bad.geojson", Array(text.utf8))
            return fileError { _ = try TissueMap(outline: path, imageWidth: 100, imageHeight: 100) }?.problem
        }
        #expect(try problem("{") == "expected a GeoJSON file, found something that is not JSON")
        #expect(try problem("[]") == "expected polygons around tissue, found none")
        #expect(try problem("[3]") == "expected GeoJSON objects with a type, found another value")
        #expect(try problem(#"{"type":"Topology"}"#) == "expected GeoJSON objects, found one of type Topology")
        #expect(
            try problem(#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#)
                == "expected polygons around tissue, found 1 line")
        #expect(
            try problem(#"{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]}"#)
                == "expected polygons around tissue, found 1 empty polygon")
        for ring in ["[[0,0],[1],[2,2],[0,0]]", #"[[0,0],["a",1],[2,2],[0,0]]"#, "[[0,0],[null,1],[2,2],[0,0]]"] {
            #expect(
                try problem(#"{"type":"Polygon","coordinates":["# + ring + "]}")
                    == "expected rings of points of two numbers, found another ring")
        }
        #expect(
            try problem(#"{"type":"Polygon","coordinates":[[[0,0],[1e999,1],[2,2],[0,0]]]}"#)
                == "expected a GeoJSON file, found something that is not JSON")
        let missing = fileError { _ = try TissueMap(outline: folder.file("no"), imageWidth: 1, imageHeight: 1) }
        #expect(missing?.kind == .unreadable)
    }

    @Test(.enabled(if: RealImages.folder != nil, RealImages.missing)) func aRealSlide() throws {
        let path = try #require(RealImages.folder).appending("wsi/CMU-1-Small-Region.svs")
        let found = try TissueMap.detect(Slide(path))
        let finding = try #require(found)
        #expect((0.3...0.5).contains(finding.map.share), "\(finding.map.share)")
        // Skin in the middle, glass in the upper corners.
        #expect(finding.map.touches(PixelRegion(x: 1100, y: 1600, width: 100, height: 100)))
        #expect(!finding.map.touches(PixelRegion(x: 60, y: 200, width: 256, height: 256)))
    }

    @Test func boundsSurroundTheTouchedCells() throws {
        let (imageWidth, imageHeight, width, height) = (97, 61, 9, 7)
        let isTissue = Formula.integers(seed: 3, count: width * height, below: 6).map { $0 == 0 }
        let map = TissueMap(
            imageWidth: imageWidth, imageHeight: imageHeight, width: width, height: height, isTissue: isTissue)
        for region in [
            PixelRegion(x: 0, y: 0, width: 97, height: 61), PixelRegion(x: 11, y: 5, width: 40, height: 30),
            PixelRegion(x: 60, y: 33, width: 100, height: 100), PixelRegion(x: 50, y: 20, width: 1, height: 1),
        ] {
            var touched = [(x: Int, y: Int)]()
            for y in region.y..<min(region.bottom, imageHeight) {
                for x in region.x..<min(region.right, imageWidth)
                where map.touches(PixelRegion(x: x, y: y, width: 1, height: 1)) { touched.append((x, y)) }
            }
            let (x, y) = (touched.map(\.x), touched.map(\.y))
            let expected =
                touched.isEmpty
                ? nil
                : PixelRegion(
                    x: x.min()!, y: y.min()!, width: x.max()! - x.min()! + 1, height: y.max()! - y.min()! + 1)
            #expect(map.bounds(in: region) == expected, "\(region)")
        }
        #expect(map.touches(PixelRegion(x: 0, y: 0, width: 97, height: 61)))
    }
}
