import CImageCodecs
import Foundations

/// Rows of a JPEG image: grey, YCbCr, RGB, CMYK or YCCK, 8 bits a sample.
///
/// Profiles and the orientation of Exif are ignored: pixels come as they are stored. Damage that libjpeg would paint
/// over is an error. A progressive image is held whole by libjpeg (up to 2 GiB).
package final class JPEGReader: RowReader {
    package let path: FilePath
    private let decoder: Decoder

    /// Reads the header. Throws `unreadable` or `malformed`.
    package init(_ path: FilePath) throws(FileError) {
        self.path = path
        decoder = try Decoder(path, format: "JPEG", open: cic_jpeg_reader_open)
    }

    package var width: Int { decoder.width }
    package var height: Int { decoder.height }
    package var nextRow: Int { decoder.nextRow }

    package func readRows(into buffer: UnsafeMutableRawBufferPointer, count: Int) throws(FileError) {
        checkRequest(buffer, count)
        try decoder.read(into: buffer, count: count)
    }
}
