/// A polygon whose corners are at edges or in the middle of pixels.
package struct SimplifiedPolygon: Equatable, Sendable {
    /// Like those of `Polygon`, in half pixels: twice the coordinates.
    package let rings: [[Corner]]
}

extension Polygon {
    /// The polygon with fewer corners. Its outline and that of this polygon are at most `tolerance` pixels apart, in
    /// either direction; with 0 it is the same. Valid polygons stay valid: where rings of fewer corners would meet, all
    /// stay as they are.
    ///
    /// Outlines of pixels are stairs. New corners are old ones, or in the middle of edges next to a step of at most
    /// twice the tolerance. From one corner, the next is the farthest one such that all old corners between are near
    /// the straight line, and the new ones half as far from it: straight lines inside round outlines would make them
    /// smaller.
    package func simplified(within tolerance: Double) -> SimplifiedPolygon {
        let exact = rings.map { ring in ring.map { Corner(x: 2 * $0.x, y: 2 * $0.y) } }
        guard tolerance > 0 else { return SimplifiedPolygon(rings: exact) }
        let simplified = exact.map { Outline($0, tolerance: 2 * tolerance).simplified() }
        let isValid =
            zip(exact, simplified).allSatisfy { old, new in
                new.count > 3 && (Self.doubledArea(new) > 0) == (Self.doubledArea(old) > 0)
            } && Self.areSimple(simplified)
        return SimplifiedPolygon(rings: isValid ? simplified : exact)
    }

    /// Whether no side of the rings meets another one, except at the corner between them.
    static func areSimple(_ rings: [[Corner]]) -> Bool {
        let sides = rings.enumerated().flatMap { number, ring in
            ring.indices.dropLast().map { Side(from: ring[$0], to: ring[$0 + 1], ring: number, place: $0) }
        }.sorted { $0.left < $1.left }
        for (index, side) in sides.enumerated() {
            for other in sides[(index + 1)...] {
                if other.left > side.right { break }
                if other.top > side.bottom || other.bottom < side.top { continue }
                let (last, distance) = (rings[side.ring].count - 2, abs(side.place - other.place))
                let areNeighbors = side.ring == other.ring && (distance == 1 || distance == last)
                if areNeighbors ? side.turnsBack(along: other) : side.meets(other) { return false }
            }
        }
        return true
    }
}

/// A straight side of a ring.
private struct Side {
    let from: Corner
    let to: Corner
    let ring: Int
    let place: Int

    var left: Int { min(from.x, to.x) }
    var right: Int { max(from.x, to.x) }
    var top: Int { min(from.y, to.y) }
    var bottom: Int { max(from.y, to.y) }

    /// Positive where a corner is to the right of the side in image coordinates, 0 where it is on its line.
    func turn(to corner: Corner) -> Int {
        (to.x - from.x) * (corner.y - from.y) - (to.y - from.y) * (corner.x - from.x)
    }

    /// Whether the sides have a point in common. Their bounding boxes do.
    func meets(_ other: Side) -> Bool {
        turn(to: other.from).signum() * turn(to: other.to).signum() <= 0
            && other.turn(to: from).signum() * other.turn(to: to).signum() <= 0
    }

    /// Whether the side and its neighbor in the ring lie over each other.
    func turnsBack(along other: Side) -> Bool {
        guard turn(to: other.from) == 0, turn(to: other.to) == 0 else { return false }
        return (to.x - from.x) * (other.to.x - other.from.x) + (to.y - from.y) * (other.to.y - other.from.y) < 0
    }
}

/// A ring of edges of pixels, in half pixels, with the places where corners of a simpler ring may be.
private struct Outline {
    private struct Point {
        let corner: Corner
        /// Whether the simpler ring may have it.
        let isCandidate: Bool
    }

    /// Corners that a straight line passes at most. It bounds the time for long outlines.
    private static let longest = 256

    /// The corners and the middles of edges, in order; the first is a candidate and is repeated at the end.
    private let points: [Point]
    private let tolerance: Double

    init(_ ring: [Corner], tolerance: Double) {
        self.tolerance = tolerance
        let corners = ring.dropLast()
        func length(_ edge: Int) -> Double {
            let (a, b) = (ring[edge], ring[edge + 1])
            return Double(max((b.x - a.x).magnitude, (b.y - a.y).magnitude))
        }
        let isShort = corners.indices.map { length($0) <= 2 * tolerance }
        let isCut = corners.indices.map { isShort[$0] || isShort[$0 == 0 ? corners.count - 1 : $0 - 1] }
        var points = [Point]()
        for index in corners.indices {
            let (a, b) = (ring[index], ring[index + 1])
            points.append(Point(corner: a, isCandidate: !isCut[index]))
            if isCut[index] || isCut[(index + 1) % corners.count] {
                points.append(Point(corner: Corner(x: (a.x + b.x) / 2, y: (a.y + b.y) / 2), isCandidate: true))
            }
        }
        let first = points.firstIndex(where: \.isCandidate)!
        self.points = Array(points[first...] + points[...first])
    }

    func simplified() -> [Corner] {
        var ring = [points[0].corner]
        var start = 0
        while start < points.count - 1 {
            var end = start + 1
            while !points[end].isCandidate { end += 1 }
            var next = end + 1
            while next < points.count, next - start <= Self.longest {
                if points[next].isCandidate {
                    guard isNear(start, next) else { break }
                    end = next
                }
                next += 1
            }
            ring.append(points[end].corner)
            start = end
        }
        return ring
    }

    /// Whether all points between two are near the straight line from one to the other.
    private func isNear(_ start: Int, _ end: Int) -> Bool {
        let (a, b) = (points[start].corner, points[end].corner)
        let (dx, dy) = (Double(b.x - a.x), Double(b.y - a.y))
        let square = dx * dx + dy * dy
        return points[(start + 1)..<end].allSatisfy { point in
            let (px, py) = (Double(point.corner.x - a.x), Double(point.corner.y - a.y))
            let share = square > 0 ? min(max((px * dx + py * dy) / square, 0), 1) : 0
            let (rx, ry) = (px - share * dx, py - share * dy)
            let reach = point.isCandidate ? tolerance / 2 : tolerance
            return rx * rx + ry * ry <= reach * reach
        }
    }
}
