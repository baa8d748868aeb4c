import CImageCodecs
import Foundations

/// Rows of 8 bits a sample to a PNG file, which may have fewer.
package final class PNGWriter: RowWriter {
    package enum Channels: Int, Sendable {
        /// Meant for masks: packed for long runs of equal pixels and equal rows.
        case grey = 1
        case rgb = 3
    }

    package static let largestSide = Int(Int32.max)

    package let path: FilePath
    private let encoder: Encoder

    /// `bits` of a grey sample in the file are 8, or 1: rows have 8 all the same, and any sample but 0 is white.
    /// `compressionLevel` is zlib's, 0 (none) to 9. Up to 3 the encoder looks for runs only: many times faster than 6
    /// and hardly larger, for masks and tissue alike. Throws `unwritable`.
    package init(
        path: FilePath, width: Int, height: Int, channels: Channels, bits: Int = 8, compressionLevel: Int = 3
    ) throws(FileError) {
        precondition(bits == 8 || bits == 1 && channels == .grey, "\(bits) bits")
        precondition((0...9).contains(compressionLevel), "compression level \(compressionLevel)")
        self.path = path
        encoder = try Encoder(
            path, format: "PNG", largestSide: Self.largestSide, width: width, height: height,
            bytesPerPixel: channels.rawValue
        ) {
            cic_png_writer_open(
                $0, $1, Int32(width), Int32(height), Int32(channels.rawValue), Int32(bits), Int32(compressionLevel))
        }
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
