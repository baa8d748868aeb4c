import Foundations
import Imaging

/// Draws the outlines of labeled objects at full resolution.
///
/// The probability of foreground is interpolated bilinearly between the centers of pixels, and thresholded. It counts as 0
/// where an object was dropped. A pixel at full resolution belongs to the object with the largest part of the interpolated
/// value, of equal ones to that whose pixel is first. So outlines are smooth, and no two nuclei share a pixel.
final class NucleusOutliner {
    /// A row of probabilities over the columns of an object.
    private struct Line {
        var row = Int.min
        /// Whether other nuclei have pixels in it.
        var hasOthers = false
        /// Of the object, of other nuclei, and of all and the background.
        let own: UnsafeMutablePointer<Float>
        let others: UnsafeMutablePointer<Float>
        let all: UnsafeMutablePointer<Float>

        init(capacity: Int) {
            own = .allocate(capacity: 3 * capacity)
            own.initialize(repeating: 0, count: 3 * capacity)
            (others, all) = (own + capacity, own + 2 * capacity)
        }

        func deallocate() { own.deallocate() }

        /// Interpolates between two rows.
        mutating func mix(_ top: Line, _ bottom: Line, _ weight: Float, count: Int) {
            hasOthers = top.hasOthers || bottom.hasOthers
            for index in 0..<count {
                own[index] = top.own[index] + (bottom.own[index] - top.own[index]) * weight
                others[index] = top.others[index] + (bottom.others[index] - top.others[index]) * weight
                all[index] = top.all[index] + (bottom.all[index] - top.all[index]) * weight
            }
        }
    }

    /// Sums over the pixels of an object.
    private struct Sums {
        var probability: Float = 0
        var disagreement: Float = 0
        var hematoxylin: Float = 0
        var eosin: Float = 0
        var color = SIMD3<Int>()
        var count: Float = 0

        var meanColor: SIMD3<Int> { color / SIMD3(repeating: Int(count)) }
    }

    /// The kind of an object.
    enum Finding {
        case nucleus(Nucleus)
        /// It has too little hematoxylin for a nucleus.
        case pale
        /// It has the color of ink, or covers the center of no pixel at full resolution.
        case nothing
    }

    private let grid: NucleusGrid
    private let foreground: Float
    private let leastHematoxylin: Float
    /// Rounding must not take a pixel at the threshold away.
    private var threshold: Float { foreground - 1e-5 }
    private let hematoxylin = StainDensity(of: .hematoxylin)
    private let eosin = StainDensity(of: .eosin)
    private var lines: (Line, Line)
    private var mixed: Line
    /// The columns of the object that a pixel at full resolution is between, and the weight of the second.
    private var places = [(column: Int, weight: Float)]()

    init(_ grid: NucleusGrid, foreground: Float, leastHematoxylin: Float) {
        (self.grid, self.foreground, self.leastHematoxylin) = (grid, foreground, leastHematoxylin)
        // Objects extend no farther than the margin from their anchor.
        let capacity = 2 * grid.margin + 4
        lines = (Line(capacity: capacity), Line(capacity: capacity))
        mixed = Line(capacity: capacity)
    }

    deinit {
        lines.0.deallocate()
        lines.1.deallocate()
        mixed.deallocate()
    }

