import Imaging

/// How many of the sampled pixels of windows are brighter than a tenth of the range. In H&E images nearly all are, unless
/// their samples have fewer bits than their file states, such as those of a 12-bit camera in 16 bits.
package struct BrightnessSample: Equatable, Sendable {
    package private(set) var pixels = 0
    package private(set) var bright = 0

    package init(pixels: Int = 0, bright: Int = 0) { (self.pixels, self.bright) = (pixels, bright) }

    static func += (sum: inout BrightnessSample, other: BrightnessSample) {
        sum.pixels += other.pixels
        sum.bright += other.bright
    }

    /// Samples per side of a window.
    private static let side = 16
    private static let tenth = 25

    /// Adds samples of a window inside a block.
    mutating func add(_ window: PixelRegion, of block: PixelBlock) {
        let bytes = block.bytes
        for row in 0..<Self.side {
            for column in 0..<Self.side {
                let y = window.y - block.region.y + row * window.height / Self.side
                let x = window.x - block.region.x + column * window.width / Self.side
                let place = y * block.bytesPerRow + 3 * x
                pixels += 1
                if bytes[place..<place + 3].contains(where: { $0 > Self.tenth }) { bright += 1 }
            }
        }
    }

    /// Whether less than one pixel in a thousand is bright.
    package var isDark: Bool { pixels > 0 && bright * 1000 < pixels }
}
