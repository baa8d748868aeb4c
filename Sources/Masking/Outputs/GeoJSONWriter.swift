import Foundations

/// Writes polygons to a GeoJSON file that QuPath imports, one at a time.
///
/// Coordinates are level-0 pixels, rings follow the right-hand rule, and properties are those of QuPath.
package final class GeoJSONWriter {
    /// The kind of object that the polygons become in QuPath.
    package enum ObjectType: String, Sendable {
        /// Regions, which can contain other objects.
        case annotation
        /// Single objects in large numbers.
        case detection
    }

    private let file: AtomicFile
    private let properties: String
    private var buffer = [UInt8]()
    package private(set) var count = 0

    /// Opens the file. QuPath draws the class `name` in `color`. Throws `unwritable`.
    package init(_ path: FilePath, objectType: ObjectType, name: String, color: [UInt8]) throws(FileError) {
        precondition(color.count == 3)
        file = try AtomicFile(path)
        let color = color.map(String.init).joined(separator: ",")
        properties =
            "\"properties\":{\"objectType\":\"\(objectType.rawValue)\","
            + "\"classification\":{\"name\":\"\(name)\",\"color\":[\(color)]}"
        append("{\"type\":\"FeatureCollection\",\"features\":[")
    }

    /// Writes a polygon. `id` is a UUID, and measurements have a name, a value and the number of its decimals.
    package func write(
        _ polygon: Polygon, id: String? = nil, measurements: [(name: String, value: Double, decimals: Int)] = []
    ) throws(FileError) {
        append(count == 0 ? "\n" : ",\n")
        append("{\"type\":\"Feature\",")
        if let id { append("\"id\":\"\(id)\",") }
        append("\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[")
        for (index, ring) in polygon.rings.enumerated() {
            append(index == 0 ? "[" : ",[")
            for (place, corner) in ring.enumerated() { append("\(place == 0 ? "" : ",")[\(corner.x),\(corner.y)]") }
            append("]")
            if buffer.count >= 1 << 16 { try flush() }
        }
        append("]},\(properties)")
        for (index, item) in measurements.enumerated() {
            append(index == 0 ? ",\"measurements\":{" : ",")
            append("\"\(item.name)\":")
            buffer.append(item.value, decimals: item.decimals)
        }
        append(measurements.isEmpty ? "}}" : "}}}")
        count += 1
        if buffer.count >= 1 << 16 { try flush() }
    }

    /// Completes the file. Call it once.
    package func finish() throws(FileError) {
        append("\n]}\n")
        try flush()
        try file.commit()
    }

    private func append(_ text: String) { buffer += text.utf8 }

    private func flush() throws(FileError) {
        try buffer.withUnsafeBufferPointer { (bytes) throws(FileError) in
            try file.write(UnsafeRawBufferPointer(bytes))
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