    /// The kind of the object with a label, with the outline of a nucleus.
    func outline(
        _ label: Int32, _ objects: NucleusObjects, _ labels: NucleusLabels, _ field: NucleusField,
        micronsPerPixel: (x: Double, y: Double)
    ) -> Finding {
        let object = objects[label]
        let sums = sums(label, object, labels, field)
        if PenMarks.isGreenInk(sums.meanColor) { return .nothing }
        if sums.hematoxylin < leastHematoxylin * sums.count { return .pale }
        let window = PixelWindow(object, field.region, grid)
        (lines.0.row, lines.1.row) = (.min, .min)
        places.removeAll(keepingCapacity: true)
        for x in window.imageColumns {
            let place = Place(x, of: grid.columnScale)
            places.append((place.index - field.region.x - window.columns.lowerBound, place.weight))
        }
        var runs = [Nucleus.Run]()
        for y in window.imageRows {
            let place = Place(y, of: grid.rowScale)
            let top = place.index - field.region.y
            let bottom = min(top + 1, window.rows.upperBound - 1)
            if lines.0.row != top { lines = (lines.1, lines.0) }
            if lines.0.row != top { fill(&lines.0, row: top, window, label, objects, labels, field) }
            if lines.1.row != bottom { fill(&lines.1, row: bottom, window, label, objects, labels, field) }
            addRuns(row: y, weight: place.weight, window, label, objects, labels, to: &runs)
        }
        runs = runs.largestConnected()
        if runs.isEmpty { return .nothing }
        var nucleus = Nucleus(runs: runs, measurements: .init(runs, micronsPerPixel: micronsPerPixel))
        nucleus.measurements.probability = sums.probability / sums.count
        nucleus.measurements.disagreement = sums.disagreement / sums.count
        nucleus.measurements.hematoxylin = sums.hematoxylin / sums.count
        nucleus.measurements.eosin = sums.eosin / sums.count
        return .nucleus(nucleus)
    }

    /// Reads a row of the block, `y` in its pixels.
    private func fill(
        _ line: inout Line, row y: Int, _ window: PixelWindow, _ label: Int32, _ objects: NucleusObjects,
        _ labels: NucleusLabels, _ field: NucleusField
    ) {
        line.row = y
        line.hasOthers = false
        let found = labels.labels.baseAddress! + labels.position(x: window.columns.lowerBound, y: y)
        let start = y * field.region.width + window.columns.lowerBound
        let nucleus = field.nucleus.baseAddress! + start
        for index in 0..<window.columns.count {
            let value = nucleus[index]
            // Filled holes are foreground.
            let inside = max(value, foreground)
            let isOwn = found[index] == label
            line.own[index] = isOwn ? inside : 0
            line.others[index] = 0
            // Foreground that no object reached is background, like the objects that were dropped.
            line.all[index] = isOwn ? inside : found[index] == 0 && value < foreground ? max(value, 0) : 0
            if !isOwn, found[index] != 0, objects[found[index]].isNucleus {
                line.others[index] = inside
                line.all[index] = inside
                line.hasOthers = true
            }
        }
    }

    private func addRuns(
        row y: Int, weight: Float, _ window: PixelWindow, _ label: Int32, _ objects: NucleusObjects,
        _ labels: NucleusLabels, to runs: inout [Nucleus.Run]
    ) {
        mixed.mix(lines.0, lines.1, weight, count: window.columns.count)
        let (mixed, threshold, first) = (mixed, threshold, window.imageColumns.lowerBound)
        func value(_ line: UnsafeMutablePointer<Float>, _ place: (column: Int, weight: Float)) -> Float {
            let left = line[place.column]
            // The weight of a pixel beyond the image is 0.
            return left + (line[place.column + 1] - left) * place.weight
        }
        places.withUnsafeBufferPointer { places in
            var start = -1
            for index in places.indices {
                let place = places[index]
                var isInside = value(mixed.all, place) >= threshold && value(mixed.own, place) > 0
                if isInside, mixed.hasOthers, value(mixed.others, place) > 0 {
                    isInside = owner(place, weight, window, objects, labels) == label
                }
                if isInside {
                    if start < 0 { start = index }
                } else if start >= 0 {
                    runs.append(.init(row: y, pixels: first + start..<first + index))
                    start = -1
                }
            }
            if start >= 0 { runs.append(.init(row: y, pixels: first + start..<first + places.count)) }
        }
    }

