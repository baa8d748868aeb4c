import Foundations
import Foundation

extension TissueMap {
    /// The tissue that polygons of a GeoJSON file enclose, as QuPath exports them: coordinates are pixels of the image at
    /// full resolution, x before y. Takes feature collections, features, geometries and lists of features; polygons and
    /// multi-polygons count, with their holes, and everything else is refused.
    ///
    /// Cells that an outline passes through are tissue too. Outlines are taken to a sixteenth of a cell, so that those
    /// along the cells' edges, as they are written, come to the same cells.
    package init(outline path: FilePath, imageWidth: Int, imageHeight: Int) throws(FileError) {
        let content: Any
        do {
            content = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path.string)))
        } catch let error as CocoaError where error.isFileError {
            throw FileError(path, .unreadable, "cannot be read (\(error.localizedDescription))")
        } catch {
            throw FileError(path, expected: "a GeoJSON file", found: "something that is no JSON")
        }
        let polygons = try Self.polygons(content, path)
        if polygons.isEmpty { throw FileError(path, expected: "polygons around tissue", found: "none") }
        let size = Self.gridSize(width: imageWidth, height: imageHeight)
        self.init(
            imageWidth: imageWidth, imageHeight: imageHeight, width: size.width, height: size.height,
            isTissue: [Bool](repeating: false, count: size.width * size.height))
        func place(_ value: Double, _ length: Int, _ cells: Int) -> Double {
            (value * Double(16 * cells) / Double(length)).rounded() / 16
        }
        for polygon in polygons {
            let rings = polygon.map { ring in
                ring.map { Point(x: place($0.x, imageWidth, width), y: place($0.y, imageHeight, height)) }
            }
            var marksAny = fill(rings)
            for ring in rings where trace(ring) { marksAny = true }
            // Too small for a cell, and on an edge.
            if !marksAny { mark(rings[0][0]) }
        }
    }

    struct Point {
        var x: Double
        var y: Double
    }

    /// Rings of each polygon in some GeoJSON.
    private static func polygons(_ value: Any, _ path: FilePath) throws(FileError) -> [[[Point]]] {
        func list(_ values: [Any]) throws(FileError) -> [[[Point]]] {
            var result = [[[Point]]]()
            for value in values { result += try polygons(value, path) }
            return result
        }
        if let features = value as? [Any] { return try list(features) }
        guard let object = value as? [String: Any], let type = object["type"] as? String else {
            throw FileError(path, expected: "GeoJSON objects with a type", found: "another value")
        }
        switch type {
        case "FeatureCollection": return try list(object["features"] as? [Any] ?? [])
        case "GeometryCollection": return try list(object["geometries"] as? [Any] ?? [])
        case "Feature": return try polygons(object["geometry"] ?? NSNull(), path)
        case "Polygon": return [try rings(object["coordinates"], path)]
        case "MultiPolygon":
            var result = [[[Point]]]()
            for polygon in object["coordinates"] as? [Any] ?? [] { result.append(try rings(polygon, path)) }
            return result
        default: throw FileError(path, expected: "polygons", found: "a \(type.prefix(40))")
        }
    }

    private static func rings(_ value: Any?, _ path: FilePath) throws(FileError) -> [[Point]] {
        var result = [[Point]]()
        for ring in value as? [Any] ?? [] {
            guard let points = ring as? [[Double]], points.count >= 4,
                points.allSatisfy({ $0.count >= 2 && $0.allSatisfy { $0.magnitude < 1e7 } })
            else {
                throw FileError(path, expected: "rings of four or more points of two numbers", found: "another ring")
            }
            result.append(points.map { Point(x: $0[0], y: $0[1]) })
        }
        if result.isEmpty { throw FileError(path, expected: "a polygon with rings", found: "one without") }
        return result
    }

    /// Cells whose centre lies inside: those with an odd number of crossings at their left. Returns whether there are any.
    private mutating func fill(_ rings: [[Point]]) -> Bool {
        var marksAny = false
        for row in 0..<height {
            let y = Double(row) + 0.5
            var crossings = [Double]()
            for ring in rings {
                for (a, b) in zip(ring, ring.dropFirst() + ring.prefix(1)) where (a.y <= y) != (b.y <= y) {
                    crossings.append(a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x))
                }
            }
            crossings.sort()
            for (from, to) in zip(crossings, crossings.dropFirst()).enumerated().filter({ $0.offset % 2 == 0 })
                .map(\.element)
            {
                let first = max(0, Int((from - 0.5).rounded(.up)))
                let end = min(width, Int((to - 0.5).rounded(.down)) + 1)
                if first < end { for x in first..<end { isTissue[row * width + x] = true } }
                marksAny = marksAny || first < end
            }
        }
        return marksAny
    }

    /// Cells whose inside lines between the points of a ring pass through, in steps of a quarter of a cell. Returns whether
    /// there are any.
    private mutating func trace(_ ring: [Point]) -> Bool {
        var marksAny = false
        for (a, b) in zip(ring, ring.dropFirst() + ring.prefix(1)) {
            let steps = max(1, Int((4 * max((b.x - a.x).magnitude, (b.y - a.y).magnitude)).rounded(.up)))
            for step in 0...steps {
                let share = Double(step) / Double(steps)
                let point = Point(x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y))
                if point.x != point.x.rounded(), point.y != point.y.rounded() {
                    mark(point)
                    marksAny = true
                }
            }
        }
        return marksAny
    }

    /// The cell that a point lies in, if it is one of the grid's.
    private mutating func mark(_ point: Point) {
        let (x, y) = (point.x.rounded(.down), point.y.rounded(.down))
        if x >= 0, y >= 0, x < Double(width), y < Double(height) { isTissue[Int(y) * width + Int(x)] = true }
    }
}
