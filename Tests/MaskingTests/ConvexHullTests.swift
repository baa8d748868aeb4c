import Masking
import TestSupport
import Testing

struct ConvexHullTests {
    @Test func pointsAreCounted() {
        // Points of a row, a square, a triangle with two rows alike, and a shape with a dent.
        let cases: [(rows: [(Int, Int)], points: Int, doubledArea: Int)] = [
            ([(3, 3)], 1, 0), ([(3, 7)], 5, 0), ([(2, 2), (2, 2), (2, 2)], 3, 0),
            ([(0, 4), (0, 4), (0, 4), (0, 4), (0, 4)], 25, 32), ([(0, 0), (0, 1), (0, 2)], 6, 4),
            ([(0, 4), (0, 1), (0, 4)], 15, 16), ([(4, 4), (1, 5), (0, 6), (3, 6)], 17, 23),
        ]
        for item in cases {
            var hull = ConvexHull()
            for (y, row) in item.rows.enumerated() { hull.add(row: y, first: row.0, last: row.1) }
            #expect(hull.pointCount == item.points && hull.doubledArea == item.doubledArea, "\(item.rows)")
        }
    }

    /// Against the points that are left of all edges between two points of the shape.
    @Test func randomShapesAgreeWithTheDefinition() {
        for seed in 1...50 as ClosedRange<UInt64> {
            let ends = Formula.integers(seed: seed, count: 12, below: 8)
            let rows = (0..<6).map { (min(ends[$0], ends[6 + $0]), max(ends[$0], ends[6 + $0])) }
            var hull = ConvexHull()
            for (y, row) in rows.enumerated() { hull.add(row: y, first: row.0, last: row.1) }
            let corners = rows.enumerated().flatMap { [Corner(x: $1.0, y: $0), Corner(x: $1.1, y: $0)] }
            func isInside(_ x: Int, _ y: Int) -> Bool {
                for a in corners {
                    for b in corners where a != b {
                        func side(_ p: Corner) -> Int {
                            (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
                        }
                        if corners.allSatisfy({ side($0) >= 0 }), side(Corner(x: x, y: y)) < 0 { return false }
                    }
                }
                return true
            }
            let expected = (0..<6).reduce(0) { sum, y in sum + (0..<8).count { isInside($0, y) } }
            #expect(hull.pointCount == expected, "\(rows)")
        }
    }
}