    /// The label with the largest part of the value at a place.
    private func owner(
        _ place: (column: Int, weight: Float), _ weight: Float, _ window: PixelWindow, _ objects: NucleusObjects,
        _ labels: NucleusLabels
    ) -> Int32 {
        let next = min(place.column + 1, window.columns.count - 1)
        let top = labels.labels.baseAddress! + labels.position(x: window.columns.lowerBound, y: lines.0.row)
        let bottom = labels.labels.baseAddress! + labels.position(x: window.columns.lowerBound, y: lines.1.row)
        let found = SIMD4(top[place.column], top[next], bottom[place.column], bottom[next])
        let values = SIMD4(
            lines.0.all[place.column], lines.0.all[next], lines.1.all[place.column], lines.1.all[next])
        let weights = SIMD4(1 - place.weight, place.weight, 1 - place.weight, place.weight)
        let parts = values * weights * SIMD4(1 - weight, 1 - weight, weight, weight)
        var best: (label: Int32, part: Float) = (0, 0)
        for corner in 0..<4 where found[corner] != 0 && objects[found[corner]].isNucleus {
            let part = parts.replacing(with: 0, where: found .!= found[corner]).sum()
            if part > best.part { best = (found[corner], part) }
        }
        return best.label
    }

    private func sums(
        _ label: Int32, _ object: NucleusObjects.Object, _ labels: NucleusLabels, _ field: NucleusField
    ) -> Sums {
        var sums = Sums()
        let (hematoxylin, eosin) = (hematoxylin, eosin)
        for y in object.top...object.bottom {
            let found = labels.labels.baseAddress! + labels.position(x: 0, y: y)
            let start = y * field.region.width
            for x in object.left...object.right where found[x] == label {
                let color = 3 * (start + x)
                let (red, green, blue) = (field.pixels[color], field.pixels[color + 1], field.pixels[color + 2])
                sums.probability += field.nucleus[start + x]
                if let deviation = field.deviation { sums.disagreement += deviation[start + x] }
                sums.hematoxylin += hematoxylin.density(red: red, green: green, blue: blue)
                sums.eosin += eosin.density(red: red, green: green, blue: blue)
                sums.color &+= SIMD3(Int(red), Int(green), Int(blue))
                sums.count += 1
            }
        }
        return sums
    }
}

/// A position between the centers of two pixels at the resolution of the model.
private struct Place {
    /// The pixel before it, and the weight of the one after it.
    let index: Int
    let weight: Float

    /// The center of a pixel at full resolution. Beyond the outer centers there is nothing to interpolate.
    init(_ pixel: Int, of scale: WindowAxis.Scale) {
        // In pixels at the resolution of the model, times twice the length at full resolution, to be exact.
        let unit = 2 * scale.image
        let position = min(max((2 * pixel + 1) * scale.laid - scale.image, 0), (scale.laid - 1) * unit)
        index = position / unit
        weight = Float(position % unit) / Float(unit)
    }

    /// The pixels at full resolution whose centers are between those of two pixels, these included. At the edges of the
    /// image, also those beyond.
    static func imagePixels(between first: Int, and last: Int, of scale: WindowAxis.Scale) -> Range<Int> {
        func position(_ laid: Int) -> Int { (2 * laid + 1) * scale.image - scale.laid }
        let unit = 2 * scale.laid
        let from = first == 0 ? 0 : (position(first) + unit - 1) / unit
        let to = last == scale.laid - 1 ? scale.image : position(last) / unit + 1
        return from..<max(from, to)
    }
}

/// The pixels that an object can have.
private struct PixelWindow {
    /// The object and a pixel on each side, in pixels of the block.
    let columns: Range<Int>
    let rows: Range<Int>
    /// The pixels at full resolution whose centers are between those.
    let imageColumns: Range<Int>
    let imageRows: Range<Int>

    init(_ object: NucleusObjects.Object, _ region: PixelRegion, _ grid: NucleusGrid) {
        (columns, imageColumns) = Self.range(object.left, object.right, region.x, region.width, grid.columnScale)
        (rows, imageRows) = Self.range(object.top, object.bottom, region.y, region.height, grid.rowScale)
    }

    private static func range(
        _ first: Int, _ last: Int, _ origin: Int, _ count: Int, _ scale: WindowAxis.Scale
    ) -> (Range<Int>, Range<Int>) {
        // Rows and columns beyond the image are not read.
        let start = max(first - 1, max(0, -origin))
        let end = min(last + 1, min(count, scale.laid - origin) - 1)
        return (start..<end + 1, Place.imagePixels(between: start + origin, and: end + origin, of: scale))
    }
}
