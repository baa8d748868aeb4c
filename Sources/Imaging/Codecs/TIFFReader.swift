import CImageCodecs
import Foundations

/// A TIFF image in strips or tiles: gray, palette, RGB, CMYK, or YCbCr with JPEG compression, with 1 to 16 bits per sample
/// and any compression that libtiff has.
///
/// Samples are scaled to 8 bits by their range, which may be less than all bits (MaxSampleValue, SMaxSampleValue). Alpha
/// is composed over white. The image is turned upright as its orientation says; it is then held in memory whole, like a
/// row of tiles, up to 2 GiB. Pages after the first are ignored, but a stack of gray pages is an error.
package final class TIFFReader: ImageDecoder {
    /// Reads the header. Throws `unreadable` or `malformed`.
    package init(_ path: FilePath) throws(FileError) {
        try super.init(path, format: "TIFF", open: cic_tiff_reader_open)
    }

    /// The tags of a TIFF file; nil where libtiff cannot read them.
    static func header(_ path: FilePath) throws(FileError) -> cic_tiff_header? {
        let file = try openForReading(path)
        defer { try? file.close() }
        var header = cic_tiff_header()
        return cic_tiff_read_header(&header, file.rawValue) == .ok ? header : nil
    }

    private var header: cic_tiff_header { cic_tiff_reader_header(reader).pointee }

    /// Of OME-XML, ImageJ, or the resolution tags.
    package override var micronsPerPixel: (x: Double, y: Double)? {
        let header = header
        let description = TIFFDescription(String(cString: cic_tiff_reader_description(reader)))
        let unit = description.isImageJ ? description.unitInMicrons : [2: 25_400, 3: 10_000][header.resolution_unit]
        let tags = unit.map { (x: $0 / header.resolution_x, y: $0 / header.resolution_y) }
        guard let stored = description.micronsPerPixel ?? tags, plausibleMicronsPerPixel ~= stored.x,
            plausibleMicronsPerPixel ~= stored.y
        else { return nil }
        return header.orientation >= 5 ? (stored.y, stored.x) : stored
    }

    package override var remark: String? {
        header.orientation == 1 ? nil : "turned upright, as its TIFF orientation \(header.orientation) says"
    }
}

extension cic_tiff_header {
    /// Whether a tiled image without the tags of a scanner is read better by `TIFFReader` than by OpenSlide: OpenSlide
    /// decodes tiles of more than 4096 px, and tiles larger than its cache, again for every band of rows; it reads tiles
    /// larger than the image wrongly; and it does not apply the range of samples.
    var isCrop: Bool {
        let (tileWidth, tileHeight) = (Int(tile_width), Int(tile_height))
        let (width, height) = (Int(width), Int(height))
        guard tileWidth > 0, tileHeight > 0, width > 0, bits > 0, samples > 0 else { return false }
        let across = (width + tileWidth - 1) / tileWidth
        let (largestSide, largestRow) = (1 << 12, 1 << 30)
        guard tileWidth <= largestRow, tileHeight <= largestRow / tileWidth,
            across * tileWidth * tileHeight <= largestRow / Int(samples) / max(1, Int(bits) / 8)
        else { return false }
        let isOneTile = tileWidth >= width && tileHeight >= height
        return max(tileWidth, tileHeight) > largestSide || tileWidth > width || tileHeight > height
            || isOneTile && tileWidth * tileHeight > largestSide * largestSide / 4
            || bits == 16 && largest_value < 65_535
    }
}

/// The description tag of a TIFF image: OME-XML, ImageJ's properties, or any other text.
struct TIFFDescription {
    private let text: String

    init(_ text: String) { self.text = text }

    var isImageJ: Bool { text.hasPrefix("ImageJ=") }

    /// Microns of the unit of an ImageJ image; nil where the unit is not a length.
    var unitInMicrons: Double? {
        let unit = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("unit=") }?.dropFirst(5)
        return unit.flatMap { Self.microns[$0.lowercased()] }
    }

    /// The physical size of a pixel in the first image of OME-XML; nil where it is not stated.
    var micronsPerPixel: (x: Double, y: Double)? {
        guard let start = text.firstRange(of: "<Pixels"), let end = text[start.upperBound...].firstIndex(of: ">") else {
            return nil
        }
        let element = text[start.upperBound..<end]
        func attribute(_ name: String) -> Substring? {
            element.firstRange(of: "\(name)=\"").map { element[$0.upperBound...].prefix { $0 != "\"" } }
        }
        func size(_ axis: String) -> Double? {
            guard let value = attribute("PhysicalSize\(axis)").flatMap({ Double($0) }) else { return nil }
            // The default of the schema is a micron.
            guard let unit = attribute("PhysicalSize\(axis)Unit") else { return value }
            return Self.microns[unit.lowercased()].map { $0 * value }
        }
        guard let x = size("X"), let y = size("Y") else { return nil }
        return (x, y)
    }

    /// Both signs of micro are in use, also escaped, or in an encoding that is not UTF-8.
    private static let microns = [
        "nm": 0.001, "nanometer": 0.001, "um": 1, "\u{B5}m": 1, "\u{3BC}m": 1, "\\u00b5m": 1, "&#181;m": 1,
        "&#xb5;m": 1,
        "\u{FFFD}m": 1, "micron": 1, "microns": 1, "micrometer": 1, "mm": 1000, "millimeter": 1000, "cm": 10_000,
        "centimeter": 10_000,
        "inch": 25_400,
    ]
}
