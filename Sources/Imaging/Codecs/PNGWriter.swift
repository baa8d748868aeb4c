import CImageCodecs
import Foundations

/// Writes rows of samples as a PNG file, with 1, 8 or 16 bits per sample in the file.
package final class PNGWriter: ImageEncoder {
    package enum Channels: Int, Sendable {
        /// Compressed for masks: long runs of equal pixels and equal rows.
        case gray = 1
        case rgb = 3
    }

    package static let largestSide = Int(Int32.max)

    /// `bits` per sample in the file are 8, or 1 or 16 for gray. With 1, rows have bytes, and every one but 0 becomes white;
    /// with 16, rows have `UInt16` samples.
    /// `compressionLevel` is zlib's, 0 (none) to 9. Up to 3 the encoder looks for runs only: many times faster than 6,
    /// with hardly larger files for masks and tissue. `software` is the text of that name, in ASCII. Throws `unwritable`.
    package init(
        path: FilePath, width: Int, height: Int, channels: Channels, bits: Int = 8, compressionLevel: Int = 3,
        software: String = ""
    ) throws(FileError) {
        precondition(bits == 8 || [1, 16].contains(bits) && channels == .gray, "\(bits) bits")
        precondition((0...9).contains(compressionLevel), "compression level \(compressionLevel)")
        try super.init(
            path, format: "PNG", largestSide: Self.largestSide, width: width, height: height,
            bytesPerPixel: channels.rawValue * (bits == 16 ? 2 : 1)
        ) {
            cic_png_writer_open(
                $0, $1, Int32(width), Int32(height), Int32(channels.rawValue), Int32(bits), Int32(compressionLevel),
                software)
        }
    }
}
