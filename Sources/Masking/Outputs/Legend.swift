/// The strip below the panels of an overlay: a scale bar, and what the colors of the mask and of the overlay mean.
struct Legend {
    private static let red: [UInt8] = [255, 60, 60]
    /// Pixels of the picture for a pixel of the font.
    private let scale: Int
    let width: Int
    let height: Int
    /// Columns of the panel whose entries are drawn.
    private var area = 0..<0
    /// Interleaved 8-bit RGB, black on white.
    private(set) var pixels: [UInt8]

    /// `micronsPerPixel` is that of the panels; without it there is no scale bar.
    init(panel: (width: Int, height: Int), width: Int, starts: [Int], micronsPerPixel: Double?) {
        scale = Self.scale(panel)
        (self.width, height) = (width, Self.height(panel))
        pixels = [UInt8](repeating: 255, count: width * height * 3)
        area = starts[0]..<starts[0] + panel.width
        if let bar = micronsPerPixel.flatMap({ ScaleBar(micronsPerPixel: $0, longest: panel.width / 3) }),
            // Part of a number would be another one.
            bar.pixels + (4 + 6 * bar.label.count) * scale <= panel.width
        {
            fill(starts[0], line: 3, width: bar.pixels, height: 2, [0, 0, 0])
            draw(bar.label, at: starts[0] + bar.pixels + 4 * scale)
        }
        area = starts[1]..<starts[1] + panel.width
        let afterWhite = drawEntry("nuclei", at: starts[1], [255, 255, 255])
        _ = drawEntry("other", at: afterWhite, [0, 0, 0])
        area = starts[2]..<starts[2] + panel.width
        _ = drawEntry("nuclei", at: starts[2], Self.red)
    }

    static func height(_ panel: (width: Int, height: Int)) -> Int { 14 * scale(panel) }

    private static func scale(_ panel: (width: Int, height: Int)) -> Int {
        max(1, max(panel.width, panel.height) / 300)
    }

    /// Draws a framed square of a color and a word. Returns the place after them.
    private mutating func drawEntry(_ word: String, at x: Int, _ color: [UInt8]) -> Int {
        fill(x, line: 0, width: 8 * scale, height: 8, [0, 0, 0])
        fill(x + scale, line: 1, width: 6 * scale, height: 6, color)
        return draw(word, at: x + 11 * scale) + 8 * scale
    }

    /// Draws text; returns the place after it.
    @discardableResult
    private mutating func draw(_ text: String, at start: Int) -> Int {
        var x = start
        for character in text {
            for (line, bits) in (Self.font[character] ?? []).enumerated() {
                for column in 0..<5 where bits & (0b10000 >> UInt8(column)) != 0 {
                    fill(x + column * scale, line: line, width: scale, height: 1, [0, 0, 0])
                }
            }
            x += 6 * scale
        }
        return x
    }

    /// Fills a rectangle from a line of the text, as high as a number of lines. What lies outside of `area` is
    /// left out.
    private mutating func fill(_ x: Int, line: Int, width: Int, height: Int, _ color: [UInt8]) {
        for y in (line + 3) * scale..<(line + 3 + height) * scale {
            for x in (x..<x + width).clamped(to: area) {
                for channel in 0..<3 { pixels[(y * self.width + x) * 3 + channel] = color[channel] }
            }
        }
    }

    /// The characters that occur, as seven or eight lines of five pixels.
    private static let font: [Character: [UInt8]] = [
        "0": [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        "1": [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        "2": [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111],
        "5": [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
        "c": [0b00000, 0b00000, 0b01110, 0b10000, 0b10000, 0b10001, 0b01110],
        "e": [0b00000, 0b00000, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110],
        "h": [0b10000, 0b10000, 0b10110, 0b11001, 0b10001, 0b10001, 0b10001],
        "i": [0b00100, 0b00000, 0b01100, 0b00100, 0b00100, 0b00100, 0b01110],
        "l": [0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        "m": [0b00000, 0b00000, 0b11010, 0b10101, 0b10101, 0b10001, 0b10001],
        "n": [0b00000, 0b00000, 0b10110, 0b11001, 0b10001, 0b10001, 0b10001],
        "o": [0b00000, 0b00000, 0b01110, 0b10001, 0b10001, 0b10001, 0b01110],
        "r": [0b00000, 0b00000, 0b10110, 0b11001, 0b10000, 0b10000, 0b10000],
        "t": [0b01000, 0b01000, 0b11100, 0b01000, 0b01000, 0b01001, 0b00110],
        "u": [0b00000, 0b00000, 0b10001, 0b10001, 0b10001, 0b10011, 0b01101],
        "µ": [0b00000, 0b00000, 0b10001, 0b10001, 0b10001, 0b10011, 0b11101, 0b10000],
    ]
}

/// A bar of a round length.
struct ScaleBar {
    let pixels: Int
    /// "50 µm", "2 mm".
    let label: String

    /// The longest bar of 1, 2 or 5 times a power of ten microns that has at most `longest` pixels; nil if there is none
    /// with 8 pixels or more.
    init?(micronsPerPixel: Double, longest: Int) {
        let lengths = (0..<6).flatMap { power in [1, 2, 5].map { $0 * [1, 10, 100, 1000, 10_000, 100_000][power] } }
        guard micronsPerPixel > 0, micronsPerPixel.isFinite,
            let microns = lengths.last(where: { Double($0) / micronsPerPixel <= Double(longest) })
        else { return nil }
        pixels = Int((Double(microns) / micronsPerPixel).rounded())
        if pixels < 8 { return nil }
        label = microns >= 1000 ? "\(microns / 1000) mm" : "\(microns) µm"
    }
}
