import Foundations

/// An image that is read once from the top, as rows of 8-bit RGB.
///
/// A failure is final: every later read throws it again. A reader belongs to one thread at a time.
package protocol RowReader: AnyObject {
    var path: FilePath { get }
    /// Pixels.
    var width: Int { get }
    var height: Int { get }
    /// Rows read so far.
    var nextRow: Int { get }
    /// Microns per pixel that the file states; nil where it states none, or none that a microscope has.
    var micronsPerPixel: (x: Double, y: Double)? { get }
    /// A line about how the file is read that its user would not expect; nil where there is none.
    var remark: String? { get }
    /// Columns of the last row that could not be decoded and are gray, in ascending order. Only slides opened with
    /// `Damage.painted` have any.
    var unreadable: [Range<Int>] { get }
    /// Reads the next `count` rows, at most the number of rows left, into the first `count * width * 3` bytes of `rows`.
    func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError)
}

extension RowReader {
    package var bytesPerRow: Int { 3 * width }
    package var micronsPerPixel: (x: Double, y: Double)? { nil }
    package var remark: String? { nil }
    package var unreadable: [Range<Int>] { [] }

    package func readRows(into buffer: UnsafeMutableRawBufferPointer, count: Int) throws(FileError) {
        var rows = buffer.mutableBytes
        try readRows(into: &rows, count: count)
    }

    package func readRows(into rows: inout [UInt8], count: Int) throws(FileError) {
        var span = rows.mutableSpan
        var bytes = span.mutableBytes
        try readRows(into: &bytes, count: count)
    }

    /// Traps where a caller asks for more rows than are left or than the buffer holds.
    func checkRequest(_ rows: borrowing MutableRawSpan, _ count: Int) {
        precondition(count >= 0 && count <= height - nextRow, "\(count) rows requested, \(height - nextRow) left")
        precondition(rows.byteCount >= count * bytesPerRow, "a buffer is too small for \(count) rows")
    }
}
