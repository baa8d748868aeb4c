import Foundations

/// An image read once from top to bottom, as rows of 8-bit RGB, so that it need not be held whole.
///
/// A failure is final: every later read throws it again. A reader belongs to one thread at a time.
package protocol RowReader: AnyObject {
    var path: FilePath { get }
    /// Pixels.
    var width: Int { get }
    var height: Int { get }
    /// How many rows have been read.
    var nextRow: Int { get }
    /// Columns of the last row read that could not be decoded and are grey, ascending. Only slides have such, when they are
    /// opened for it.
    var unreadable: [Range<Int>] { get }
    /// Reads the next `count` rows, at most those that are left, into the first `count * width * 3` bytes of `buffer`.
    func readRows(into buffer: UnsafeMutableRawBufferPointer, count: Int) throws(FileError)
}

extension RowReader {
    package var bytesPerRow: Int { 3 * width }
    package var unreadable: [Range<Int>] { [] }

    /// Asking for more rows than there are, or for more than the buffer holds, is a mistake of the caller.
    func checkRequest(_ buffer: UnsafeMutableRawBufferPointer, _ count: Int) {
        precondition(count >= 0 && count <= height - nextRow, "\(count) rows asked for, \(height - nextRow) left")
        precondition(buffer.count >= count * bytesPerRow, "\(count) rows do not fit in \(buffer.count) bytes")
    }
}
