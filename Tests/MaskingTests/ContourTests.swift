import Foundation
import Foundations
import Masking
import TestSupport
import Testing

struct ContourTests {
    /// A mask of single pixels.
    private struct Raster: CustomStringConvertible {
        let rows: [[Bool]]
        var width: Int { rows[0].count }
        var area: Int { rows.reduce(0) { $0 + $1.count { $0 } } }
        var description: String { rows.map { String($0.map { $0 ? "#" : "." }) }.joined(separator: "\n") }

        init(_ text: String) {
            rows = text.split(separator: "\n").map { line in line.map { $0 == "#" } }
        }

        init(seed: UInt64, width: Int, height: Int, share: Double) {
            rows = (0..<height).map { y in
                (0..<width).map { x in Double(Formula.bits(seed, y * width + x) >> 11) / Double(1 << 53) < share }
            }
        }

        func runs(_ y: Int) -> [Range<Int>] {
            var result = [Range<Int>]()
            for x in 0..<width where rows[y][x] {
                if let last = result.last, last.upperBound == x {
                    result[result.count - 1] = last.lowerBound..<x + 1
                } else {
                    result.append(x..<x + 1)
                }
            }
            return result
        }

        /// Regions connected by edges, found by flood fill.
        var regions: Int {
            var left = rows
            var count = 0
            for y in rows.indices {
                for x in 0..<width where left[y][x] {
                    count += 1
                    var open = [(x, y)]
                    left[y][x] = false
                    while let (x, y) = open.popLast() {
                        for (a, b) in [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)]
                        where rows.indices.contains(b) && (0..<width).contains(a) && left[b][a] {
                            left[b][a] = false
                            open.append((a, b))
                        }
                    }
                }
            }
            return count
        }
    }

    private func polygons(_ raster: Raster) throws -> [Polygon] {
        var result = [Polygon]()
        var tracer = ContourTracer { result.append($0) }
        for y in raster.rows.indices { try tracer.add(rows: y..<y + 1, white: raster.runs(y)) }
        try tracer.finish()
        return result
    }

    /// Winding number of the rings around the center of a pixel, counted by the crossings to its left.
    private func winding(_ polygon: Polygon, _ x: Int, _ y: Int) -> Int {
        polygon.rings.reduce(0) { sum, ring in
            sum
                + zip(ring, ring.dropFirst()).reduce(0) { crossings, side in
                    let (a, b) = side
                    guard a.x == b.x, a.x <= x, min(a.y, b.y) <= y, y < max(a.y, b.y) else { return crossings }
                    return crossings + (b.y < a.y ? 1 : -1)
                }
        }
    }

    private func check(_ raster: Raster) throws {
        let polygons = try polygons(raster)
        try #require(polygons.count == raster.regions, "one polygon a region")
        try #require(polygons.reduce(0) { $0 + $1.area } == raster.area)
        for polygon in polygons {
            for (index, ring) in polygon.rings.enumerated() {
                try #require(ring.first == ring.last && ring.count >= 5)
                try #require(Set(ring).count == ring.count - 1, "no corner twice")
                let doubled = zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0.x * $1.1.y - $1.1.x * $1.0.y }
                try #require(index == 0 ? doubled > 0 : doubled < 0, "the right-hand rule")
                // Horizontal and vertical sides alternate, so no corner is redundant.
                for (a, (b, c)) in zip(ring, zip(ring.dropFirst(), ring.dropFirst(2))) {
                    try #require((a.x == b.x) != (b.x == c.x))
                }
            }
        }
        for y in raster.rows.indices {
            for x in 0..<raster.width {
                let windings = polygons.map { winding($0, x, y) }
                try #require(windings.reduce(0, +) == (raster.rows[y][x] ? 1 : 0), "pixel \(x), \(y)")
                try #require(windings.allSatisfy { $0 == 0 || $0 == 1 })
            }
        }
    }

    @Test func polygonsHaveThePixelsOfTheMask() throws {
        var cases = [
            Raster("#"), Raster("."), Raster("###"), Raster("#\n#"),
            // Holes that touch the outline or each other, or enclose a region by their corners.
            Raster("###\n#.#\n##."), Raster("####\n#.##\n##.#\n####"), Raster("#####\n##.##\n#.#.#\n##.##\n#####"),
            // Regions that touch at corners; a spiral; arms that join late.
            Raster("#.#\n.#.\n#.#"), Raster("#####\n#...#\n#.#.#\n#.###\n#...."), Raster("#.#.#\n#.#.#\n#####"),
            Raster("#####\n#.#.#\n#.#.#"), Raster(".#.\n#.#\n.#."),
        ]
        for (index, share) in [0.1, 0.3, 0.5, 0.6, 0.7, 0.9].enumerated() {
            for size in [(1, 9), (9, 1), (6, 6), (25, 17)] {
                for seed in 1...8 {
                    cases.append(Raster(seed: UInt64(index * 100 + seed), width: size.0, height: size.1, share: share))
                }
            }
        }
        try sweep(cases) { raster, _ in try check(raster) }
    }

    @Test func theCheckDetectsAMissingHole() throws {
        let polygon = try #require(polygons(Raster("###\n#.#\n###")).first)
        #expect(polygon.rings.count == 2 && polygon.area == 8)
        #expect(winding(polygon, 1, 1) == 0)
        #expect(winding(Polygon(rings: [polygon.rings[0]]), 1, 1) == 1)
    }

    /// A region is emitted as soon as it ends, not at the end of the mask.
    @Test func regionsAreStreamed() throws {
        var ends = [Int]()
        var row = 0
        var tracer = ContourTracer { _ in ends.append(row) }
        for y in 0..<3000 {
            row = y
            try tracer.add(rows: y..<y + 1, white: y % 3 == 0 ? [1..<4, 7..<9] : [])
        }
        try tracer.finish()
        let expected: [Int] = (0..<2000).map { index in index / 2 * 3 + 1 }
        #expect(ends == expected)
    }

    @Test func featuresAreValidForQuPath() throws {
        let path = NSTemporaryDirectory() + "outlines-\(UUID().uuidString).geojson"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = try GeoJSONWriter(FilePath(path), objectType: .annotation, .nuclei)
        for polygon in try polygons(Raster("###.#\n#.#..\n###..")) { try writer.write(polygon) }
        try writer.finish()
        let root = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
        #expect(root["type"] as? String == "FeatureCollection")
        let features = try #require(root["features"] as? [[String: Any]])
        #expect(features.count == 2 && writer.count == 2)
        let geometry = try #require(features[1]["geometry"] as? [String: Any])
        #expect(geometry["type"] as? String == "Polygon")
        #expect(
            geometry["coordinates"] as? [[[Int]]]
                == [
                    [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]], [[2, 1], [1, 1], [1, 2], [2, 2], [2, 1]],
                ])
        let properties = try #require(features[0]["properties"] as? [String: Any])
        #expect(properties["objectType"] as? String == "annotation")
        let classification = try #require(properties["classification"] as? [String: Any])
        #expect(classification["name"] as? String == "Nuclei" && classification["color"] as? [Int] == [230, 159, 0])

        // A file without regions is valid.
        try GeoJSONWriter(FilePath(path), objectType: .detection, .tissue).finish()
        let empty = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(((empty as? [String: Any])?["features"] as? [Any])?.isEmpty == true)
    }

    static let shapely = OutsideTool(pythonWith: "shapely")

    @Test(.enabled(if: shapely != nil, "no shapely: pip install shapely, or set NUCLEI_PYTHON"))
    func shapelyFindsThemValid() throws {
        let path = NSTemporaryDirectory() + "outlines-\(UUID().uuidString).geojson"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let script = """
            import json, sys, shapely.geometry
            features = json.load(open(sys.argv[1]))['features']
            shapes = [shapely.geometry.shape(f['geometry']) for f in features]
            print(sum(s.area for s in shapes), all(s.is_valid for s in shapes),
                  all(s.exterior.is_ccw and not any(r.is_ccw for r in s.interiors) for s in shapes),
                  shapely.geometry.MultiPolygon(shapes).is_valid)
            """
        for share in [0.4, 0.6, 0.8] {
            let raster = Raster(seed: 77, width: 150, height: 130, share: share)
            let writer = try GeoJSONWriter(FilePath(path), objectType: .detection, .tissue)
            for polygon in try polygons(raster) { try writer.write(polygon) }
            try writer.finish()
            let result = try #require(Self.shapely).run(script, path)
            #expect(result.output == "\(Double(raster.area)) True True True\n", "\(result)")
        }
    }
}
