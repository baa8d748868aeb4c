import Foundations

/// Polygons over an image, and the pixels inside them row by row. A pixel is inside if its center is inside one of the
/// polygons and none of those that are excluded; holes are outside.
package struct PixelOutline: Equatable, Sendable {
    /// A line of a ring that crosses the centers of some rows of pixels.
    private struct Edge: Equatable {
        let rows: Range<Int>
        let start: TissueOutline.Point
        let end: TissueOutline.Point
        let polygon: Int
        let isExcluded: Bool

        var isVertical: Bool { start.x == end.x }

        /// The position of the crossing in a row. It is between the ends, and finite also for lines far outside the image.
        func x(atRow row: Int) -> Double {
            start.x + (Double(row) + 0.5 - start.y) / (end.y - start.y) * (end.x - start.x)
        }
    }

    private let width: Int
    private let height: Int
    /// In the order of their first rows.
    private let edges: [Edge]

    /// An outline in pixels of an image of this size.
    init(_ outline: TissueOutline, width: Int, height: Int) {
        self.init(outline.polygons, excluding: outline.ignored, width: width, height: height)
    }

    /// Polygons of rings in pixels of an image of this size. A line connects the last point of a ring with the first.
    package init(
        _ polygons: [[[TissueOutline.Point]]], excluding excluded: [[[TissueOutline.Point]]] = [], width: Int,
        height: Int
    ) {
        (self.width, self.height) = (width, height)
        var edges = [Edge]()
        for (polygon, rings) in (polygons + excluded).enumerated() {
            for ring in rings {
                for (a, b) in zip(ring, ring.dropFirst() + ring.prefix(1)) {
                    let top = Self.firstCenter(from: min(a.y, b.y), height)
                    let bottom = Self.firstCenter(from: max(a.y, b.y), height)
                    guard top < bottom else { continue }
                    edges.append(
                        Edge(
                            rows: top..<bottom, start: a, end: b, polygon: polygon,
                            isExcluded: polygon >= polygons.count))
                }
            }
        }
        self.edges = edges.sorted { $0.rows.lowerBound < $1.rows.lowerBound }
    }

    /// The SHA-256 of the outline.
    package var digest: String {
        let numbers = edges.flatMap { edge -> [Int64] in
            let ends = [edge.start.x, edge.start.y, edge.end.x, edge.end.y].map { Int64(bitPattern: $0.bitPattern) }
            return [Int64(edge.rows.lowerBound), Int64(edge.polygon), edge.isExcluded ? 1 : 0] + ends
        }
        return numbers.withUnsafeBytes { SHA256.digest(of: $0) }
    }

    /// Rows that may have pixels inside.
    package var rows: Range<Int> {
        (edges.first?.rows.lowerBound ?? 0)..<(edges.lazy.map(\.rows.upperBound).max() ?? 0)
    }

    /// The first of 0 ... count pixels whose center is at a position or after it.
    private static func firstCenter(from position: Double, _ count: Int) -> Int {
        Int(min(max((position - 0.5).rounded(.up), 0), Double(count)))
    }

    /// The rows of the outline, read from top to bottom.
    package struct Rows {
        private let outline: PixelOutline
        private var next = 0
        private var active = [Edge]()

        package init(_ outline: PixelOutline) { self.outline = outline }

        /// The pixels inside in row `y`, as ascending ranges that do not touch, and the end of the rows that have the
        /// same. Rows of successive calls ascend.
        package mutating func columns(ofRow y: Int) -> (columns: [Range<Int>], end: Int) {
            let edges = outline.edges
            active.removeAll { $0.rows.upperBound <= y }
            while next < edges.count, edges[next].rows.lowerBound <= y {
                if edges[next].rows.upperBound > y { active.append(edges[next]) }
                next += 1
            }
            var end = y + 1
            if active.allSatisfy(\.isVertical) {
                end = next < edges.count ? edges[next].rows.lowerBound : outline.height
                for edge in active { end = min(end, edge.rows.upperBound) }
            }
            let columns = union(active.filter { !$0.isExcluded }, y)
            let excluded = union(active.filter(\.isExcluded), y)
            return (excluded.isEmpty ? columns : columns.intersection(excluded.complement(outline.width)), end)
        }

        /// The pixels of row `y` inside any of the polygons of some edges.
        private func union(_ edges: [Edge], _ y: Int) -> [Range<Int>] {
            let crossings = edges.map { (polygon: $0.polygon, x: $0.x(atRow: y)) }.sorted { $0 < $1 }
            // Each polygon has an even number of crossings.
            let ranges = stride(from: 0, to: crossings.count - 1, by: 2).map { index in
                PixelOutline.firstCenter(
                    from: crossings[index].x, outline.width)..<PixelOutline.firstCenter(
                        from: crossings[index + 1].x, outline.width)
            }
            return ranges.merged()
        }
    }
}
