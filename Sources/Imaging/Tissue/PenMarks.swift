/// The pixels of a thumbnail that show pen marks, by their hue: no common stain is green or cyan, and those that are blue
/// or red are paler than ink.
package struct PenMarks {
    private var isPen: [Bool]

    /// Hues in degrees, and the smallest difference of the largest and the smallest channel of ink with such a hue. Pale
    /// casts of glass stay below the first, hematoxylin below the second, and eosin and blood below the third.
    private static let inks: [(hues: ClosedRange<Double>, saturation: Int)] = [
        (70...222, 30), (222...243, 100), (353...375, 140),
    ]
    /// The largest channel of a black mark, and the largest difference of its channels.
    private static let black = (brightest: 70, saturation: 16)

    init(_ image: RGBImage) {
        isPen = (0..<image.width * image.height).map { index in
            let pixel = SIMD3<Int>(
                Int(image.pixels[3 * index]), Int(image.pixels[3 * index + 1]), Int(image.pixels[3 * index + 2]))
            return Self.isColored(pixel) || Self.isBlack(pixel)
        }
        includeRims(image)
    }

    func covers(_ index: Int) -> Bool { isPen[index] }

    var share: Double { Double(isPen.count { $0 }) / Double(isPen.count) }

    /// Returns whether a color is that of green or cyan ink. Hematoxylin and eosin absorb green most: of the nuclei of four
    /// sources, 2 of 27,620 have such a mean color.
    package static func isGreenInk(_ color: SIMD3<Int>) -> Bool {
        color.y - color.x >= 8 && color.max() - color.min() >= inks[0].saturation
    }

    private static func isBlack(_ pixel: SIMD3<Int>) -> Bool {
        pixel.max() <= black.brightest && pixel.max() - pixel.min() <= black.saturation
    }

    private static func isColored(_ pixel: SIMD3<Int>) -> Bool {
        guard let hue = hue(pixel) else { return false }
        let saturation = pixel.max() - pixel.min()
        return inks.contains { saturation >= $0.saturation && ($0.hues ~= hue || $0.hues ~= hue + 360) }
    }

    /// Degrees; nil for gray.
    private static func hue(_ pixel: SIMD3<Int>) -> Double? {
        let (largest, range) = (pixel.max(), Double(pixel.max() - pixel.min()))
        if range == 0 { return nil }
        let (red, green, blue) = (Double(pixel.x), Double(pixel.y), Double(pixel.z))
        if pixel.x == largest { return (green - blue) / range * 60 + (green < blue ? 360 : 0) }
        return pixel.y == largest ? (blue - red) / range * 60 + 120 : (red - green) / range * 60 + 240
    }

    /// Adds the rims of marks, where a pixel shows mark and glass: neighbors that have a hue of pens, however pale, or no
    /// color but shade.
    private mutating func includeRims(_ image: RGBImage) {
        let marks = isPen
        for y in 0..<image.height {
            for x in 0..<image.width where marks[y * image.width + x] {
                for row in max(0, y - 2)...min(image.height - 1, y + 2) {
                    for column in max(0, x - 2)...min(image.width - 1, x + 2) {
                        let index = row * image.width + column
                        let pixel = SIMD3<Int>(
                            Int(image.pixels[3 * index]), Int(image.pixels[3 * index + 1]),
                            Int(image.pixels[3 * index + 2]))
                        let isPale = pixel.max() - pixel.min() < 12
                        if isPale || Self.inks[0].hues ~= Self.hue(pixel) ?? 0 { isPen[index] = true }
                    }
                }
            }
        }
    }
}
