import Foundations

/// A smaller version of an image in rows. Each pixel is the area-weighted mean of the pixels it covers, rounded half up.
///
/// Exact for any ratio. Memory is one input row and the sums of two output rows.
package final class DownsamplingReader: RowReader {
    package let width: Int
    package let height: Int
    package private(set) var nextRow = 0
    private let source: any RowReader
    private let rowAxis: ResamplingAxis
    private let columns: ColumnSums
    /// The sum of the weights of all pixels of an output pixel.
    private let total: UInt64
    /// The last input row, and its sums over the columns of each output pixel.
    private var inputRow: [UInt8]
    private var columnSums: [UInt64]
    private var sums: RowSums

    /// `source` has read no row yet. `width` and `height` are 1 to the source's.
    package init(_ source: any RowReader, width: Int, height: Int) {
        precondition(source.nextRow == 0, "rows were read before")
        precondition((1...source.width).contains(width) && (1...source.height).contains(height), "cannot enlarge")
        // Sums reach 255 * input pixels.
        precondition(source.height <= (1 << 55) / source.width, "sums would overflow")
        self.source = source
        self.width = width
        self.height = height
        rowAxis = ResamplingAxis(source: source.height, target: height)
        columns = ColumnSums(ResamplingAxis(source: source.width, target: width), pixels: 0..<width)
        total = UInt64(source.width) * UInt64(source.height)
        inputRow = [UInt8](repeating: 0, count: source.bytesPerRow)
        columnSums = [UInt64](repeating: 0, count: columns.count)
        sums = RowSums(count: columns.count)
    }

    package var path: FilePath { source.path }

    package func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError) {
        checkRequest(rows, count)
        for index in 0..<count {
            try sumNextRow()
            sums.writeMeans(total, to: &rows, at: index * bytesPerRow)
            nextRow += 1
        }
    }

    /// Sums the input rows that the next output row covers. Its first input row may be the last one of the row before.
    private func sumNextRow() throws(FileError) {
        let weights = rowAxis.weights(nextRow)
        sums.clear()
        for index in 0..<weights.count {
            if weights.first + index == source.nextRow { try sumInputRow() }
            sums.add(columnSums.span, weight: weights[index])
        }
    }

    private func sumInputRow() throws(FileError) {
        try source.readRows(into: &inputRow, count: 1)
        let row = inputRow
        columns.sum(row.span, from: 0, into: &columnSums)
    }
}
