import Foundations
import Masking
import TestSupport
import Testing

/// Outlines with fewer corners.
struct SimplifiedPolygonTests {
    private typealias Point = (x: Double, y: Double)

    private func polygons(_ rows: [[Bool]]) throws -> [Polygon] {
        var result = [Polygon]()
        var tracer = ContourTracer { result.append($0) }
        for (y, row) in rows.enumerated() {
            var runs = [Range<Int>]()
            for x in row.indices where row[x] {
                if let last = runs.last, last.upperBound == x {
                    runs[runs.count - 1] = last.lowerBound..<x + 1
                } else {
                    runs.append(x..<x + 1)
                }
            }
            try tracer.add(rows: y..<y + 1, white: runs)
        }
        try tracer.finish()
        return result
    }

    private func ellipse(_ a: Double, _ b: Double) -> [[Bool]] {
        (0..<80).map { y in
            (0..<80).map { x in
                let (u, v) = ((Double(x) - 39.5) / a, (Double(y) - 39.5) / b)
                return u * u + v * v <= 1
            }
        }
    }

    private func sides(_ rings: [[Point]]) -> [(Point, Point)] {
        rings.flatMap { Array(zip($0, $0.dropFirst())) }
    }

    private func distance(_ p: Point, _ side: (Point, Point)) -> Double {
        let (a, b) = side
        let (dx, dy) = (b.x - a.x, b.y - a.y)
        let square = dx * dx + dy * dy
        let share = square > 0 ? min(max(((p.x - a.x) * dx + (p.y - a.y) * dy) / square, 0), 1) : 0
        let (rx, ry) = (p.x - a.x - share * dx, p.y - a.y - share * dy)
        return (rx * rx + ry * ry).squareRoot()
    }

    /// The largest distance of points along one outline from the other.
    private func largestDistance(_ a: [[Point]], from b: [[Point]]) -> Double {
        let others = sides(b)
        var largest = 0.0
        for (from, to) in sides(a) {
            for step in 0...8 {
                let share = Double(step) / 8
                let point = (x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share)
                largest = max(largest, others.map { distance(point, $0) }.min()!)
            }
        }
        return largest
    }

    /// Whether sides that are not neighbors have no point in common.
    private func areSimple(_ rings: [[Point]]) -> Bool {
        func turn(_ a: Point, _ b: Point, _ c: Point) -> Double {
            (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
        }
        func isOn(_ p: Point, _ s: (Point, Point)) -> Bool { distance(p, s) == 0 }
        let all = sides(rings)
        for (i, s) in all.enumerated() {
            for t in all[(i + 1)...] {
                let shared = [s.0, s.1].count { p in p == t.0 || p == t.1 }
                if shared == 1 {
                    let ends =
                        [t.0, t.1].filter { $0 != s.0 && $0 != s.1 } + [s.0, s.1].filter { $0 != t.0 && $0 != t.1 }
                    if isOn(ends[0], s) || isOn(ends[1], t) { return false }
                    continue
                }
                if shared == 2 { return false }
                if isOn(s.0, t) || isOn(s.1, t) || isOn(t.0, s) || isOn(t.1, s) { return false }
                if turn(s.0, s.1, t.0) * turn(s.0, s.1, t.1) < 0, turn(t.0, t.1, s.0) * turn(t.0, t.1, s.1) < 0 {
                    return false
                }
            }
        }
        return true
    }

    private func area(_ ring: [Point]) -> Double {
        zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0.x * $1.1.y - $1.1.x * $1.0.y } / 2
    }

    private func points(_ rings: [[Corner]], scale: Double) -> [[Point]] {
        rings.map { $0.map { (x: Double($0.x) * scale, y: Double($0.y) * scale) } }
    }

    @Test func outlinesStayNearAndValid() throws {
        var cases = [ellipse(35, 20), ellipse(9, 30), ellipse(2, 35), ellipse(35, 35)]
        for seed in 1...60 {
            let share = 0.4 + 0.5 * Double(seed % 7) / 7
            cases.append(
                (0..<18).map { y in
                    (0..<22).map { x in
                        Double(Formula.bits(UInt64(seed), y * 22 + x) >> 11) / Double(1 << 53) < share
                    }
                })
        }
        var changed = 0
        try sweep(cases) { rows, _ in
            for polygon in try polygons(rows) {
                let exact = points(polygon.rings, scale: 1)
                for tolerance in [0.25, 0.5, 1, 3] {
                    let simplified = polygon.simplified(within: tolerance)
                    let rings = points(simplified.rings, scale: 0.5)
                    try #require(rings.count == exact.count)
                    try #require(largestDistance(rings, from: exact) <= tolerance + 1e-9)
                    try #require(largestDistance(exact, from: rings) <= tolerance + 1e-9)
                    for (old, new) in zip(exact, rings) {
                        try #require(new.first! == new.last! && new.count > 3)
                        try #require((area(old) > 0) == (area(new) > 0))
                    }
                    if simplified != polygon.simplified(within: 0) {
                        changed += 1
                        try #require(areSimple(rings))
                    }
                }
            }
        }
        #expect(changed > 400)
    }

    @Test func zeroKeepsEveryCorner() throws {
        let polygon = try polygons(ellipse(35, 20))[0]
        let exact = polygon.simplified(within: 0).rings
        #expect(exact == polygon.rings.map { $0.map { Corner(x: 2 * $0.x, y: 2 * $0.y) } })
    }

    @Test func roundOutlinesHaveFewCornersAndTheirArea() throws {
        for (a, b) in [(35.0, 20.0), (12, 10), (35, 35)] {
            let polygon = try polygons(ellipse(a, b))[0]
            let ring = points(polygon.simplified(within: 0.5).rings, scale: 0.5)[0]
            #expect(Double(ring.count) < 0.45 * Double(polygon.rings[0].count), "\(ring.count)")
            #expect(abs(area(ring) / Double(polygon.area) - 1) < 0.02)
        }
    }

    @Test func rectanglesStay() throws {
        let rows = (0..<9).map { y in (0..<9).map { x in 2..<7 ~= x && 1..<8 ~= y && !(x == 4 && 3..<6 ~= y) } }
        let polygon = try polygons(rows)[0]
        #expect(polygon.rings.count == 2)
        #expect(polygon.simplified(within: 0.25) == polygon.simplified(within: 0))
        #expect(polygon.simplified(within: 0.5).rings[0] == polygon.simplified(within: 0).rings[0])
    }
}
