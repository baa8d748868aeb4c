import Foundations

/// A corner in level-0 pixels: 0, 0 is the image's upper left corner.
package struct Corner: Hashable, Sendable {
    package var x: Int
    package var y: Int

    package init(x: Int, y: Int) {
        self.x = x
        self.y = y
    }
}

/// A region of white pixels that are connected by their edges.
package struct Polygon: Equatable, Sendable {
    /// The outline, then the holes. The first corner is repeated at the end. The shoelace sum of an outline's
    /// coordinates is positive and that of a hole negative, as the right-hand rule of GeoJSON requires (RFC 7946,
    /// 3.1.6).
    package let rings: [[Corner]]

    package init(rings: [[Corner]]) { self.rings = rings }

    /// Area in square pixels.
    package var area: Int { rings.reduce(0) { $0 + Self.doubledArea($1) } / 2 }

    static func doubledArea(_ ring: [Corner]) -> Int {
        zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0.x * $1.1.y - $1.1.x * $1.0.y }
    }
}

/// Turns the white pixels of a mask, row by row, into polygons with the same pixels.
///
/// Regions are connected by edges, not by corners, and no ring passes through a corner twice, so polygons are valid
/// OpenGIS simple features. A region is emitted as soon as no row can extend it, so that only the outlines of open
/// regions are in memory.
package struct ContourTracer {
    /// A horizontal edge of a region: from left to right where the region is below it, otherwise from right to left.
    private struct Edge {
        var from: Int
        var to: Int
        var y: Int
    }

    /// A run of white pixels of the last row, and the region it belongs to.
    private struct Run {
        var pixels: Range<Int>
        var region: Int
    }

    private var runs = [Run]()
    private var nextY = 0
    /// Open regions that turned out to be connected, by root.
    private var regions = UnionFind(count: 0)
    /// The edges of each region, at its root.
    private var edges = [[Edge]]()
    private var free = [Int]()
    private let emit: (Polygon) throws -> Void

    /// `emit` receives the polygons in the order in which they end.
    package init(emit: @escaping (Polygon) throws -> Void) { self.emit = emit }

    /// Adds equal rows that follow those added before. Runs are ascending and do not touch.
    package mutating func add(rows: Range<Int>, white: [Range<Int>]) throws {
        precondition(rows.lowerBound == nextY && !rows.isEmpty, "rows out of order")
        try cross(to: white)
        nextY = rows.upperBound
    }

    /// Emits the remaining regions after the last row.
    package mutating func finish() throws { try cross(to: []) }

    /// Moves from the last row to one with other runs: adds the edges of both at `nextY` and joins regions.
    private mutating func cross(to white: [Range<Int>]) throws {
        if white == runs.map(\.pixels) { return }
        var below = [Run]()
        var upper = 0
        for pixels in white {
            var region: Int?
            while upper < runs.count, runs[upper].pixels.upperBound <= pixels.lowerBound { upper += 1 }
            var index = upper
            var covered = pixels.lowerBound
            var edgesAbove = [Range<Int>]()
            while index < runs.count, runs[index].pixels.lowerBound < pixels.upperBound {
                region = region.map { join($0, runs[index].region) } ?? root(runs[index].region)
                if runs[index].pixels.lowerBound > covered {
                    edgesAbove.append(covered..<runs[index].pixels.lowerBound)
                }
                covered = runs[index].pixels.upperBound
                index += 1
            }
            if covered < pixels.upperBound { edgesAbove.append(covered..<pixels.upperBound) }
            let own = region ?? newRegion()
            for edge in edgesAbove { edges[own].append(Edge(from: edge.lowerBound, to: edge.upperBound, y: nextY)) }
            below.append(Run(pixels: pixels, region: own))
        }
        addLowerEdges(below: white)
        for index in below.indices { below[index].region = root(below[index].region) }
        try close(keeping: Set(below.map(\.region)))
        runs = below
    }

    /// Adds edges where runs of the last row have nothing below them.
    private mutating func addLowerEdges(below: [Range<Int>]) {
        var lower = 0
        for run in runs {
            let region = root(run.region)
            while lower < below.count, below[lower].upperBound <= run.pixels.lowerBound { lower += 1 }
            var (index, covered) = (lower, run.pixels.lowerBound)
            while index < below.count, below[index].lowerBound < run.pixels.upperBound {
                if below[index].lowerBound > covered {
                    edges[region].append(Edge(from: below[index].lowerBound, to: covered, y: nextY))
                }
                covered = below[index].upperBound
                index += 1
            }
            if covered < run.pixels.upperBound {
                edges[region].append(Edge(from: run.pixels.upperBound, to: covered, y: nextY))
            }
        }
    }

    /// Emits the regions of the last row that end there, in the order of their runs.
    private mutating func close(keeping open: Set<Int>) throws {
        var seen = Set<Int>()
        let old = Set(runs.map(\.region))
        for run in runs {
            let region = root(run.region)
            guard !open.contains(region), seen.insert(region).inserted else { continue }
            try emit(Self.polygon(edges[region]))
        }
        // Regions that no run refers to any more are reused.
        for region in old.union(seen) where !open.contains(region) {
            edges[region] = []
            regions.reset(region)
            free.append(region)
        }
    }

    private mutating func newRegion() -> Int {
        if let region = free.popLast() { return region }
        edges.append([])
        return regions.append()
    }

    private func root(_ region: Int) -> Int { regions.root(of: region) }

    /// Joins two regions and returns the root; the shorter list of edges moves.
    private mutating func join(_ a: Int, _ b: Int) -> Int {
        let (a, b) = (root(a), root(b))
        if a == b { return a }
        let (kept, gone) = edges[a].count >= edges[b].count ? (a, b) : (b, a)
        edges[kept] += edges[gone]
        edges[gone] = []
        regions.attach(gone, to: kept)
        return kept
    }

    /// Links the edges of a region to rings. Vertical edges connect them: at each x, the corners from top to bottom are
    /// their ends in pairs. Rings that pass through a corner twice are split afterwards.
    private static func polygon(_ edges: [Edge]) -> Polygon {
        let edges = edges.sorted { ($0.y, min($0.from, $0.to)) < ($1.y, min($1.from, $1.to)) }
        struct End {
            var corner: Corner
            var edge: Int
            var isStart: Bool
        }
        var ends = [End]()
        for (index, edge) in edges.enumerated() {
            ends.append(End(corner: Corner(x: edge.from, y: edge.y), edge: index, isStart: true))
            ends.append(End(corner: Corner(x: edge.to, y: edge.y), edge: index, isStart: false))
        }
        ends.sort { ($0.corner.x, $0.corner.y, $0.edge) < ($1.corner.x, $1.corner.y, $1.edge) }
        var next = [Int](repeating: -1, count: edges.count)
        for pair in stride(from: 0, to: ends.count, by: 2) {
            let (a, b) = (ends[pair], ends[pair + 1])
            precondition(a.corner.x == b.corner.x && a.isStart != b.isStart, "an open outline")
            if a.isStart { next[b.edge] = a.edge } else { next[a.edge] = b.edge }
        }
        var rings = [[Corner]]()
        var used = [Bool](repeating: false, count: edges.count)
        for start in edges.indices where !used[start] {
            var loop = [Corner]()
            var edge = start
            while !used[edge] {
                used[edge] = true
                loop.append(Corner(x: edges[edge].from, y: edges[edge].y))
                loop.append(Corner(x: edges[edge].to, y: edges[edge].y))
                edge = next[edge]
            }
            rings += simpleRings(loop)
        }
        let outline = rings.firstIndex { Polygon.doubledArea($0) > 0 }!
        rings.swapAt(0, outline)
        return Polygon(rings: rings)
    }

    /// Splits a loop wherever it returns to a corner.
    private static func simpleRings(_ loop: [Corner]) -> [[Corner]] {
        var (rings, path, places) = ([[Corner]](), [Corner](), [Corner: Int]())
        for corner in loop {
            if let place = places[corner] {
                rings.append(Array(path[place...]) + [corner])
                for gone in path[(place + 1)...] { places[gone] = nil }
                path.removeSubrange((place + 1)...)
            } else {
                places[corner] = path.count
                path.append(corner)
            }
        }
        rings.append(path + [path[0]])
        return rings
    }
}
