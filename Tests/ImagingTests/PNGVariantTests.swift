import Imaging
import Testing

/// Every kind of PNG becomes 8-bit RGB.
@Suite struct PNGVariantTests {
    struct Variant: CustomTestStringConvertible, Sendable {
        let type: PNGMaker.ColorType
        let depth: Int
        let interlaced: Bool
        let transparent: Bool
        var testDescription: String {
            "\(type) \(depth)\(interlaced ? " interlaced" : "")\(transparent ? " tRNS" : "")"
        }
    }

    static let variants: [Variant] = PNGMaker.ColorType.allCases.flatMap { type in
        type.depths.flatMap { depth in
            [false, true].flatMap { interlaced in
                [false, true].compactMap { transparent in
                    if transparent, type == .grayAlpha || type == .rgba { return nil }
                    return Variant(type: type, depth: depth, interlaced: interlaced, transparent: transparent)
                }
            }
        }
    }

    private static func maker(_ variant: Variant, _ width: Int, _ height: Int) -> PNGMaker {
        let mask = 1 << variant.depth - 1
        var maker = PNGMaker(
            width: width, height: height, type: variant.type, depth: variant.depth, interlaced: variant.interlaced
        ) { x, y, channel in (x * 7919 + y * 104_729 + channel * 31337) & mask }
        if variant.type == .palette {
            maker.palette = (0...mask).flatMap { [UInt8($0 * 255 / mask), UInt8($0 * 100 / mask), 77] }
            if variant.transparent { maker.transparency = (0...mask).map { UInt8(255 - $0 * 200 / mask) } }
        } else if variant.transparent {
            // The color of the pixel at (1, 1).
            maker.transparency = (0..<variant.type.samples).flatMap { c -> [UInt8] in
                let value = (7919 + 104_729 + c * 31337) & mask
                return [UInt8(value >> 8), UInt8(value & 255)]
            }
        }
        return maker
    }

    /// Reference: one pixel by the rules of the specification.
    private static func expected(_ maker: PNGMaker, _ x: Int, _ y: Int) -> [Double] {
        let raw = (0..<maker.type.samples).map { maker.sample(x, y, $0) }
        let largest = Double(1 << maker.depth - 1)
        let scaled = raw.map { Double($0) / largest * 255 }
        var alpha = 255.0
        var color: [Double]
        switch maker.type {
        case .palette:
            color = (0..<3).map { Double(maker.palette[3 * raw[0] + $0]) }
            if !maker.transparency.isEmpty { alpha = Double(maker.transparency[raw[0]]) }
        case .gray, .grayAlpha:
            color = [scaled[0], scaled[0], scaled[0]]
        case .rgb, .rgba:
            color = Array(scaled.prefix(3))
        }
        switch maker.type {
        case .grayAlpha: alpha = scaled[1]
        case .rgba: alpha = scaled[3]
        case .gray, .rgb:
            let key = (0..<raw.count).flatMap { [UInt8(raw[$0] >> 8), UInt8(raw[$0] & 255)] }
            if key == maker.transparency { alpha = 0 }
        case .palette: break
        }
        return color.map { ($0 * alpha + 255 * (255 - alpha)) / 255 }
    }

    @Test(arguments: variants) func decodes(_ variant: Variant) throws {
        let folder = try TemporaryFolder()
        for (width, height) in [(13, 11), (1, 1), (3, 2), (40, 9)] {
            let maker = Self.maker(variant, width, height)
            let path = try folder.file("\(width).png", maker.bytes)
            let image = try RGBImage(decoding: path)
            try #require(image.width == width && image.height == height)
            // Samples and alphas are rounded to 8 bits, and then their composition is rounded.
            let tolerance = variant.depth == 16 ? 1.5 : 0.51
            for y in 0..<height {
                for x in 0..<width {
                    let pixel = (0..<3).map { Double(image.pixels[(y * width + x) * 3 + $0]) }
                    let twin = Self.expected(maker, x, y)
                    let worst = zip(pixel, twin).map { abs($0 - $1) }.max()!
                    try #require(worst <= tolerance, "x \(x), y \(y) of \(width) x \(height): \(pixel), not \(twin)")
                }
            }
            let pieces = try readAll(try PNGReader(path), rowsAtATime: [1, 3, 2])
            #expect(pieces == image.pixels)
        }
    }

    /// Transparency is composed, not discarded.
    @Test func transparencyIsComposedOverWhite() throws {
        let folder = try TemporaryFolder()
        let samples = [10, 100, 200, 128]
        let maker = PNGMaker(width: 1, height: 1, type: .rgba, depth: 8) { _, _, c in samples[c] }
        let image = try RGBImage(decoding: folder.file("a.png", maker.bytes))
        #expect(image.pixels == [132, 177, 227])
    }

    @Test func profilesAndTextsAreIgnored() throws {
        let folder = try TemporaryFolder()
        let bytes = PNGMaker(width: 1, height: 1, type: .gray, depth: 8) { _, _, _ in 100 }.bytes
        let extra =
            PNGMaker.chunk("gAMA", bigEndian(100_000)) + PNGMaker.chunk("iCCP", [1, 2, 3])
            + PNGMaker.chunk("tEXt", Array("no separator".utf8)) + PNGMaker.chunk("quIz", [9])
        let path = try folder.file("a.png", Array(bytes[..<33]) + extra + Array(bytes[33...]))
        #expect(try RGBImage(decoding: path).pixels == [100, 100, 100])
    }

    @Test func checksumsOfChunksThatAreIgnoredDoNotMatter() throws {
        let folder = try TemporaryFolder()
        func bytes(_ chunk: [UInt8], at place: Int) -> [UInt8] {
            let maker = PNGMaker(width: 1, height: 1, type: .gray, depth: 8) { _, _, _ in 100 }
            let whole = maker.bytes
            let start = place < 0 ? whole.count + place : place
            return Array(whole[..<start]) + chunk.dropLast() + [chunk.last! ^ 1] + Array(whole[start...])
        }
        for name in ["gAMA", "iCCP", "tEXt", "pHYs", "eXIf", "quIz"] {
            for place in [33, -12] {
                let path = try folder.file("a.png", bytes(PNGMaker.chunk(name, Array("a\0b".utf8)), at: place))
                #expect(try RGBImage(decoding: path).pixels == [100, 100, 100], "\(name) at \(place)")
            }
        }
        let transparency = try folder.file("t.png", bytes(PNGMaker.chunk("tRNS", [0, 100]), at: 33))
        #expect(
            decodingProblem(transparency)
                == "expected an intact PNG image, found damage in its header (tRNS: CRC error)")
    }
}
