import CImageCodecs
import Foundations

/// A reader of RGB rows as a `RowReader`.
package class ImageDecoder: CodecReader, RowReader {
    package var micronsPerPixel: (x: Double, y: Double)? { nil }
    package var remark: String? { nil }

    package func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError) {
        checkRequest(rows, count)
        if count == 0 { return }
        try rows.withUnsafeMutableBytes { bytes throws(FileError) in
            try decode(into: bytes.baseAddress!, count: count)
        }
    }
}

/// A PNG image of any kind.
///
/// 16-bit samples are scaled to 8 bits, gray and palettes become RGB, and transparency is composed over white. Profiles,
/// gamma and texts are ignored, also where they are damaged. An interlaced image is held in memory whole.
package final class PNGReader: ImageDecoder {
    /// Reads the header. Throws `unreadable` or `malformed`; a header that promises more pixels than a file of this
    /// length can hold is malformed.
    package init(_ path: FilePath) throws(FileError) {
        try super.init(path, format: "PNG", open: cic_png_reader_open)
    }
}

/// A JPEG image with 8-bit samples: gray, YCbCr, RGB, CMYK or YCCK.
///
/// Color profiles are ignored, and pixels are used as they are stored, whatever the Exif orientation. Damage that libjpeg
/// would paint over is an error. A progressive image is held in memory whole, up to 2 GiB.
package final class JPEGReader: ImageDecoder {
    /// Reads the header. With `halving`, rows have half the width and height, rounded up: fewer coefficients are
    /// transformed, which gives nearly the means of 2 x 2 pixels. Throws `unreadable` or `malformed`.
    package init(_ path: FilePath, halving: Bool = false) throws(FileError) {
        try super.init(path, format: "JPEG", open: halving ? cic_jpeg_reader_open_halved : cic_jpeg_reader_open)
    }

    package override var remark: String? {
        let orientation = cic_jpeg_reader_orientation(reader)
        return orientation == 1
            ? nil : "read as it is stored, not turned: the Exif orientation \(orientation) is not applied"
    }
}
