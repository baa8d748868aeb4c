import CImageCodecs
import Foundations

/// Rows of a PNG image of any kind.
///
/// 16-bit samples are scaled to 8, grey and palettes become RGB, transparency is composed over white. Profiles, gamma
/// and texts are ignored. An interlaced image is held whole, because its format demands it.
package final class PNGReader: RowReader {
    package let path: FilePath
    private let decoder: Decoder

    /// Reads the header. Throws `unreadable` or `malformed`; a header that promises more pixels than a file of this
    /// length can hold is malformed.
    package init(_ path: FilePath) throws(FileError) {
        self.path = path
        decoder = try Decoder(path, format: "PNG", open: cic_png_reader_open)
    }

    package var width: Int { decoder.width }
    package var height: Int { decoder.height }
    package var nextRow: Int { decoder.nextRow }

    package func readRows(into buffer: UnsafeMutableRawBufferPointer, count: Int) throws(FileError) {
        checkRequest(buffer, count)
        try decoder.read(into: buffer, count: count)
    }
}
