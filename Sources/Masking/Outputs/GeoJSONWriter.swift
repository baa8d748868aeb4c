import Foundations

/// Writes polygons to a GeoJSON file that QuPath imports, one at a time. A file whose name ends with `.gz` is compressed.
///
/// Coordinates are level-0 pixels, rings follow the right-hand rule, and properties are those of QuPath.
package final class GeoJSONWriter {
    /// The kind of object that the polygons become in QuPath.
    package enum ObjectType: String, Sendable {
        /// Regions, which can contain other objects.
        case annotation
        /// Single objects in large numbers.
        case detection
        /// Parts of a grid over the image.
        case tile
    }

    /// A class in QuPath and its color.
    package struct Classification: Sendable {
        let name: String
        let color: [UInt8]
    }

    /// A number that QuPath shows for an object.
    package struct Measurement: Sendable {
        let name: String
        let value: Double
        let decimals: Int
    }

    /// Ends of the names of files with objects, in lower case.
    package static let fileExtensions = ["geojson", "json", "geojson.gz", "json.gz"]

    private let file: AtomicFile
    private let compressed: GzipWriter?
    private let properties: String
    private let tolerance: Double
    private var buffer = [UInt8]()
    package private(set) var count = 0

    /// Opens the file. Outlines are simplified within `tolerance` pixels. Throws `unwritable`.
    package init(
        _ path: FilePath, objectType: ObjectType, _ classification: Classification? = nil, tolerance: Double = 0
    ) throws(FileError) {
        file = try AtomicFile(path)
        compressed = try path.lowercasedExtension == "gz" ? GzipWriter(file) : nil
        self.tolerance = tolerance
        var properties = "\"properties\":{\"objectType\":\"\(objectType.rawValue)\""
        if let classification {
            let color = classification.color.map(String.init).joined(separator: ",")
            properties += ",\"classification\":{\"name\":\"\(classification.name)\",\"color\":[\(color)]}"
        }
        self.properties = properties
        append("{\"type\":\"FeatureCollection\",\"features\":[")
    }

    /// Writes a polygon. `id` is a UUID.
    package func write(
        _ polygon: Polygon, id: String? = nil, measurements: [Measurement] = []
    ) throws(FileError) {
        append(count == 0 ? "\n" : ",\n")
        append("{\"type\":\"Feature\",")
        if let id { append("\"id\":\"\(id)\",") }
        append("\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[")
        for (index, ring) in polygon.simplified(within: tolerance).rings.enumerated() {
            append(index == 0 ? "[" : ",[")
            for (place, corner) in ring.enumerated() {
                append(place == 0 ? "[" : ",[")
                append(halves: corner.x)
                append(",")
                append(halves: corner.y)
                append("]")
            }
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
        try compressed?.finish()
        try file.commit()
    }

    private func append(_ text: String) { buffer += text.utf8 }

    /// Appends half of a number that is not negative.
    private func append(halves: Int) {
        append(String(halves / 2))
        if halves % 2 != 0 { append(".5") }
    }

    private func flush() throws(FileError) {
        try buffer.withUnsafeBufferPointer { (buffer) throws(FileError) in
            let bytes = UnsafeRawBufferPointer(buffer)
            if let compressed { try compressed.write(bytes) } else { try file.write(bytes) }
        }
        buffer.removeAll(keepingCapacity: true)
    }
}

extension GeoJSONWriter.Classification {
    /// Orange, distinguishable from H&E with any kind of color vision.
    package static let nuclei = Self(name: "Nuclei", color: [230, 159, 0])
    /// Bluish green, distinguishable from H&E and from the outlines of nuclei with any kind of color vision.
    package static let tissue = Self(name: "Tissue", color: [0, 158, 115])
}
