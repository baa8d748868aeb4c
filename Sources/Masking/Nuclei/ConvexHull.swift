/// The convex hull of points with whole coordinates (Andrew's monotone chain).
package struct ConvexHull {
    private var left = [Corner]()
    private var right = [Corner]()

    package init() {}

    /// Adds the first and the last point of a row. Rows come in ascending order; one may come more than once.
    package mutating func add(row y: Int, first: Int, last: Int) {
        Self.add(Corner(x: first, y: y), to: &left, turn: -1)
        Self.add(Corner(x: last, y: y), to: &right, turn: 1)
    }

    private static func add(_ corner: Corner, to chain: inout [Corner], turn: Int) {
        while chain.count >= 2 {
            let (a, b) = (chain[chain.count - 2], chain[chain.count - 1])
            let cross = (b.x - a.x) * (corner.y - a.y) - (b.y - a.y) * (corner.x - a.x)
            if cross * turn > 0 { break }
            chain.removeLast()
        }
        chain.append(corner)
    }

    /// The corners in order, the first also at the end.
    private var ring: [Corner] {
        let ring = right + left.reversed()
        return ring + ring.prefix(1)
    }

    package var doubledArea: Int { Polygon.doubledArea(ring) }

    /// Number of points with whole coordinates inside and on the outline (Pick's theorem).
    package var pointCount: Int {
        let ring = ring
        let onOutline = zip(ring, ring.dropFirst()).reduce(0) { sum, edge in
            var (a, b) = (abs(edge.1.x - edge.0.x), abs(edge.1.y - edge.0.y))
            while b != 0 { (a, b) = (b, a % b) }
            return sum + a
        }
        return (doubledArea + onOutline) / 2 + 1
    }
}
