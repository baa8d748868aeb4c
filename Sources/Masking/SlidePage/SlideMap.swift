import FoundationEssentials
import Foundations
import Imaging

/// Mean probabilities of windows on a grid over an image, for a page.
package struct SlideMap: Encodable {
    /// Values of cells without a probability, and the first value of those with one: 3 is 0, 255 is 1.
    static let (unknown, unreadable, withoutTissue, first) = (UInt8(0), UInt8(1), UInt8(2), 3)
    private static let mostCells = 1 << 20

    let columns: Int
    let rows: Int
    /// A byte for each cell, by row, then column.
    let values: Data

    /// Reads the table of windows of an image. Each cell has the mean of the predicted windows over its center.
    ///
    /// Cells are about `stride` pixels wide, or wider where there would be too many. Those with the center outside of
    /// `tissue` have none. Throws `malformed` where it is another table.
    package init(_ path: FilePath, _ tissue: TissueMap?, width: Int, height: Int, stride: Double) throws(FileError) {
        var side = max(1, stride)
        while Double(width) / side * (Double(height) / side) > Double(Self.mostCells) { side *= 2 }
        columns = max(1, Int((Double(width) / side).rounded(.up)))
        rows = max(1, Int((Double(height) / side).rounded(.up)))
        var sums = [Float](repeating: 0, count: columns * rows)
        var counts = [Int32](repeating: 0, count: columns * rows)
        var values = [UInt8](repeating: Self.unknown, count: columns * rows)
        let file = try FileBytes(path)
        var lines = file.bytes.split(separator: UInt8(ascii: "\n")).makeIterator()
        let expected = "the table of windows that --csv writes"
        let header = lines.next().map { String(decoding: $0, as: UTF8.self) } ?? ""
        let headers = WindowColumns.allCases.map(\.header) + [WindowColumns.all.header + WindowColumns.disagreement]
        guard headers.contains(header) else {
            throw FileError(path, expected: expected, found: "the header \(header.prefix(80))")
        }
        let count = header.split(separator: ",").count
        while let line = lines.next() {
            let cells = String(decoding: line, as: UTF8.self).split(separator: ",", omittingEmptySubsequences: false)
            let place = cells.prefix(4).compactMap { Int32($0).map { Int($0) } }
            let probability = cells.dropFirst(4).first.flatMap { Float($0) }
            guard cells.count == count, place.count == 4, place[2] > 0, place[3] > 0,
                probability.map({ 0...1 ~= $0 }) ?? cells[4].isEmpty
            else {
                throw FileError(path, expected: expected, found: String(decoding: line.prefix(80), as: UTF8.self))
            }
            let (x, y, w, h) = (place[0], place[1], place[2], place[3])
            let state: UInt8 =
                switch cells.dropFirst(5).first {
                case "unreadable": Self.unreadable
                case "background": Self.withoutTissue
                default: Self.unknown
                }
            let across = Self.cells(x..<x + w, of: columns, width)
            for row in Self.cells(y..<y + h, of: rows, height) {
                for column in across {
                    let cell = row * columns + column
                    if let probability {
                        sums[cell] += probability
                        counts[cell] += 1
                    } else if state != Self.unknown, values[cell] != Self.unreadable {
                        values[cell] = state
                    }
                }
            }
        }
        for cell in values.indices where counts[cell] > 0 {
            let mean = min(sums[cell] / Float(counts[cell]), 1)
            values[cell] = UInt8(Self.first + Int((mean * Float(255 - Self.first)).rounded()))
        }
        var area = ProcessedRows(tissue, width: width, height: height)
        for row in 0..<rows where tissue != nil {
            let processed = area.columns(ofRow: min((2 * row + 1) * height / (2 * rows), height - 1)).columns
            for column in 0..<columns {
                let x = (2 * column + 1) * width / (2 * columns)
                if !processed.contains(where: { $0.contains(x) }) {
                    values[row * columns + column] = Self.withoutTissue
                }
            }
        }
        self.values = Data(values)
        withExtendedLifetime(file) {}
    }

    /// The cells whose centers are in a range of pixels, of `count` cells on an axis of `length` pixels.
    private static func cells(_ pixels: Range<Int>, of count: Int, _ length: Int) -> Range<Int> {
        func place(_ pixel: Int) -> Int {
            let cell = (Double(pixel) * Double(count) / Double(length) - 0.5).rounded(.up)
            return Int(min(max(cell, 0), Double(count)))
        }
        return place(pixels.lowerBound)..<place(pixels.upperBound)
    }
}
