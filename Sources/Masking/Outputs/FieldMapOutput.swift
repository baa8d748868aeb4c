import Foundations
import Imaging

/// The mean probability of nuclei as a TIFF of floats, one pixel per step of the windows along each axis.
final class ProbabilityMapOutput: FieldMapOutput {
    override class var quantity: FieldMap.Quantity { .probability }
}

/// The variance of the probabilities of the windows over each place, by all models, as a TIFF of floats of the same size.
final class DisagreementMapOutput: FieldMapOutput {
    override class var quantity: FieldMap.Quantity { .variance }
    override class var needsOverlap: Bool { true }
}

/// A map of a field; subclasses choose the quantity.
class FieldMapOutput: MaskOutput {
    class var quantity: FieldMap.Quantity { .probability }
    class var needsOverlap: Bool { false }
    static var fileExtensions: [String] { ["tif", "tiff"] }

    /// Floats, and a third more for the smaller levels.
    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        4 * 4 / 3 * image.pixels / Double(image.stride * image.stride)
    }

    private let writer: TIFFWriter
    private let side: Int

    required init(_ path: FilePath, _ job: OutputJob) throws {
        side = job.strideAtFullResolution
        let size = FieldMap.size(width: job.image.width, height: job.image.height, side: side)
        writer = try TIFFWriter(
            path: path, width: size.width, height: size.height, samples: .float,
            properties: job.properties(FieldMap.description(of: Self.quantity, side: side), scale: side))
    }

    func write(_ windows: ProbabilityGrid, _ field: ProbabilityField, _ progress: OutputProgress) throws {
        try FieldMap(field, Self.quantity, side: side).write(to: writer) { try progress("map", $0, writer.height) }
    }

    func finish(_ results: inout MaskResults) throws { try writer.finish() }
}

/// A quantity over an image at lower resolution. Each pixel covers `side` x `side` level-0 pixels; the first starts in the
/// upper left corner, and those at the right and lower edge may extend beyond the image.
package struct FieldMap {
    package enum Quantity: String, Sendable {
        /// Mean probability of nuclei.
        case probability
        /// Variance of the probabilities of the windows over a place.
        case variance
    }

    private let field: ProbabilityField
    private let quantity: Quantity
    private let side: Int

    package init(_ field: ProbabilityField, _ quantity: Quantity, side: Int) {
        precondition(side >= 1)
        (self.field, self.quantity, self.side) = (field, quantity, side)
    }

    package static func size(width: Int, height: Int, side: Int) -> (width: Int, height: Int) {
        ((width - 1) / side + 1, (height - 1) / side + 1)
    }

    /// Writes the rows of the map as floats: the mean over the processed pixels of each square; NaN where none has a value.
    /// The writer has the size of the map. `afterRow` receives the number of rows written and may throw to cancel.
    package func write(to writer: any RowWriter, afterRow: (Int) throws -> Void = { _ in }) throws {
        let size = Self.size(width: field.width, height: field.height, side: side)
        precondition(writer.width == size.width && writer.height == size.height)
        var (sums, areas) = ([Double](repeating: 0, count: size.width), [Double](repeating: 0, count: size.width))
        var row: (index: Int, values: [Double?])?
        for strip in field.strips {
            if row?.index != strip.row { row = (strip.row, values(ofRow: strip.row)) }
            let (lineSums, lineAreas) = line(row!.values, strip.processed, count: size.width)
            let pixels = strip.rows
            for block in pixels.lowerBound / side...(pixels.upperBound - 1) / side {
                let end = min((block + 1) * side, field.height)
                let overlap = Double(pixels.clamped(to: block * side..<end).count)
                for x in 0..<size.width {
                    sums[x] += lineSums[x] * overlap
                    areas[x] += lineAreas[x] * overlap
                }
                guard pixels.upperBound >= end else { continue }
                let values = zip(sums, areas).map { sum, area in area > 0 ? Float(sum / area) : .nan }
                try writer.write(rows: values.span.bytes, count: 1)
                try afterRow(block + 1)
                for x in 0..<size.width { (sums[x], areas[x]) = (0, 0) }
            }
        }
    }

    /// The quantity in a row of cells.
    private func values(ofRow row: Int) -> [Double?] {
        quantity == .probability ? field.averages(ofRow: row) : field.moments(ofRow: row).map { $0?.variance }
    }

    /// Sums over one row of the image in each column of the map, and the number of pixels with a value.
    private func line(
        _ values: [Double?], _ processed: [Range<Int>], count: Int
    ) -> (sums: [Double], areas: [Double]) {
        var (sums, areas) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        var cell = 0
        for run in processed {
            while field.columns[cell].upperBound <= run.lowerBound { cell += 1 }
            var index = cell
            while index < values.count, field.columns[index].lowerBound < run.upperBound {
                if let value = values[index] {
                    let pixels = field.columns[index].clamped(to: run)
                    for block in pixels.lowerBound / side...(pixels.upperBound - 1) / side {
                        let overlap = Double(pixels.clamped(to: block * side..<(block + 1) * side).count)
                        sums[block] += value * overlap
                        areas[block] += overlap
                    }
                }
                index += 1
            }
        }
        return (sums, areas)
    }
}

extension FieldMap {
    /// The description in a map's file, as JSON: its quantity and the position of its pixels in level-0 pixels.
    package static func description(of quantity: Quantity, side: Int) -> String {
        let text = quantity == .probability ? "mean probability of nuclei" : "variance of the probability of nuclei"
        return "{\"quantity\": \"\(text)\", \"levelZeroPixelsPerPixel\": \(side), \"origin\": [0, 0]}"
    }
}
