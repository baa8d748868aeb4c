import Imaging

/// Counts of black pixels without a result, by reason.
package struct BlankPixels: Equatable, Sendable {
    /// Not processed: without tissue, or outside the outline.
    package var background = 0
    /// Outside the pixels of the image.
    package var outside = 0
    /// Cannot be decoded.
    package var unreadable = 0
    /// Not covered by a window.
    package var uncovered = 0

    package init() {}

    package var total: Int { background + outside + unreadable + uncovered }

    mutating func add(_ other: BlankPixels, times count: Int = 1) {
        background += other.background * count
        outside += other.outside * count
        unreadable += other.unreadable * count
        uncovered += other.uncovered * count
    }
}

/// Rows of a mask that are equal.
package struct MaskBand: Equatable, Sendable {
    /// Rows of the image.
    package let rows: Range<Int>
    /// White pixels of each of these rows, as ascending ranges that do not touch.
    package let white: [Range<Int>]
    /// Black pixels of each of these rows about which nothing is known.
    package let blank: BlankPixels
    /// White pixels of each of these rows outside the processed area: parts of nuclei whose center is inside.
    package var overhang = 0

    /// Number of white pixels in all rows.
    package var area: Int { white.pixelCount * rows.count }
}

/// The bands of a mask, from top to bottom without gaps: white where processed pixels have a mean probability above a
/// threshold.
package struct MaskBands: Sequence, IteratorProtocol {
    private let field: ProbabilityField
    private let threshold: Double
    private var strips: FieldStrips
    /// The contents of a row of cells as pixels.
    private var row: (index: Int, runs: ContentRuns)?

    package init(_ field: ProbabilityField, threshold: Double) {
        (self.field, self.threshold, strips) = (field, threshold, field.strips)
    }

    package mutating func next() -> MaskBand? {
        guard let strip = strips.next() else { return nil }
        if row?.index != strip.row { row = (strip.row, ContentRuns(field, row: strip.row, threshold: threshold)) }
        let (runs, processed) = (row!.runs, strip.processed)
        func count(_ pixels: [Range<Int>]) -> Int { pixels.intersection(processed).pixelCount }
        var blank = BlankPixels()
        blank.background = field.width - processed.pixelCount + count(runs.background)
        blank.outside = count(runs.outside)
        blank.unreadable = count(runs.unreadable)
        blank.uncovered = count(runs.uncovered)
        return MaskBand(rows: strip.rows, white: runs.white.intersection(processed), blank: blank)
    }
}

/// The pixels of a row of cells by their contents.
private struct ContentRuns {
    private(set) var white = [Range<Int>]()
    private(set) var background = [Range<Int>]()
    private(set) var outside = [Range<Int>]()
    private(set) var unreadable = [Range<Int>]()
    private(set) var uncovered = [Range<Int>]()

    init(_ field: ProbabilityField, row: Int, threshold: Double) {
        for (pixels, content) in zip(field.columns, field.contents(ofRow: row)) {
            switch content {
            case .average(let average): if average > threshold { white.appendPixels(pixels) }
            case .background: background.appendPixels(pixels)
            case .outside: outside.appendPixels(pixels)
            case .unreadable: unreadable.appendPixels(pixels)
            case .uncovered: uncovered.appendPixels(pixels)
            }
        }
    }
}

/// Counts of the pixels of a mask.
package struct MaskSummary: Equatable, Sendable {
    package let width: Int
    package let height: Int
    package private(set) var nuclei = 0
    package private(set) var noNuclei = 0
    /// Black pixels about which nothing is known. With the two others they are all pixels of the image.
    package private(set) var blank = BlankPixels()
    /// White pixels outside the processed area.
    package private(set) var overhang = 0

    /// Pixels of the processed area.
    package var processed: Int { width * height - blank.background - overhang }

    package init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

    package mutating func add(_ band: MaskBand) {
        nuclei += band.area
        blank.add(band.blank, times: band.rows.count)
        overhang += band.overhang * band.rows.count
        noNuclei += band.rows.count * (width - band.blank.total) - band.area
    }
}
