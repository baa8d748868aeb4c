import Foundations

/// An object of an `OutlineFile` with its polygons.
package struct OutlinedObject: Sendable {
    package struct Point: Equatable, Sendable {
        package var x: Double
        package var y: Double

        package init(x: Double, y: Double) { (self.x, self.y) = (x, y) }
    }

    /// The name of its class; empty without one.
    package let className: String
    /// QuPath's type of the object, such as "annotation", "detection" or "cell"; nil for other files.
    package let kind: String?
    /// Its polygons, each with its outer ring first and then its holes, in pixels of the image at full resolution.
    package let polygons: [[[Point]]]
    /// The polygons of the nucleus of a cell; empty for other objects.
    package let nucleus: [[[Point]]]

    /// Whether its class ends with `*`, which QuPath ignores.
    package var isIgnored: Bool { className.hasSuffix("*") }
    /// The polygons of the nucleus that the object is, or that it has as a cell.
    package var nucleusPolygons: [[[Point]]] { nucleus.isEmpty ? polygons : nucleus }

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
