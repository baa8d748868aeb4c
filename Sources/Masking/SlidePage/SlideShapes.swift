import FoundationEssentials
import Foundations
import Imaging

/// Outlines of nuclei or regions for a page.
///
/// The bytes are whole numbers as `ByteWriter` writes them. For each shape: the differences of the first corner to that
/// of the shape before, the probability in thousandths, the area in tenths of square pixels, and the number of rings;
/// for each ring, the number of corners and the differences of each to the one before. A shape without rings is a
/// circle.
package struct SlideShapes: Encodable {
    /// Shapes that are drawn by their outlines; more are drawn as circles, to bound the size of the page.
    static let mostOutlines = 60_000

    private(set) var count = 0
    private(set) var bytes = Data()
    /// Whether shapes have a probability of their own.
    let haveProbabilities: Bool

    private enum CodingKeys: CodingKey { case count, bytes, haveProbabilities }

    private struct Shape {
        let probability: Double
        let area: Double
        let rings: [[(x: Int, y: Int)]]

        /// The shape with the middle of its corners alone.
        var circle: Shape {
            guard let ring = rings.first, !ring.isEmpty else { return self }
            let middle = (x: ring.reduce(0) { $0 + $1.x } / ring.count, y: ring.reduce(0) { $0 + $1.y } / ring.count)
            return Shape(probability: probability, area: area, rings: [[middle]])
        }
    }

    /// Reads the nuclei in a file that `--nuclei` wrote, a line for each. `squareMicrons` are those of a pixel. Throws
    /// `malformed` where it is another file.
    package init(nuclei path: FilePath, squareMicrons: Double) throws(FileError) {
        haveProbabilities = true
        let file = try FileBytes(path)
        defer { withExtendedLifetime(file) {} }
        let lines = file.bytes.split(separator: UInt8(ascii: "\n")).dropFirst().dropLast()
        let expected = "the nuclei that --nuclei writes, a line for each"
        try append(lines.lazy.map { $0 }, isLarge: lines.count > Self.mostOutlines) { line throws(FileError) in
            let bytes = Data(line.last == UInt8(ascii: ",") ? line.dropLast() : line)
            guard let value = try? JSON.decode(JSONValue.self, from: bytes),
                let rings = value["geometry"]?["coordinates"]?.array,
                let measured = value["properties"]?["measurements"],
                let probability = measured["Probability"]?.number, let area = measured["Area µm^2"]?.number
            else {
                throw FileError(path, expected: expected, found: String(decoding: line.prefix(80), as: UTF8.self))
            }
            let corners = rings.map { ring in
                (ring.array ?? []).dropLast().compactMap { corner -> (x: Int, y: Int)? in
                    guard let pair = corner.array, pair.count == 2, let x = pair[0].number, let y = pair[1].number
                    else { return nil }
                    return (Self.whole(x), Self.whole(y))
                }
            }
            return Shape(probability: probability, area: area / squareMicrons, rings: corners)
        }
    }

    /// Traces the white parts of a mask. `afterRow` receives the number of rows read and may throw to cancel.
    init(mask: FilePath, afterRow: (_ done: Int, _ total: Int) throws -> Void) throws {
        haveProbabilities = false
        let reader = try openImage(mask)
        var shapes = [Shape]()
        var tracer = ContourTracer { polygon in
            // Half pixels.
            let rings = polygon.simplified(within: 1).rings.map { ring in
                ring.dropLast().map { (x: $0.x / 2, y: $0.y / 2) }
            }
            let shape = Shape(probability: 1, area: Double(polygon.area), rings: rings)
            shapes.append(shapes.count > Self.mostOutlines ? shape.circle : shape)
            // Outlines that will not be drawn need no memory.
            if shapes.count == Self.mostOutlines + 1 { shapes = shapes.map(\.circle) }
        }
        var line = [UInt8](repeating: 0, count: 3 * reader.width)
        for row in 0..<reader.height {
            try reader.readRows(into: &line, count: 1)
            var runs = [Range<Int>]()
            for x in 0..<reader.width where line[3 * x] > 127 { runs.appendPixels(x..<x + 1) }
            try tracer.add(rows: row..<row + 1, white: runs)
            try afterRow(row + 1, reader.height)
        }
        try tracer.finish()
        try append(shapes, isLarge: shapes.count > Self.mostOutlines) { shape throws(FileError) in shape }
    }

    static func whole(_ value: Double) -> Int { Int(min(max(value.rounded(), -1e9), 1e9)) }

    private mutating func append<Items: Sequence>(
        _ items: Items, isLarge: Bool, _ shape: (Items.Element) throws(FileError) -> Shape
    ) throws(FileError) {
        var writer = ByteWriter()
        var last = (x: 0, y: 0)
        for item in items {
            let outlined = try shape(item)
            let shape = isLarge ? outlined.circle : outlined
            guard var place = shape.rings.first?.first else { continue }
            writer.add(place.x - last.x)
            writer.add(place.y - last.y)
            writer.add(Self.whole(shape.probability * 1000))
            writer.add(Self.whole(shape.area * 10))
            last = place
            let rings = isLarge ? [] : shape.rings
            writer.add(rings.count)
            for ring in rings {
                writer.add(ring.count)
                for corner in ring {
                    writer.add(corner.x - place.x)
                    writer.add(corner.y - place.y)
                    place = corner
                }
            }
            count += 1
        }
        bytes = Data(writer.bytes)
    }
}
