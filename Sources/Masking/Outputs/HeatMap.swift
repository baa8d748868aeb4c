import Foundations
import Imaging

/// Probabilities as colours over a picture.
package enum HeatMap {
    /// How opaque a probability of 1 is; lower ones are in proportion, so that tissue without nuclei shows as it is.
    static let opacity = 0.4

    /// Colours from a probability of 0 to 1, equally far apart, straight lines between them: blue to yellow over grey
    /// green, ever lighter, which every kind of colour vision can order (the idea of cividis: Nuñez, Anderton and
    /// Renslow 2018).
    static let stops: [[Double]] = [
        [0, 45, 120], [55, 85, 125], [110, 125, 120], [175, 170, 95], [255, 230, 50],
    ]

    /// The colour of a probability, red, green and blue in 0 ... 255.
    package static func colour(of probability: Double) -> [Double] {
        let place = min(max(probability, 0), 1) * Double(stops.count - 1)
        let index = min(Int(place), stops.count - 2)
        let share = place - Double(index)
        return zip(stops[index], stops[index + 1]).map { $0 + ($1 - $0) * share }
    }

    /// Writes a picture of the field's image, at its size or smaller, with the colours over it. Places without a
    /// probability stay as they are. `afterRow` is told how many rows are done; it may throw to stop.
    package static func write(
        _ field: ProbabilityField, over picture: any RowReader, to writer: any RowWriter,
        afterRow: (Int) throws -> Void
    ) throws {
        precondition(picture.width == writer.width && picture.height == writer.height)
        let (width, height) = (picture.width, picture.height)
        let columns = centres(width, of: field.width, cells: field.columns)
        let rows = centres(height, of: field.height, cells: field.rows)
        // A colour and its opacity in thousandths for each of 256 steps of probability, and none.
        let table = (0...255).map { step -> (colour: [Int], opacity: Int) in
            let probability = Double(step) / 255
            return (colour(of: probability).map { Int($0.rounded()) }, Int((opacity * probability * 1000).rounded()))
        }
        var line = [UInt8](repeating: 0, count: width * 3)
        var (current, steps) = (-1, [Int]())
        for y in 0..<height {
            if rows[y] != current {
                current = rows[y]
                let cells = field.averages(ofRow: current).map { $0.map { Int((min(max($0, 0), 1) * 255).rounded()) } }
                steps = columns.map { cells[$0] ?? -1 }
            }
            try line.withUnsafeMutableBytes { bytes in
                try picture.readRows(into: bytes, count: 1)
                for x in 0..<width where steps[x] >= 0 {
                    let (colour, opacity) = table[steps[x]]
                    for channel in 0..<3 {
                        let mixed = Int(bytes[3 * x + channel]) * (1000 - opacity) + colour[channel] * opacity
                        bytes[3 * x + channel] = UInt8((mixed + 500) / 1000)
                    }
                }
                try writer.write(rows: UnsafeRawBufferPointer(bytes), count: 1)
            }
            try afterRow(y + 1)
        }
        try writer.finish()
    }

    /// The cell under the middle of each of `count` pixels that an axis of `length` level-0 pixels is shown with.
    private static func centres(_ count: Int, of length: Int, cells: [Range<Int>]) -> [Int] {
        var cell = 0
        return (0..<count).map { index in
            let pixel = (2 * index + 1) * length / (2 * count)
            while cells[cell].upperBound <= pixel { cell += 1 }
            return cell
        }
    }
}
