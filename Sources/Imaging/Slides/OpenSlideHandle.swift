import CImageCodecs
import COpenSlide
import Foundations
import Foundation

/// Owns an open slide of OpenSlide, and asks for its error after every call: OpenSlide returns blanks once it failed.
final class OpenSlideHandle {
    let path: FilePath
    private let slide: OpaquePointer

    init(_ path: FilePath) throws(FileError) {
        silenceTIFF()
        close(try openForReading(path))
        guard let slide = openslide_open(path.string) else {
            throw FileError(path, expected: "a whole-slide image", found: "a file that OpenSlide does not recognise")
        }
        self.path = path
        self.slide = slide
        try check("at opening")
    }

    deinit { openslide_close(slide) }

    func property(_ name: String) -> String? {
        openslide_get_property_value(slide, name).map { String(cString: $0) }
    }

    /// In pixels; 256 x 256 where the slide does not say, or says something no decoder has.
    func tileSize(level: Int) -> (width: Int, height: Int) {
        func side(_ name: String) -> Int {
            let value = property("openslide.level[\(level)].tile-\(name)").flatMap { Int($0) } ?? 256
            return (1...4096).contains(value) ? value : 256
        }
        return (side("width"), side("height"))
    }

    func levels() throws(FileError) -> [SlideLevel] {
        var levels: [SlideLevel] = []
        for level in 0..<max(0, openslide_get_level_count(slide)) {
            var (width, height): (Int64, Int64) = (0, 0)
            openslide_get_level_dimensions(slide, level, &width, &height)
            let downsample = openslide_get_level_downsample(slide, level)
            try check("in its levels")
            guard width > 0, height > 0, downsample > 0 else {
                throw FileError(
                    path, expected: "a level \(level) of at least 1 x 1 px", found: "\(width) x \(height) px")
            }
            if let tile = tileThatIsReadWrongly(level: level, width: width, height: height) {
                if level > 0 { break }
                throw FileError(
                    path, expected: "a TIFF image of one tile at least, \(tile), as OpenSlide \(Self.version) needs",
                    found: "\(width) x \(height) px")
            }
            levels.append(SlideLevel(width: Int(width), height: Int(height), downsample: downsample))
        }
        return levels
    }

    /// The size of a level's tiles, in words, when the level is smaller: before version 4, OpenSlide returns for such a level
    /// of a TIFF image memory that nobody has written to, unless its tiles are colour JPEGs.
    private func tileThatIsReadWrongly(level: Int32, width: Int64, height: Int64) -> String? {
        func side(_ name: String) -> Int64 {
            property("openslide.level[\(level)].tile-\(name)").flatMap { Int64($0) } ?? 0
        }
        let tile = (width: side("width"), height: side("height"))
        guard Self.version.hasPrefix("3."), property("openslide.vendor") == "generic-tiff",
            width < tile.width || height < tile.height
        else { return nil }
        return "\(tile.width) x \(tile.height) px"
    }

    private static let version = String(cString: openslide_get_version())

    /// Reads premultiplied 0xAARRGGBB pixels. `x`, `y`, `width` and `height` are pixels of `level`.
    func readRegion(
        into pixels: UnsafeMutableBufferPointer<UInt32>, level: Int, downsample: Double, x: Int, y: Int, width: Int,
        height: Int
    ) throws(FileError) {
        precondition(pixels.count >= width * height)
        // OpenSlide wants the corner in level-0 pixels.
        let x0 = Int64((Double(x) * downsample).rounded())
        let y0 = Int64((Double(y) * downsample).rounded())
        openslide_read_region(slide, pixels.baseAddress, x0, y0, Int32(level), Int64(width), Int64(height))
        try check("at rows \(y) to \(y + height - 1) of level \(level)")
    }

    private func check(_ place: String) throws(FileError) {
        guard let message = openslide_get_error(slide) else { return }
        let text = String(cString: message).split(whereSeparator: \.isNewline).joined(separator: " ")
        throw FileError(path, expected: "an intact slide", found: "a read error \(place) (\(text))")
    }
}

/// What OpenSlide calls a file's format; nil when it cannot open it.
func slideVendor(_ path: FilePath) -> String? {
    silenceTIFF()
    return openslide_detect_vendor(path.string).map { String(cString: $0) }
}

/// libtiff prints what OpenSlide also reports as an error.
private func silenceTIFF() { _ = tiffIsSilent }

private let tiffIsSilent: Void = cic_tiff_silence()

extension SlideMetadata {
    init(_ slide: OpenSlideHandle) throws(FileError) {
        func number(_ name: String) -> Double? {
            slide.property(name).flatMap { Double($0) }.flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
        }
        vendor = slide.property("openslide.vendor") ?? "unknown"
        levels = try slide.levels()
        if let x = number("openslide.mpp-x"), let y = number("openslide.mpp-y") {
            micronsPerPixel = (x, y)
        } else if vendor == "generic-tiff", slide.property("tiff.ResolutionUnit") == "centimeter",
            let x = number("tiff.XResolution"), let y = number("tiff.YResolution"), min(x, y) > 100
        {
            // As OpenSlide 4 does it; but what shows a tenth of a millimetre or more a pixel is what programs write that do
            // not know.
            micronsPerPixel = (10_000 / x, 10_000 / y)
        } else {
            micronsPerPixel = nil
        }
        background = slide.property("openslide.background-color").flatMap { UInt32($0, radix: 16) } ?? 0xFF_FFFF
    }
}
