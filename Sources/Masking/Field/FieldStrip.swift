import Imaging

/// Rows of pixels of a field that have the same cells and the same processed pixels.
package struct FieldStrip: Equatable, Sendable {
    /// Rows of the image.
    package let rows: Range<Int>
    /// Row of cells.
    package let row: Int
    /// Processed pixels of each row, as ascending ranges that do not touch.
    package let processed: [Range<Int>]
}

/// The strips of a field, from top to bottom without gaps.
package struct FieldStrips: Sequence, IteratorProtocol {
    private let rows: [Range<Int>]
    private var area: ProcessedRows
    private var processed = [Range<Int>]()
    /// The end of the rows with these processed pixels.
    private var end = 0
    private var row = 0
    private var y = 0

    init(_ field: ProbabilityField) {
        rows = field.rows
        area = ProcessedRows(field.tissue, width: field.width, height: field.height)
    }

    package mutating func next() -> FieldStrip? {
        while row < rows.count, rows[row].upperBound <= y { row += 1 }
        guard row < rows.count else { return nil }
        if y >= end { (processed, end) = area.columns(ofRow: y) }
        let start = y
        y = Swift.min(end, rows[row].upperBound)
        return FieldStrip(rows: start..<y, row: row, processed: processed)
    }
}

extension TissueMap {
    /// The share of the pixels of an image of a size that are processed.
    func processedShare(width: Int, height: Int) -> Double {
        var (rows, y, pixels) = (ProcessedRows(self, width: width, height: height), 0, 0)
        while y < height {
            let (columns, end) = rows.columns(ofRow: y)
            pixels += columns.pixelCount * (end - y)
            y = end
        }
        return Double(pixels) / (Double(width) * Double(height))
    }
}

/// The processed pixels of an image, read from top to bottom: those inside the outline of its tissue, else those of its
/// tissue cells, else all.
struct ProcessedRows {
    private let tissue: TissueMap?
    private var outline: PixelOutline.Rows?
    private let width: Int
    private let height: Int
    private var cell = 0

    init(_ tissue: TissueMap?, width: Int, height: Int) {
        (self.tissue, self.width, self.height) = (tissue, width, height)
        outline = tissue?.outline.map(PixelOutline.Rows.init)
    }

    /// The processed pixels of a row, and the end of the rows that have the same. Rows of successive calls ascend.
    mutating func columns(ofRow y: Int) -> (columns: [Range<Int>], end: Int) {
        if let found = outline?.columns(ofRow: y) { return found }
        guard let tissue else { return ([0..<width], height) }
        let rows = WindowAxis.Scale(image: height, laid: tissue.height)
        let columns = WindowAxis.Scale(image: width, laid: tissue.width)
        while rows.imageEdge(cell + 1) <= y { cell += 1 }
        let runs = tissue.runs(ofRow: cell).map {
            columns.imageEdge($0.lowerBound)..<columns.imageEdge($0.upperBound)
        }
        return (runs, rows.imageEdge(cell + 1))
    }
}
