import Foundations

/// The metadata of a slide.
package struct SlideMetadata: Sendable {
    /// OpenSlide's name for the format, such as "aperio".
    package let vendor: String
    /// The picture in OpenSlide's level 0, where it lies on a larger, mostly empty glass. Then the levels below, and all
    /// coordinates of the program, begin at its corner, as in QuPath.
    package let bounds: PixelRegion?
    /// In order of decreasing resolution; at least one.
    package let levels: [SlideLevel]
    /// Microns per level-0 pixel; nil if unknown.
    package let micronsPerPixel: (x: Double, y: Double)?
    /// A resolution that the slide states and no microscope has; nil if there is none.
    package let implausibleResolution: String?
    /// 0xRRGGBB: the color of places without pixels.
    package let background: UInt32

    /// The level of a number; nil if there is none that can be used.
    package func level(_ index: Int) -> SlideLevel? { levels.first { $0.index == index } }
}

extension SlideMetadata {
    init(_ slide: OpenSlideHandle) throws(FileError) {
        vendor = slide.property("openslide.vendor") ?? "unknown"
        let levels = try slide.levels()
        let glass = PixelRegion(x: 0, y: 0, width: levels[0].width, height: levels[0].height)
        let bounds = slide.bounds.map { $0.intersection(glass) }.flatMap { $0.isEmpty || $0 == glass ? nil : $0 }
        self.bounds = bounds
        self.levels = bounds.map { bounds in levels.map { $0.cropped(to: bounds) } } ?? levels
        let stated = Self.resolution(slide, isGeneric: vendor == "generic-tiff")
        let isPlausible = stated.map { plausibleMicronsPerPixel ~= $0.x && plausibleMicronsPerPixel ~= $0.y } ?? true
        micronsPerPixel = isPlausible ? stated : nil
        implausibleResolution = isPlausible ? nil : stated.map { describeResolution($0) }
        background = slide.property("openslide.background-color").flatMap { UInt32($0, radix: 16) } ?? 0xFF_FFFF
    }

    /// Microns per pixel as the file states them. OpenSlide 3.4 does not understand the resolution of generic TIFF files in
    /// pixels per inch or centimeter, as version 4 does, and neither understands OME-XML.
    private static func resolution(_ slide: OpenSlideHandle, isGeneric: Bool) -> (x: Double, y: Double)? {
        func number(_ name: String) -> Double? { slide.property(name).flatMap { Double($0) } }
        if let x = number("openslide.mpp-x"), let y = number("openslide.mpp-y") { return (x, y) }
        guard isGeneric else { return nil }
        if let stated = slide.property("tiff.ImageDescription").flatMap({ TIFFDescription($0).micronsPerPixel }) {
            return stated
        }
        let microns = ["centimeter": 10_000.0, "inch": 25_400.0]
        guard let unit = slide.property("tiff.ResolutionUnit").flatMap({ microns[$0] }),
            let x = number("tiff.XResolution"), let y = number("tiff.YResolution")
        else { return nil }
        return (unit / x, unit / y)
    }

    /// Throws `malformed` where there is no such level.
    func requireLevel(_ index: Int, _ path: FilePath) throws(FileError) -> SlideLevel {
        guard let level = level(index) else {
            let numbers = levels.map { "\($0.index)" }
            throw FileError(
                path, expected: "a slide with a level \(index)",
                found: levels.count == 1
                    ? "level 0 only" : "levels \(numbers.dropLast().joined(separator: ", ")) and \(numbers.last!)")
        }
        return level
    }
}

/// Describes microns per pixel, with both axes where they differ: "0.5 x 0.25".
package func describeResolution(_ microns: (x: Double, y: Double)) -> String {
    let (x, y) = (String(microns.x, significantDigits: 4), String(microns.y, significantDigits: 4))
    return x == y ? x : "\(x) x \(y)"
}
