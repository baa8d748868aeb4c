import Foundations

/// The polygons of a GeoJSON file, such as a QuPath export, in pixels of the image at full resolution.
package struct TissueOutline {
    package struct Point: Equatable, Sendable {
        package var x: Double
        package var y: Double

        package init(x: Double, y: Double) { (self.x, self.y) = (x, y) }
    }

    /// Rings of polygons around tissue: the outer one, then holes.
    private(set) var polygons = [[[Point]]]()
    /// Those of objects whose class ends with `*`, which QuPath ignores: they are not tissue.
    private(set) var ignored = [[[Point]]]()
    /// Objects without an area, by kind.
    private var leftOut = [(kind: String, count: Int)]()
    /// Classes of the polygons of the file; "" for those without one.
    private var found = Set<String>()
    private let path: FilePath
    /// In lower case; empty for all.
    private let classes: Set<String>

    /// Reads feature collections, features, geometries of any kind and arrays of them. With `classes`, only objects of
    /// one of these classes are used, whatever the case of their names.
    ///
    /// Throws `unreadable`, and `malformed` where the file is not GeoJSON or, unless `allowsNone`, has no polygon to use.
    init(_ path: FilePath, classes: [String], allowsNone: Bool = false) throws(FileError) {
        self.path = path
        self.classes = Set(classes.map { $0.lowercased() })
        try read(JSONValue(contentsOf: path, expected: "a GeoJSON file"), className: "")
        if !polygons.isEmpty || allowsNone { return }
        guard classes.isEmpty || found.isEmpty else {
            throw FileError(
                path, expected: "objects of the class \(classes.joined(separator: " or "))",
                found: "those of " + found.sorted().map { $0.isEmpty ? "no class" : $0 }.joined(separator: ", "))
        }
        let other = ignored.isEmpty ? "none" : "ignored classes only"
        throw FileError(path, expected: "polygons around tissue", found: summary ?? other)
    }

    /// Tells which objects have no area; nil if all have one.
    var remark: String? { summary.map { "\($0) left out of \(path)" } }

    private var summary: String? {
        leftOut.isEmpty
            ? nil : leftOut.map { $0.count.counted($0.kind) }.joined(separator: ", ")
    }

    private mutating func leaveOut(_ kind: String, _ count: Int = 1) {
        if let index = leftOut.firstIndex(where: { $0.kind == kind }) {
            leftOut[index].count += count
        } else if count > 0 {
            leftOut.append((kind, count))
        }
    }

    private mutating func read(_ value: JSONValue, className: String) throws(FileError) {
        if let features = value.array {
            for feature in features { try read(feature, className: className) }
            return
        }
        guard let type = value["type"]?.string else {
            throw FileError(path, expected: "GeoJSON objects with a type", found: "another value")
        }
        let coordinates = value["coordinates"]?.array ?? []
        switch type {
        case "FeatureCollection": try read(value["features"] ?? .array([]), className: className)
        case "GeometryCollection": try read(value["geometries"] ?? .array([]), className: className)
        case "Feature":
            guard let geometry = value["geometry"], geometry != .null else {
                return leaveOut("object without geometry")
            }
            try read(geometry, className: Self.className(value["properties"]?["classification"]))
        case "Polygon": try append(coordinates, className)
        case "MultiPolygon":
            if coordinates.isEmpty { leaveOut("empty polygon") }
            for polygon in coordinates { try append(polygon.array ?? [], className) }
        case "Point": leaveOut("point")
        case "MultiPoint": leaveOut("point", coordinates.count)
        case "LineString": leaveOut("line")
        case "MultiLineString": leaveOut("line", coordinates.count)
        default: throw FileError(path, expected: "GeoJSON objects", found: "one of type \(type.prefix(40))")
        }
    }

    /// The name of QuPath's class; its parts are joined where it is derived from another. Empty without a class.
    static func className(_ value: JSONValue?) -> String {
        let parts = value?["names"]?.array?.compactMap(\.string)
        return parts?.joined(separator: ": ") ?? value?["name"]?.string ?? value?.string ?? ""
    }

    private mutating func append(_ rings: [JSONValue], _ className: String) throws(FileError) {
        let polygon = try Self.polygon(rings, path)
        if polygon.isEmpty { return leaveOut("empty polygon") }
        found.insert(className)
        let isChosen = classes.contains(className.lowercased())
        if className.hasSuffix("*"), !isChosen {
            ignored.append(polygon)
        } else if classes.isEmpty || isChosen {
            polygons.append(polygon)
        }
    }

    /// The rings of a polygon; empty where the outer one has no area. `path` names the file in errors.
    static func polygon(_ rings: [JSONValue], _ path: FilePath) throws(FileError) -> [[Point]] {
        var polygon = [[Point]]()
        for ring in rings {
            let points = ring.array?.compactMap(point)
            guard let points, points.count == ring.array?.count else {
                throw FileError(path, expected: "rings of points of two numbers", found: "another ring")
            }
            // A closed ring of three points is a line.
            let isArea = points.count > 3 || points.count == 3 && points[0] != points[2]
            if isArea { polygon.append(points) } else if polygon.isEmpty { break }
        }
        return polygon
    }

    /// Nil unless the value is an array of two or more numbers.
    private static func point(_ value: JSONValue) -> Point? {
        guard let numbers = value.array, numbers.count >= 2, let x = numbers[0].number, let y = numbers[1].number else {
            return nil
        }
        // Products of coordinates stay finite.
        func bounded(_ value: Double) -> Double { min(max(value, -1e100), 1e100) }
        return x.isFinite && y.isFinite ? Point(x: bounded(x), y: bounded(y)) : nil
    }
}
