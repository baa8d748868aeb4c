import Foundations

/// Rows of a smaller image, each pixel the area-weighted mean of the pixels that it covers.
///
/// Exact for any ratio: weights are the lengths of overlap in units of 1 / (input size * output size), sums are
/// integers, and the mean is rounded half up. The input is read as the output is asked for; only one input row and the
/// sums of two output rows are held. Rows of the input that were read before count as missing: wrap a fresh reader.
package final class DownsamplingReader: RowReader {
    package let width: Int
    package let height: Int
    package private(set) var nextRow = 0
    private let source: any RowReader

    /// The input columns that an output column covers: all of them weigh `width`, but the first and the last.
    private struct Span {
        var first: Int
        var last: Int
        var firstWeight: UInt64
        var lastWeight: UInt64
    }
    private let spans: [Span]
    /// One input row.
    private var row: [UInt8]
    /// One input row summed over the columns of each output pixel.
    private var columnSums: [UInt64]
    /// Weighted sums of `columnSums` for the output row at `nextRow`.
    private var sums: [UInt64]
    /// How much of the last input row read belongs to the next output row, of `height` in all.
    private var carriedWeight: UInt64 = 0

    /// `width` and `height` are at most the source's, and at least 1.
    package init(_ source: any RowReader, width: Int, height: Int) {
        precondition(source.nextRow == 0, "a fresh reader is needed")
        precondition((1...source.width).contains(width) && (1...source.height).contains(height), "cannot enlarge")
        // Sums reach 255 * input pixels.
        precondition(source.height <= (1 << 55) / source.width, "sums would overflow")
        self.source = source
        self.width = width
        self.height = height
        let inputWidth = source.width
        spans = (0..<width).map { column in
            let (start, end) = (column * inputWidth, (column + 1) * inputWidth)
            let (first, last) = (start / width, (end - 1) / width)
            return Span(
                first: first, last: last, firstWeight: UInt64(min(end, (first + 1) * width) - start),
                lastWeight: UInt64(end - last * width))
        }
        row = [UInt8](repeating: 0, count: 3 * inputWidth)
        columnSums = [UInt64](repeating: 0, count: 3 * width)
        sums = [UInt64](repeating: 0, count: 3 * width)
    }

    package var path: FilePath { source.path }

    package func readRows(into buffer: UnsafeMutableRawBufferPointer, count: Int) throws(FileError) {
        checkRequest(buffer, count)
        for index in 0..<count {
            try sumNextRow()
            let total = UInt64(source.width) * UInt64(source.height)
            for i in 0..<3 * width { buffer[index * bytesPerRow + i] = UInt8((sums[i] + total / 2) / total) }
            nextRow += 1
        }
    }

    /// Fills `sums` with the rows that the output row covers: the rest of the last input row read, then new ones.
    private func sumNextRow() throws(FileError) {
        for i in sums.indices { sums[i] = carriedWeight * columnSums[i] }
        var missing = UInt64(source.height) - carriedWeight
        carriedWeight = 0
        while missing > 0 {
            try row.withUnsafeMutableBufferPointer { (bytes) throws(FileError) in
                try source.readRows(into: UnsafeMutableRawBufferPointer(bytes), count: 1)
            }
            sumColumns()
            let weight = min(missing, UInt64(height))
            for i in sums.indices { sums[i] += weight * columnSums[i] }
            missing -= weight
            carriedWeight = UInt64(height) - weight
        }
    }

    private func sumColumns() {
        row.withUnsafeBufferPointer { row in
            for (column, span) in spans.enumerated() {
                var (red, green, blue): (UInt64, UInt64, UInt64) = (0, 0, 0)
                func add(_ x: Int, _ weight: UInt64) {
                    red += weight * UInt64(row[3 * x])
                    green += weight * UInt64(row[3 * x + 1])
                    blue += weight * UInt64(row[3 * x + 2])
                }
                for x in span.first..<span.last where x > span.first { add(x, 1) }
                (red, green, blue) = (red * UInt64(width), green * UInt64(width), blue * UInt64(width))
                add(span.first, span.firstWeight)
                if span.last > span.first { add(span.last, span.lastWeight) }
                columnSums[3 * column] = red
                columnSums[3 * column + 1] = green
                columnSums[3 * column + 2] = blue
            }
        }
    }
}
