import Foundations

extension TissueMap {
    private typealias Point = TissueOutline.Point

    /// The tissue inside the polygons of a GeoJSON file, such as a QuPath export.
    ///
    /// Coordinates are x and y in pixels of the image at full resolution; parts outside the image do not count. With
    /// `classes`, only objects of these classes are used, whatever the case of their names. Objects whose class ends with
    /// `*`, which QuPath ignores, are no tissue unless `classes` names them. `note` receives a line about objects without
    /// an area. Throws `unreadable`, and `malformed` where the file is not GeoJSON or has no polygon to use.
    ///
    /// The map keeps the outline itself. Cells that it crosses are tissue too, but not those whose center is in an
    /// ignored object. Outlines are rounded to a sixteenth of a cell, so that outlines written along cell edges select
    /// the same cells when they are read.
    package init(
        outline path: FilePath, classes: [String] = [], imageWidth: Int, imageHeight: Int,
        note: (String) -> Void = { _ in }
    ) throws(FileError) {
        let outline = try TissueOutline(path, classes: classes)
        if let remark = outline.remark { note(remark) }
        let size = Self.gridSize(width: imageWidth, height: imageHeight)
        self.init(
            imageWidth: imageWidth, imageHeight: imageHeight, width: size.width, height: size.height,
            isTissue: [Bool](repeating: false, count: size.width * size.height))
        self.outline = PixelOutline(outline, width: imageWidth, height: imageHeight)
        for polygon in outline.polygons {
            let rings = cellRings(polygon)
            var marksAny = fill(rings, with: true)
            for ring in rings where trace(ring) { marksAny = true }
            // The polygon is smaller than a cell and on a cell edge.
            if !marksAny { mark(rings[0][0]) }
        }
        for polygon in outline.ignored { _ = fill(cellRings(polygon), with: false) }
    }

    /// The rings in cells, rounded.
    private func cellRings(_ rings: [[Point]]) -> [[Point]] {
        func place(_ value: Double, _ length: Int, _ cells: Int) -> Double {
            (value * Double(16 * cells) / Double(length)).rounded() / 16
        }
        return rings.map { ring in
            ring.map { Point(x: place($0.x, imageWidth, width), y: place($0.y, imageHeight, height)) }
        }
    }

    private static func edges(_ ring: [Point]) -> Zip2Sequence<[Point], [Point]> {
        zip(ring, Array(ring.dropFirst() + ring.prefix(1)))
    }

    /// The first of 0 ... count cells whose center is at a position or after it.
    private static func firstCenter(from position: Double, _ count: Int) -> Int {
        Int(min(max((position - 0.5).rounded(.up), 0), Double(count)))
    }

    /// Sets cells whose center is inside: those with an odd number of crossings to their left. Returns whether any is.
    private mutating func fill(_ rings: [[Point]], with value: Bool) -> Bool {
        let xs = rings.joined().map(\.x)
        let ys = rings.joined().map(\.y)
        let columns = Self.firstCenter(from: xs.min()!, width)..<Self.firstCenter(from: xs.max()!, width)
        let rows = Self.firstCenter(from: ys.min()!, height)..<Self.firstCenter(from: ys.max()!, height)
        // Whether an odd number of edges cross the row right before the center of the cell.
        var isCrossed = [Bool](repeating: false, count: columns.count * rows.count)
        for (a, b) in rings.map(Self.edges).joined() where a.y != b.y {
            let top = Self.firstCenter(from: min(a.y, b.y), height)
            for row in top..<max(top, Self.firstCenter(from: max(a.y, b.y), height)) {
                let share = (Double(row) + 0.5 - a.y) / (b.y - a.y)
                let column = max(columns.lowerBound, Self.firstCenter(from: a.x + share * (b.x - a.x), width))
                guard column < columns.upperBound else { continue }
                isCrossed[(row - rows.lowerBound) * columns.count + column - columns.lowerBound].toggle()
            }
        }
        var marksAny = false
        for row in rows {
            var isInside = false
            for column in columns {
                if isCrossed[(row - rows.lowerBound) * columns.count + column - columns.lowerBound] {
                    isInside.toggle()
                }
                if isInside { isTissue[row * width + column] = value }
                marksAny = marksAny || isInside
            }
        }
        return marksAny
    }

    /// Marks cells whose interior the edges of a ring cross, in steps of a quarter of a cell. Returns whether any is.
    private mutating func trace(_ ring: [Point]) -> Bool {
        var marksAny = false
        for (a, b) in Self.edges(ring) {
            guard let part = partOnGrid(a, b) else { continue }
            let length = part.upperBound - part.lowerBound
            let cells = length * max((b.x - a.x).magnitude, (b.y - a.y).magnitude)
            let steps = max(1, Int((4 * cells).rounded(.up)))
            for step in 0...steps {
                let share = part.lowerBound + length * Double(step) / Double(steps)
                let point = Point(x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y))
                if point.x != point.x.rounded(), point.y != point.y.rounded() {
                    mark(point)
                    marksAny = true
                }
            }
        }
        return marksAny
    }

    /// The part of the way from one point to another, of 0 to 1, that is on the grid; nil where none is (Liang and Barsky,
    /// A New Concept and Method for Line Clipping, 1984).
    private func partOnGrid(_ a: Point, _ b: Point) -> ClosedRange<Double>? {
        var (start, end) = (0.0, 1.0)
        for (from, to, length) in [(a.x, b.x, Double(width)), (a.y, b.y, Double(height))] {
            if from == to {
                if from < 0 || from > length { return nil }
                continue
            }
            let (first, second) = ((0 - from) / (to - from), (length - from) / (to - from))
            start = max(start, min(first, second))
            end = min(end, max(first, second))
        }
        return start <= end ? start...end : nil
    }

    /// Marks the cell of a point that is on the grid.
    private mutating func mark(_ point: Point) {
        let (x, y) = (point.x.rounded(.down), point.y.rounded(.down))
        if x >= 0, y >= 0, x < Double(width), y < Double(height) { isTissue[Int(y) * width + Int(x)] = true }
    }
}
