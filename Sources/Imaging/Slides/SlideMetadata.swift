import Foundations

/// One level of a slide's pyramid. Level 0 is the full resolution.
package struct SlideLevel: Equatable, Sendable {
    /// Pixels of this level.
    package let width: Int
    package let height: Int
    /// Level-0 pixels per pixel of this level.
    package let downsample: Double
}

/// The metadata of a slide.
package struct SlideMetadata: Sendable {
    /// OpenSlide's name for the format, such as "aperio".
    package let vendor: String
    /// In order of decreasing resolution; at least one.
    package let levels: [SlideLevel]
    /// Microns per level-0 pixel; nil if unknown.
    package let micronsPerPixel: (x: Double, y: Double)?
    /// 0xRRGGBB: the color of places without pixels.
    package let background: UInt32
}

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
            // As in OpenSlide 4, except for 100 pixels per centimeter or fewer: programs write such values by default.
            micronsPerPixel = (10_000 / x, 10_000 / y)
        } else {
            micronsPerPixel = nil
        }
        background = slide.property("openslide.background-color").flatMap { UInt32($0, radix: 16) } ?? 0xFF_FFFF
    }

    /// Throws `malformed` where there is no such level.
    func requireLevel(_ level: Int, _ path: FilePath) throws(FileError) {
        guard levels.indices.contains(level) else {
            throw FileError(
                path, expected: "a slide with a level \(level)", found: "levels 0 to \(levels.count - 1)")
        }
    }
}
