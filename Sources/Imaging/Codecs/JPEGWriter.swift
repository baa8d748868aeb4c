import CImageCodecs
import Foundations

/// Rows of 8-bit RGB to a baseline JPEG file without chroma subsampling, at most 65500 px a side.
package final class JPEGWriter: RowWriter {
    package static let largestSide = 65500

    package let path: FilePath
    private let encoder: Encoder

    /// `quality` is libjpeg's, 1 to 100. Throws `unwritable`.
    package init(path: FilePath, width: Int, height: Int, quality: Int = 90) throws(FileError) {
        precondition((1...100).contains(quality), "quality \(quality)")
        self.path = path
        encoder = try Encoder(
            path, format: "JPEG", largestSide: Self.largestSide, width: width, height: height, bytesPerPixel: 3
        ) { cic_jpeg_writer_open($0, $1, Int32(width), Int32(height), Int32(quality)) }
    }

    package var width: Int { encoder.width }
    package var height: Int { encoder.height }
    package var bytesPerRow: Int { encoder.bytesPerRow }
    package var nextRow: Int { encoder.nextRow }

    package func write(rows: UnsafeRawBufferPointer, count: Int) throws(FileError) {
        try encoder.write(rows, count: count)
    }

    package func finish() throws(FileError) { try encoder.finish() }
}
