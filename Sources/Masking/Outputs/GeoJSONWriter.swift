import Foundations
import Foundation

/// Polygons to a GeoJSON file that QuPath imports, as they come.
///
/// Coordinates are level-0 pixels, rings follow the right-hand rule, properties are QuPath's.
package final class GeoJSONWriter {
    /// What the polygons are in QuPath.
    package enum ObjectType: String, Sendable {
        /// Regions, which can hold other objects.
        case annotation
        /// Single things in great number.
        case detection
    }

    private let file: AtomicFile
    private let properties: String
    private var buffer = [UInt8]()
    package private(set) var count = 0

    /// `colour` is what QuPath draws the class `name` with. Throws `unwritable`.
    package init(_ path: FilePath, objectType: ObjectType, name: String, colour: [UInt8]) throws(FileError) {
        precondition(colour.count == 3)
        file = try AtomicFile(path)
        let colour = colour.map(String.init).joined(separator: ",")
        properties =
            "\"properties\":{\"objectType\":\"\(objectType.rawValue)\","
            + "\"classification\":{\"name\":\"\(name)\",\"color\":[\(colour)]}}"
        append("{\"type\":\"FeatureCollection\",\"features\":[")
    }

    package func write(_ polygon: Polygon) throws(FileError) {
        append(count == 0 ? "\n" : ",\n")
        append("{\"type\":\"Feature\",\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[")
        for (index, ring) in polygon.rings.enumerated() {
            append(index == 0 ? "[" : ",[")
            for (place, corner) in ring.enumerated() { append("\(place == 0 ? "" : ",")[\(corner.x),\(corner.y)]") }
            append("]")
            if buffer.count >= 1 << 16 { try flush() }
        }
        append("]},\(properties)}")
        count += 1
        if buffer.count >= 1 << 16 { try flush() }
    }

    /// Completes the file. To be called once.
    package func finish() throws(FileError) {
        append("\n]}\n")
        try flush()
        try file.commit()
    }

    private func append(_ text: String) { buffer += text.utf8 }

    private func flush() throws(FileError) {
        let result = buffer.withUnsafeBytes { bytes in Result { () throws(FileError) in try file.write(bytes) } }
        try result.get()
        buffer.removeAll(keepingCapacity: true)
    }
}
