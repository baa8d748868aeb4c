import Foundations

/// The objects of a GeoJSON file that have polygons, such as the annotations and cells of a QuPath export.
package struct OutlineFile: Sendable {
    private typealias Point = OutlinedObject.Point

    /// In the order of the file.
    package private(set) var objects = [OutlinedObject]()
    private var leftOut = LeftOut()
    private let path: FilePath

    /// Objects without an area, by kind.
    private struct LeftOut {
        var counts = [(kind: String, count: Int)]()

        mutating func add(_ kind: String, _ count: Int = 1) {
            if let index = counts.firstIndex(where: { $0.kind == kind }) {
                counts[index].count += count
            } else if count > 0 {
                counts.append((kind, count))
            }
        }
    }

    /// Reads feature collections, features, geometries of any kind and arrays of them. A feature is an object, whatever its
    /// geometry; so is a geometry that is in no feature.
    ///
    /// Throws `unreadable`, and `malformed` where the file is not GeoJSON.
    package init(_ path: FilePath) throws(FileError) {
        self.path = path
        try read(JSONValue(contentsOf: path, expected: "a GeoJSON file"))
    }

    /// Tells which objects have no area; nil if all have one.
    package var remark: String? { summary.map { "\($0) left out of \(path)" } }

    /// The number of objects without an area, by kind; nil if all have one.
    var summary: String? {
        leftOut.counts.isEmpty ? nil : leftOut.counts.map { $0.count.counted($0.kind) }.joined(separator: ", ")
    }

    private mutating func read(_ value: JSONValue) throws(FileError) {
        if let values = value.array {
            for value in values { try read(value) }
            return
        }
        switch value["type"]?.string {
        case "FeatureCollection": try read(value["features"] ?? .array([]))
        case "GeometryCollection": try read(value["geometries"] ?? .array([]))
        case "Feature":
            guard let geometry = value["geometry"], geometry != .null else {
                return leftOut.add("object without geometry")
            }
            let name = Self.className(value["properties"]?["classification"])
            try append(geometry, nucleus: value["nucleusGeometry"], className: name, kind: Self.kind(of: value))
        case .some: try append(value)
        case nil: throw FileError(path, expected: "GeoJSON objects with a type", found: "another value")
        }
    }

    private mutating func append(
        _ geometry: JSONValue, nucleus: JSONValue? = nil, className: String = "", kind: String? = nil
    ) throws(FileError) {
        var (polygons, ofNucleus, ignored) = ([[[Point]]](), [[[Point]]](), LeftOut())
        try Self.add(geometry, path, to: &polygons, &leftOut)
        if polygons.isEmpty { return }
        if let nucleus, nucleus != .null { try Self.add(nucleus, path, to: &ofNucleus, &ignored) }
        objects.append(OutlinedObject(className: className, kind: kind, polygons: polygons, nucleus: ofNucleus))
    }

    /// The name of QuPath's class; its parts are joined where it is derived from another. Empty without a class.
    private static func className(_ value: JSONValue?) -> String {
        let parts = value?["names"]?.array?.compactMap(\.string)
        return parts?.joined(separator: ": ") ?? value?["name"]?.string ?? value?.string ?? ""
    }

    /// QuPath's type of an object. Versions before 0.4 wrote it as `object_type`, and those before 0.3 as the `id`, such as
    /// "PathDetectionObject".
    private static func kind(of feature: JSONValue) -> String? {
        let properties = feature["properties"]
        if let kind = properties?["objectType"]?.string ?? properties?["object_type"]?.string { return kind }
        let kinds = ["annotation", "detection", "cell"]
        return kinds.first { feature["id"]?.string == "Path\($0.prefix(1).uppercased())\($0.dropFirst())Object" }
    }

    /// Adds the polygons of a geometry, each with its outer ring first.
    private static func add(
        _ geometry: JSONValue, _ path: FilePath, to polygons: inout [[[Point]]], _ leftOut: inout LeftOut
    ) throws(FileError) {
        let coordinates = geometry["coordinates"]?.array ?? []
        func add(_ rings: [JSONValue]) throws(FileError) {
            let polygon = try polygon(rings, path)
            if polygon.isEmpty { leftOut.add("empty polygon") } else { polygons.append(polygon) }
        }
        switch geometry["type"]?.string {
        case "Polygon": try add(coordinates)
        case "MultiPolygon":
            if coordinates.isEmpty { leftOut.add("empty polygon") }
            for polygon in coordinates { try add(polygon.array ?? []) }
        case "GeometryCollection":
            for part in geometry["geometries"]?.array ?? [] { try Self.add(part, path, to: &polygons, &leftOut) }
        case "Point": leftOut.add("point")
        case "MultiPoint": leftOut.add("point", coordinates.count)
        case "LineString": leftOut.add("line")
        case "MultiLineString": leftOut.add("line", coordinates.count)
        case let type?: throw FileError(path, expected: "GeoJSON objects", found: "one of type \(type.prefix(40))")
        case nil: throw FileError(path, expected: "GeoJSON objects with a type", found: "another value")
        }
    }

    /// The rings of a polygon; empty where the outer one has no area.
    private static func polygon(_ rings: [JSONValue], _ path: FilePath) throws(FileError) -> [[Point]] {
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
