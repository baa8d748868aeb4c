import CImageCodecs
import COpenSlide
import Foundations

/// An open slide of OpenSlide. Checks for an error after every call, because OpenSlide returns blanks after the first.
///
/// It may be used by several threads at a time, as OpenSlide allows.
final class OpenSlideHandle: @unchecked Sendable {
    let path: FilePath
    private let slide: OpaquePointer

    init(_ path: FilePath) throws(FileError) {
        silenceTIFF()
        // Refuses anything but a readable regular file.
        let file = try openForReading(path)
        defer { try? file.close() }
        try OpenSlideLibrary.require(for: path)
        try TIFFDirectoryCheck.check(path, file)
        guard let slide = path.withPlatformString({ openslide_open($0) }) else {
            throw FileError(path, expected: "a whole-slide image", found: "a file that OpenSlide does not recognize")
        }
        self.path = path
        self.slide = slide
        try check("at opening")
        try requireDescription()
    }

    deinit { openslide_close(slide) }

    /// The value of a property, or nil.
    func property(_ name: String) -> String? {
        openslide_get_property_value(slide, name).map { String(cString: $0) }
    }

    /// Throws `malformed` for a slide of a vendor whose XML OpenSlide cannot parse. OpenSlide opens it as a plain TIFF
    /// image: of the first picture, which may be a photograph of the glass, and without its resolution.
    private func requireDescription() throws(FileError) {
        guard property("openslide.vendor") == "generic-tiff" else { return }
        let isLeica = property("tiff.ImageDescription")?.contains("www.leica-microsystems.com/scn") ?? false
        let isPhilips = property("tiff.Software")?.hasPrefix("Philips") ?? false
        let vendor: String
        switch path.lowercasedExtension {
        case "scn": vendor = "Leica"
        case "bif": vendor = "Ventana"
        case _ where isLeica: vendor = "Leica"
        case _ where isPhilips: vendor = "Philips"
        default: return
        }
        throw FileError(
            path, expected: "a \(vendor) slide, with XML that describes its images", found: "none that can be parsed")
    }

    /// Tile size in pixels; 256 x 256 where the slide reports none or an implausible one.
    func tileSize(level: Int) -> (width: Int, height: Int) {
        func side(_ name: String) -> Int {
            let value = property("openslide.level[\(level)].tile-\(name)").flatMap { Int($0) } ?? 256
            return (1...4096).contains(value) ? value : 256
        }
        return (side("width"), side("height"))
    }

    /// The picture within level 0, where the slide states it.
    var bounds: PixelRegion? {
        func number(_ name: String) -> Int? { property("openslide.bounds-\(name)").flatMap { Int($0) } }
        guard let x = number("x"), let y = number("y"), let width = number("width"), let height = number("height"),
            [x, y, width, height].allSatisfy({ (0...Int(Int32.max)).contains($0) })
        else { return nil }
        return PixelRegion(x: x, y: y, width: width, height: height)
    }

    /// The levels that can be used, the full resolution first.
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
                if level > 0 { continue }
                throw FileError(
                    path, expected: "a TIFF image of one tile at least, \(tile), as OpenSlide before version 4 needs",
                    found: "\(width) x \(height) px")
            }
            let full = levels.first.map { ($0.width, $0.height) } ?? (Int(width), Int(height))
            let described = SlideLevel(
                index: Int(level), width: Int(width), height: Int(height), addressing: downsample,
                tile: tileSize(level: Int(level)), full: full)
            if let described { levels.append(described) }
        }
        guard !levels.isEmpty else { throw FileError(path, expected: "a slide with a level", found: "none") }
        return levels
    }

    /// Describes the tiles of a level that OpenSlide reads wrongly; nil for other levels. Where a level of a TIFF image is
    /// smaller than its tiles, OpenSlide before version 4 returns uninitialized memory, unless tiles are color JPEGs.
    private func tileThatIsReadWrongly(level: Int32, width: Int64, height: Int64) -> String? {
        func side(_ name: String) -> Int64 {
            property("openslide.level[\(level)].tile-\(name)").flatMap { Int64($0) } ?? 0
        }
        let tile = (width: side("width"), height: side("height"))
        guard OpenSlideLibrary.isBefore4, property("openslide.vendor") == "generic-tiff",
            width < tile.width || height < tile.height
        else { return nil }
        return "\(tile.width) x \(tile.height) px"
    }

    /// Reads premultiplied 0xAARRGGBB pixels of a level. `region` is in its pixels, `origin` in those of level 0.
    func readRegion(
        _ region: PixelRegion, of level: SlideLevel, origin: (x: Int, y: Int),
        into pixels: UnsafeMutableBufferPointer<UInt32>
    ) throws(FileError) {
        precondition(pixels.count >= region.width * region.height)
        // OpenSlide takes the corner in level-0 pixels.
        func place(_ origin: Int, _ pixels: Int) -> Int64 {
            // A corner of the picture is the same place in all levels, also where a level is padded.
            let start = Double(origin) * level.addressing / level.downsample
            return Int64((start + Double(pixels) * level.addressing).rounded())
        }
        openslide_read_region(
            slide, pixels.baseAddress, place(origin.x, region.x), place(origin.y, region.y), Int32(level.index),
            Int64(region.width), Int64(region.height))
        try check("at rows \(region.y) to \(region.bottom - 1) of level \(level.index)")
    }

    /// Throws OpenSlide's error, if any.
    private func check(_ place: String) throws(FileError) {
        guard let message = openslide_get_error(slide) else { return }
        let text = String(cString: message).split(whereSeparator: \.isNewline).joined(separator: " ")
        throw FileError(path, expected: "an intact slide", found: "a read error \(place) (\(text))")
    }
}

/// OpenSlide's name for the format of a file; nil for formats that it does not support, and if it cannot be loaded.
func slideVendor(_ path: FilePath) -> String? {
    guard OpenSlideLibrary.version != nil else { return nil }
    silenceTIFF()
    return path.withPlatformString { openslide_detect_vendor($0) }.map { String(cString: $0) }
}

/// Stops libtiff from printing errors that OpenSlide also reports.
private func silenceTIFF() { _ = tiffIsSilent }

private let tiffIsSilent: Void = cic_tiff_silence()
