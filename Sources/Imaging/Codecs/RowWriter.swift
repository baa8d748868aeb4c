import Foundations

/// An image written once from top to bottom, row by row.
///
/// The file appears under its name when `finish()` returns, or not at all: a writer that is released unfinished, or
/// that failed, leaves nothing behind. A failure is final. A writer belongs to one thread at a time.
package protocol RowWriter: AnyObject {
    var path: FilePath { get }
    /// Pixels.
    var width: Int { get }
    var height: Int { get }
    /// Bytes: pixels times channels times bytes a sample.
    var bytesPerRow: Int { get }
    /// How many rows have been written.
    var nextRow: Int { get }
    /// Writes the first `count * bytesPerRow` bytes of `rows`; `count` is at most the number of rows that are left.
    func write(rows: UnsafeRawBufferPointer, count: Int) throws(FileError)
    /// Completes the file after its last row. To be called once.
    func finish() throws(FileError)
}
