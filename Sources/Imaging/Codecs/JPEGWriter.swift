import CImageCodecs
import Foundations

/// Writes 8-bit RGB rows as a baseline JPEG file without chroma subsampling, at most 65,500 px a side.
package final class JPEGWriter: ImageEncoder {
    package static let largestSide = 65500

    /// `quality` is libjpeg's, 1 to 100. `software` is the comment. Throws `unwritable`.
    package init(
        path: FilePath, width: Int, height: Int, quality: Int = 90, software: String = ""
    ) throws(FileError) {
        precondition((1...100).contains(quality), "quality \(quality)")
        try super.init(
            path, format: "JPEG", largestSide: Self.largestSide, width: width, height: height, bytesPerPixel: 3
        ) { cic_jpeg_writer_open($0, $1, Int32(width), Int32(height), Int32(quality), software) }
    }
}
