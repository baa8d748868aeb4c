import Foundations

/// An object of a GeoJSON file with its polygons, such as an annotation or a cell of a QuPath export.
package struct OutlinedObject: Sendable {
    package typealias Point = TissueOutline.Point

    /// The name of its class; empty without one.
    package let className: String
    /// QuPath's type of the object, such as "annotation", "detection" or "cell"; nil for other files.
    package let kind: String?
    /// Its polygons, each with its outer ring first and then its holes, in pixels of the image at full resolution.
    package let polygons: [[[Point]]]
    /// The polygons of the nucleus of a cell; empty for other objects.
    package let nucleus: [[[Point]]]

    /// The objects of a file that have polygons, in their order. Throws `unreadable`, and `malformed` where the file is not
    /// GeoJSON.
    package static func read(_ path: FilePath) throws(FileError) -> [OutlinedObject] {
        var objects = [OutlinedObject]()
        try read(JSONValue(contentsOf: path, expected: "a GeoJSON file"), path, into: &objects)
        return objects
    }

    private static func read(_ value: JSONValue, _ path: FilePath, into objects: inout [OutlinedObject])
        throws(FileError)
    {
        if let features = value.array {
            for feature in features { try read(feature, path, into: &objects) }
            return
        }
        switch value["type"]?.string {
        case "FeatureCollection": try read(value["features"] ?? .array([]), path, into: &objects)
        case "Feature":
            let properties = value["properties"]
            try append(
                value["geometry"], nucleus: value["nucleusGeometry"],
                className: TissueOutline.className(properties?["classification"]),
                kind: kind(of: value), path, into: &objects)
        case .some: try append(value, nucleus: nil, className: "", kind: nil, path, into: &objects)
        case nil: throw FileError(path, expected: "GeoJSON objects with a type", found: "another value")
        }
    }

    /// QuPath's type of an object. Versions before 0.4 wrote it as `object_type`, and those before 0.3 as the `id`, such as
    /// "PathDetectionObject".
    private static func kind(of feature: JSONValue) -> String? {
        let properties = feature["properties"]
        if let kind = properties?["objectType"]?.string ?? properties?["object_type"]?.string { return kind }
        let kinds = ["annotation", "detection", "cell"]
        return kinds.first { feature["id"]?.string == "Path\($0.prefix(1).uppercased())\($0.dropFirst())Object" }
    }

    private static func append(
        _ geometry: JSONValue?, nucleus: JSONValue?, className: String, kind: String?, _ path: FilePath,
        into objects: inout [OutlinedObject]
    ) throws(FileError) {
        let polygons = try polygons(geometry, path)
        if polygons.isEmpty { return }
        objects.append(
            OutlinedObject(
                className: className, kind: kind, polygons: polygons, nucleus: try self.polygons(nucleus, path)))
    }

    private static func polygons(_ geometry: JSONValue?, _ path: FilePath) throws(FileError) -> [[[Point]]] {
        let coordinates = geometry?["coordinates"]?.array ?? []
        let parts: [[JSONValue]]
        switch geometry?["type"]?.string {
        case "Polygon": parts = [coordinates]
        case "MultiPolygon": parts = coordinates.map { $0.array ?? [] }
        case "GeometryCollection":
            var found = [[[Point]]]()
            for part in geometry?["geometries"]?.array ?? [] { found += try polygons(part, path) }
            return found
        default: parts = []
        }
        var found = [[[Point]]]()
        for part in parts {
            let polygon = try TissueOutline.polygon(part, path)
            if !polygon.isEmpty { found.append(polygon) }
        }
        return found
    }

    /// The rectangle around the polygons.
    package var frame: (x: ClosedRange<Double>, y: ClosedRange<Double>) {
        let points = polygons.joined().joined()
        return (
            points.map(\.x).min()!...points.map(\.x).max()!, points.map(\.y).min()!...points.map(\.y).max()!
        )
    }

    /// The share of its frame that the object fills, 0 to 1, by the area of its rings.
    package var fill: Double {
        func area(_ ring: [Point]) -> Double {
            zip(ring, ring.dropFirst() + ring.prefix(1)).reduce(0) { $0 + $1.0.x * $1.1.y - $1.1.x * $1.0.y }
                .magnitude / 2
        }
        let own = polygons.reduce(0) { sum, rings in
            sum + area(rings[0]) - rings.dropFirst().reduce(0) { $0 + area($1) }
        }
        let (x, y) = frame
        let whole = (x.upperBound - x.lowerBound) * (y.upperBound - y.lowerBound)
        return whole > 0 ? own / whole : 0
    }
}

extension LabelImage {
    /// The objects in a part of an image: object n has label n + 1. A pixel belongs to the last of the objects that have
    /// its center.
    package init(_ objects: [[[[OutlinedObject.Point]]]], in region: PixelRegion) {
        self.init(
            width: region.width, height: region.height,
            labels: [UInt32](repeating: 0, count: region.width * region.height))
        for (index, polygons) in objects.enumerated() {
            let local = polygons.map { rings in
                rings.map { ring in
                    ring.map { OutlinedObject.Point(x: $0.x - Double(region.x), y: $0.y - Double(region.y)) }
                }
            }
            let ys = local.joined().joined().map(\.y)
            guard let top = ys.min(), let bottom = ys.max() else { continue }
            func row(_ y: Double) -> Int { Int(min(max(y.rounded(.down), 0), Double(height))) }
            var rows = PixelOutline.Rows(PixelOutline(local, width: width, height: height))
            for y in row(top)..<max(row(top), row(bottom + 1)) {
                for columns in rows.columns(ofRow: y).columns {
                    for x in columns { labels[y * width + x] = UInt32(index + 1) }
                }
            }
        }
    }
}
