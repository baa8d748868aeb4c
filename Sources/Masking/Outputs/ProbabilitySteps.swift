/// The mean probabilities under the pixels of a picture of a field, in 255 steps, read from top to bottom.
struct ProbabilitySteps {
    private let field: ProbabilityField
    private let height: Int
    /// The pixels of the field at the centers of the picture's columns, and their cells.
    private let pixels: [Int]
    private let cells: [Int]
    private var strips: FieldStrips
    private var strip: FieldStrip?
    /// Steps of a row of cells.
    private var cellSteps = (row: -1, steps: [Int]())
    private var steps = [Int]()

    /// A picture of a size.
    init(_ field: ProbabilityField, width: Int, height: Int) {
        (self.field, self.height, strips) = (field, height, field.strips)
        pixels = (0..<width).map { Self.center($0, of: width, field.width) }
        var cell = 0
        cells = pixels.map { pixel in
            while field.columns[cell].upperBound <= pixel { cell += 1 }
            return cell
        }
    }

    /// The pixel of an axis of `length` pixels at the center of one of `count` pixels that show it.
    private static func center(_ index: Int, of count: Int, _ length: Int) -> Int {
        (2 * index + 1) * length / (2 * count)
    }

    /// The steps under row `y` of the picture, -1 where there is no probability. Rows of successive calls ascend.
    mutating func row(_ y: Int) -> [Int] {
        let pixel = Self.center(y, of: height, field.height)
        while strip.map({ $0.rows.upperBound <= pixel }) ?? true {
            strip = strips.next()
            if let strip, strip.rows.contains(pixel) { steps = steps(of: strip) }
        }
        return steps
    }

    private mutating func steps(of strip: FieldStrip) -> [Int] {
        if strip.row != cellSteps.row {
            let averages = field.averages(ofRow: strip.row)
            cellSteps = (strip.row, averages.map { $0.map { Int((min(max($0, 0), 1) * 255).rounded()) } ?? -1 })
        }
        var steps = [Int](repeating: -1, count: pixels.count)
        var x = 0
        for run in strip.processed {
            while x < pixels.count, pixels[x] < run.lowerBound { x += 1 }
            while x < pixels.count, pixels[x] < run.upperBound {
                steps[x] = cellSteps.steps[cells[x]]
                x += 1
            }
        }
        return steps
    }
}
