import CImageCodecs
import Foundations

/// Writes rows as a tiled BigTIFF file with a pyramid, which OpenSlide, QuPath and libvips read.
///
/// Each level halves the sides of the one above, rounded up, until one tile holds the level or a side is below 16 px. Its
/// pixels are means of 2 x 2, or one of 2 x 2 labels. No tile is larger than its level, except where a side is below
/// 16 px: OpenSlide 3.4 with libtiff 4.5.1 or later (and Debian's 4.5.0) reads garbage from larger tiles.
///
/// Memory is one band of tiles per level, about `2 * tile * bytesPerRow`. Lower levels are kept in scratch files in the
/// folder of the destination.
package final class TIFFWriter: ImageEncoder {
    package enum Samples: Sendable {
        /// 8 bits.
        case gray
        /// 3 x 8 bits.
        case rgb
        /// A 32-bit float in the machine's byte order; NaN marks missing values.
        case float
        /// The number of an object in 32 bits, in the machine's byte order; 0 for none.
        case label
    }

    package enum Compression: Sendable {
        case deflate
        case lzw
        /// Without chroma subsampling; `quality` is libjpeg's, 1 to 100.
        case jpeg(quality: Int)
    }

    /// Metadata of a file.
    package struct Properties: Sendable {
        /// Microns per pixel at full resolution; nil if unknown.
        package var micronsPerPixel: (x: Double, y: Double)?
        /// The ImageDescription tag.
        package var description = ""
        /// The Software tag.
        package var software = ""
        /// The name of the channel, or of the color of RGB. With a name, the ImageDescription is OME-XML with the
        /// description inside, and the file is OME-TIFF as well.
        package var channel = ""

        package init(micronsPerPixel: (x: Double, y: Double)? = nil, description: String = "", software: String = "") {
            self.micronsPerPixel = micronsPerPixel
            self.description = description
            self.software = software
        }
    }

    package static let largestSide = Int(Int32.max)

    private let scratch: [ScratchFile]

    /// `tile` is a multiple of 16. `threads` share the encoding of gray images and labels with deflate, at most 16 of
    /// them; `run` makes their calls, by default on threads of its own. Throws `unwritable`.
    package init(
        path: FilePath, width: Int, height: Int, samples: Samples, compression: Compression = .deflate, tile: Int = 256,
        properties: Properties = Properties(), threads: Int = 1, run: ConcurrentRun? = nil
    ) throws(FileError) {
        precondition(tile >= 16 && tile % 16 == 0 && tile <= 4096, "tile \(tile)")
        var format = cic_tiff_format()
        format.channels = samples == .rgb ? 3 : 1
        format.sample_bytes = samples == .float || samples == .label ? 4 : 1
        format.has_labels = samples == .label
        format.tile = Int32(tile)
        format.microns_per_pixel_x = properties.micronsPerPixel?.x ?? 0
        format.microns_per_pixel_y = properties.micronsPerPixel?.y ?? 0
        switch compression {
        case .deflate: format.compression = .deflate
        case .lzw: format.compression = .lzw
        case .jpeg(let quality):
            precondition((1...100).contains(quality) && format.sample_bytes == 1, "JPEG of quality \(quality)")
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
        format.names_levels = !properties.channel.isEmpty
        let text =
            properties.channel.isEmpty
            ? properties.description : properties.omeXML(width: width, height: height, samples: samples)
        let descriptors = scratch.map(\.fileDescriptor)
        var workers = cic_workers(count: Int32(max(1, threads)), run: run ?? runConcurrently)
        try super.init(
            path, format: "TIFF", largestSide: Self.largestSide, width: width, height: height,
            bytesPerPixel: Int(format.channels * format.sample_bytes)
        ) { writer, file in
            text.withCString { description in
                properties.software.withCString { software in
                    format.description = description
                    format.software = software
                    return cic_tiff_writer_open(writer, file, descriptors, &format, &workers)
                }
            }
        }
    }
}

/// A C function that calls `body` with each of 0 ..< count and `context`, at the same time where possible, and waits for
/// all calls.
package typealias ConcurrentRun =
    @convention(c) (
        _ count: Int32, _ body: ConcurrentCall.Body?, _ context: UnsafeMutableRawPointer?
    ) -> Void

/// The arguments of a `ConcurrentRun`, whose caller makes concurrent use of the context safe.
package struct ConcurrentCall: @unchecked Sendable {
    package typealias Body = @convention(c) (Int32, UnsafeMutableRawPointer?) -> Void

    private let body: Body
    private let context: UnsafeMutableRawPointer?

    package init(_ body: Body?, _ context: UnsafeMutableRawPointer?) {
        (self.body, self.context) = (body!, context)
    }

    package func callAsFunction(_ index: Int) { body(Int32(index), context) }
}

/// `performConcurrently` for C.
private func runConcurrently(count: Int32, body: ConcurrentCall.Body?, context: UnsafeMutableRawPointer?) {
    let call = ConcurrentCall(body, context)
    performConcurrently(Int(count)) { call($0) }
}
