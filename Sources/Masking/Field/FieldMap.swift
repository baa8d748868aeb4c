import Foundations
import Imaging

/// A number all over an image, at a lower resolution: pixels of `side` x `side` level-0 pixels from the upper left
/// corner on, of which those at the right and lower edge may reach beyond the image.
package struct FieldMap {
    package enum Quantity: String, Sendable {
        /// Mean probability of nuclei.
        case probability
        /// Variance of the probabilities of the windows over a place: where windows disagree.
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

    /// Writes the map to a writer of floats of its size: the mean over the pixels of each square, by area; not a number
    /// where no window is.
    package func write(to writer: any RowWriter) throws(FileError) {
        let size = Self.size(width: field.width, height: field.height, side: side)
        precondition(writer.width == size.width && writer.height == size.height)
        var (sums, areas) = ([Double](repeating: 0, count: size.width), [Double](repeating: 0, count: size.width))
        for row in field.rows.indices {
            let (lineSums, lineAreas) = line(row, count: size.width)
            let pixels = field.rows[row]
            for block in pixels.lowerBound / side...(pixels.upperBound - 1) / side {
                let end = min((block + 1) * side, field.height)
                let overlap = Double(pixels.clamped(to: block * side..<end).count)
                for x in 0..<size.width {
                    sums[x] += lineSums[x] * overlap
                    areas[x] += lineAreas[x] * overlap
                }
                guard pixels.upperBound >= end else { continue }
                let values = zip(sums, areas).map { sum, area in area > 0 ? Float(sum / area) : .nan }
                let result = values.withUnsafeBytes { bytes in
                    Result { () throws(FileError) in try writer.write(rows: bytes, count: 1) }
                }
                try result.get()
                for x in 0..<size.width { (sums[x], areas[x]) = (0, 0) }
            }
        }
        try writer.finish()
    }

    /// Sums over the pixels of one row of the image in each of the map's columns, and how many have a number.
    private func line(_ row: Int, count: Int) -> (sums: [Double], areas: [Double]) {
        var (sums, areas) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        let values: [Double?] =
            quantity == .probability ? field.averages(ofRow: row) : field.moments(ofRow: row).map { $0?.variance }
        for (pixels, value) in zip(field.columns, values) {
            guard let value else { continue }
            for block in pixels.lowerBound / side...(pixels.upperBound - 1) / side {
                let overlap = Double(pixels.clamped(to: block * side..<(block + 1) * side).count)
                sums[block] += value * overlap
                areas[block] += overlap
            }
        }
        return (sums, areas)
    }
}

extension FieldMap {
    /// What a map's file says of itself: the place of its pixels in level-0 pixels.
    package static func description(of quantity: Quantity, side: Int) -> String {
        let text = quantity == .probability ? "mean probability of nuclei" : "variance of the probability of nuclei"
        return "{\"quantity\": \"\(text)\", \"levelZeroPixelsPerPixel\": \(side), \"origin\": [0, 0]}"
    }
}
