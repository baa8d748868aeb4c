import Foundations

extension TissueMap {
    /// The tissue inside the polygons of a GeoJSON file, such as a QuPath export.
    ///
    /// Coordinates are x and y in pixels of the image at full resolution. Accepts feature collections, features,
    /// geometries and arrays of features with polygons and multi-polygons, including holes. Throws `malformed` for
    /// anything else, and `unreadable`.
    ///
    /// The map keeps the outline itself. Cells that it crosses are tissue too. Outlines are rounded to a sixteenth of a cell, so that outlines
    /// written along cell edges select the same cells when they are read.
    package init(outline path: FilePath, imageWidth: Int, imageHeight: Int) throws(FileError) {
        let polygons = try Self.polygons(JSONValue(contentsOf: path, expected: "a GeoJSON file"), path)
        if polygons.isEmpty { throw FileError(path, expected: "polygons around tissue", found: "none") }
        let size = Self.gridSize(width: imageWidth, height: imageHeight)
        self.init(
            imageWidth: imageWidth, imageHeight: imageHeight, width: size.width, height: size.height,
            isTissue: [Bool](repeating: false, count: size.width * size.height))
        self.outline = PixelOutline(
            polygons.map { $0.map { $0.map { (x: $0.x, y: $0.y) } } }, width: imageWidth, height: imageHeight)
        func place(_ value: Double, _ length: Int, _ cells: Int) -> Double {
            (value * Double(16 * cells) / Double(length)).rounded() / 16
        }
        for polygon in polygons {
            let rings = polygon.map { ring in
                ring.map { Point(x: place($0.x, imageWidth, width), y: place($0.y, imageHeight, height)) }
            }
            var marksAny = fill(rings)
            for ring in rings where trace(ring) { marksAny = true }
            // The polygon is smaller than a cell and on a cell edge.
            if !marksAny { mark(rings[0][0]) }
        }
    }

    private struct Point {
        let x: Double
        let y: Double

        init(x: Double, y: Double) { (self.x, self.y) = (x, y) }

        /// Nil unless the value is an array of two or more numbers below 1e7.
        init?(_ value: JSONValue) {
            guard let numbers = value.array?.map(\.number), numbers.count >= 2 else { return nil }
            guard let x = numbers[0], let y = numbers[1] else { return nil }
            guard numbers.allSatisfy({ $0.map { $0.magnitude < 1e7 } ?? false }) else { return nil }
            self.init(x: x, y: y)
        }
    }

    /// The rings of each polygon of a GeoJSON value.
    private static func polygons(_ value: JSONValue, _ path: FilePath) throws(FileError) -> [[[Point]]] {
        func list(_ values: [JSONValue]) throws(FileError) -> [[[Point]]] {
            var result = [[[Point]]]()
            for value in values { result += try polygons(value, path) }
            return result
        }
        if let features = value.array { return try list(features) }
        guard let type = value["type"]?.string else {
            throw FileError(path, expected: "GeoJSON objects with a type", found: "another value")
        }
        switch type {
        case "FeatureCollection": return try list(value["features"]?.array ?? [])
        case "GeometryCollection": return try list(value["geometries"]?.array ?? [])
        case "Feature": return try polygons(value["geometry"] ?? .null, path)
        case "Polygon": return [try rings(value["coordinates"], path)]
        case "MultiPolygon":
            var result = [[[Point]]]()
            for polygon in value["coordinates"]?.array ?? [] { result.append(try rings(polygon, path)) }
            return result
        default: throw FileError(path, expected: "polygons", found: "a \(type.prefix(40))")
        }
    }

    private static func rings(_ value: JSONValue?, _ path: FilePath) throws(FileError) -> [[Point]] {
        var result = [[Point]]()
        for ring in value?.array ?? [] {
            let points = ring.array?.compactMap(Point.init)
            guard let points, points.count >= 4, points.count == ring.array?.count else {
                throw FileError(path, expected: "rings of four or more points of two numbers", found: "another ring")
            }
            result.append(points)
        }
        if result.isEmpty { throw FileError(path, expected: "a polygon with rings", found: "one without") }
        return result
    }

    /// Marks cells whose center is inside: those with an odd number of crossings to their left. Returns whether any is.
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

    /// Marks cells whose interior the edges of a ring cross, in steps of a quarter of a cell. Returns whether any is.
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

    /// Marks the cell of a point that is on the grid.
    private mutating func mark(_ point: Point) {
        let (x, y) = (point.x.rounded(.down), point.y.rounded(.down))
        if x >= 0, y >= 0, x < Double(width), y < Double(height) { isTissue[Int(y) * width + Int(x)] = true }
    }
}
