import Foundations

/// An image that is written once, row by row from the top.
///
/// The file appears under its name when `finish()` returns. A writer that fails or is released unfinished leaves no file.
/// A failure is final. A writer belongs to one thread at a time.
package protocol RowWriter: AnyObject {
    var path: FilePath { get }
    /// Pixels.
    var width: Int { get }
    var height: Int { get }
    /// Bytes of a row: width x channels x bytes per sample.
    var bytesPerRow: Int { get }
    /// Rows written so far.
    var nextRow: Int { get }
    /// Writes the first `count * bytesPerRow` bytes of `rows`. `count` is at most the number of rows left.
    func write(rows: RawSpan, count: Int) throws(FileError)
    /// Writes the next `count` rows of a gray image of 8 bits or of labels, which are alike: `runs` inside the row that do
    /// not overlap, and 0 elsewhere.
    func write(_ runs: [PixelRun], count: Int) throws(FileError)
    /// Completes the file after its last row. Call it once.
    func finish() throws(FileError)
}

/// Pixels of a row that have one value.
package struct PixelRun: Equatable, Sendable {
    package var pixels: Range<Int>
    package var value: UInt32

    package init(_ pixels: Range<Int>, value: UInt32) { (self.pixels, self.value) = (pixels, value) }
}

extension RowWriter {
    package func write(rows: UnsafeRawBufferPointer, count: Int) throws(FileError) {
        try write(rows: rows.bytes, count: count)
    }
}
