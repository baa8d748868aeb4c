import CImageCodecs
import Foundations

/// Rows to a tiled BigTIFF file with a pyramid, as OpenSlide, QuPath and libvips read it.
///
/// Each level has half the sides of the one above, rounded up, until one tile holds all or a side is below 16; its pixels
/// are means of four. No tile is larger than its level, but where a side is below 16: OpenSlide 3.4 with libtiff from
/// 4.5.1 on (and Debian's 4.5.0) reads rubbish there.
///
/// Memory is what one band of tiles of each level takes, about `2 * tile * bytesPerRow`; the lower levels wait in scratch
/// files beside the destination.
package final class TIFFWriter: RowWriter {
    package enum Samples: Sendable {
        /// 8 bits.
        case grey
        /// 8 bits each.
        case rgb
        /// One 32-bit number in the machine's order of bytes; not a number where there is none.
        case float
    }

    package enum Compression: Sendable {
        case deflate
        case lzw
        /// Without chroma subsampling; `quality` is libjpeg's, 1 to 100.
        case jpeg(quality: Int)
    }

    /// What a file says of itself.
    package struct Properties: Sendable {
        /// Microns per pixel of the full resolution; nil when not known.
        package var micronsPerPixel: (x: Double, y: Double)?
        /// For people and other programs.
        package var description = ""
        /// What wrote the file.
        package var software = ""

        package init(micronsPerPixel: (x: Double, y: Double)? = nil, description: String = "", software: String = "") {
            self.micronsPerPixel = micronsPerPixel
            self.description = description
            self.software = software
        }
    }

    package static let largestSide = Int(Int32.max)

    package let path: FilePath
    private let encoder: Encoder
    private let scratch: [ScratchFile]

    /// `tile` is a multiple of 16. Throws `unwritable`.
    package init(
        path: FilePath, width: Int, height: Int, samples: Samples, compression: Compression = .deflate, tile: Int = 256,
        properties: Properties = Properties()
    ) throws(FileError) {
        precondition(tile >= 16 && tile % 16 == 0 && tile <= 4096, "tile \(tile)")
        self.path = path
        var format = cic_tiff_format()
        format.channels = samples == .rgb ? 3 : 1
        format.sample_bytes = samples == .float ? 4 : 1
        format.tile = Int32(tile)
        format.microns_per_pixel_x = properties.micronsPerPixel?.x ?? 0
        format.microns_per_pixel_y = properties.micronsPerPixel?.y ?? 0
        switch compression {
        case .deflate: format.compression = .deflate
        case .lzw: format.compression = .lzw
        case .jpeg(let quality):
            precondition((1...100).contains(quality) && samples != .float, "JPEG of quality \(quality)")
            format.compression = .jpeg
            format.quality = Int32(quality)
        }
        let sides = 1...Self.largestSide
        var scratch = [ScratchFile]()
        if sides.contains(width), sides.contains(height) {
            format.width = Int32(width)
            format.height = Int32(height)
            for _ in 1..<cic_tiff_level_count(format.width, format.height, format.tile) {
                scratch.append(try ScratchFile(beside: path))
            }
        }
        self.scratch = scratch
        let descriptors = scratch.map(\.fileDescriptor)
        encoder = try Encoder(
            path, format: "TIFF", largestSide: Self.largestSide, width: width, height: height,
            bytesPerPixel: Int(format.channels * format.sample_bytes)
        ) { writer, file in
            properties.description.withCString { description in
                properties.software.withCString { software in
                    format.description = description
                    format.software = software
                    return cic_tiff_writer_open(writer, file, descriptors, &format)
                }
            }
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
