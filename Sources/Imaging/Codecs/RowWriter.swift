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
    /// Completes the file after its last row. Call it once.
    func finish() throws(FileError)
}

extension RowWriter {
    package func write(rows: UnsafeRawBufferPointer, count: Int) throws(FileError) {
        try write(rows: rows.bytes, count: count)
    }
}
