import Foundations
import Imaging
import TestSupport
import Testing

/// Files of the writers, decoded by the readers.
@Suite struct RoundTripTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: [0, 1, 3, 6, 9]) func pngColor(level: Int) throws {
        for (width, height) in [(1, 1), (7, 3), (300, 200)] {
            let image = pattern(width, height)
            let path = folder.file("a.png")
            try write(
                image.pixels,
                to: PNGWriter(path: path, width: width, height: height, channels: .rgb, compressionLevel: level),
                rowsAtATime: 17)
            #expect(difference(try RGBImage(decoding: path), image) == nil)
        }
        #expect(folder.names == ["a.png"])
    }

    @Test func pngGray() throws {
        let mask = (0..<90 * 70).map { UInt8($0 / 90 / 10 % 2 == $0 % 90 / 15 % 2 ? 255 : 0) }
        let path = folder.file("mask.png")
        try write(mask, to: PNGWriter(path: path, width: 90, height: 70, channels: .gray))
        #expect(try RGBImage(decoding: path).pixels == mask.flatMap { [$0, $0, $0] })
        #expect(try contents(path).count < 300)
    }

    @Test func pngOfSingleBits() throws {
        for width in [1, 7, 8, 9, 90] {
            let mask = (0..<width * 70).map { UInt8($0 / width / 10 % 2 == $0 % width / 3 % 2 ? 255 : 0) }
            let path = folder.file("mask.png")
            try write(mask, to: PNGWriter(path: path, width: width, height: 70, channels: .gray, bits: 1))
            #expect(try RGBImage(decoding: path).pixels == mask.flatMap { [$0, $0, $0] })
            // Bit depth and color type in the header.
            #expect(try Array(contents(path)[24...25]) == [1, 0])
        }
    }

    static let pngcheck = OutsideTool("pngcheck")

    @Test(.enabled(if: pngcheck != nil, "no pngcheck: install pngcheck"), arguments: [1, 8])
    func pngcheckFindsNothingWrong(_ bits: Int) throws {
        let mask = (0..<90 * 70).map { UInt8($0 / 90 / 10 % 2 == $0 % 90 / 15 % 2 ? 255 : 0) }
        let path = folder.file("mask.png")
        try write(mask, to: PNGWriter(path: path, width: 90, height: 70, channels: .gray, bits: bits))
        let tool = try #require(Self.pngcheck)
        let result = try tool.run(path.string)
        #expect(result.status == 0 && result.output.contains("90x70, \(bits)-bit grayscale"), "\(result)")
        #expect(try tool.run(folder.file("broken.png", contents(path).dropLast(20)).string).status != 0)
    }

    @Test func jpegColor() throws {
        for (width, height) in [(1, 1), (7, 3), (300, 200)] {
            var image = pattern(width, height)
            for i in stride(from: 2, to: image.pixels.count, by: 3) { image.pixels[i] = 128 }
            let path = folder.file("a.jpg")
            try write(image.pixels, to: JPEGWriter(path: path, width: width, height: height, quality: 95))
            let decoded = try RGBImage(decoding: path)
            #expect(difference(decoded, image, tolerance: 8) == nil)
            #expect(try readAll(JPEGReader(path), rowsAtATime: [5, 1]) == decoded.pixels)
        }
    }

    @Test func jpegAtHalfSize() throws {
        for (width, height) in [(1, 1), (7, 3), (300, 201)] {
            var image = pattern(width, height)
            for i in image.pixels.indices { image.pixels[i] = UInt8(60 + i / 3 % width / 4 + i / 3 / width / 3) }
            let path = folder.file("a.jpg")
            try write(image.pixels, to: JPEGWriter(path: path, width: width, height: height, quality: 95))
            let reader = try JPEGReader(path, halving: true)
            #expect(reader.width == (width + 1) / 2 && reader.height == (height + 1) / 2)
            let half = RGBImage(
                width: reader.width, height: reader.height, pixels: try readAll(reader, rowsAtATime: [5, 1]))
            let means = (0..<half.width * half.height * 3).map { i -> UInt8 in
                let (x, y) = (i / 3 % half.width * 2, i / 3 / half.width * 2)
                return image.pixels[(min(y, height - 1) * width + min(x, width - 1)) * 3]
            }
            #expect(
                difference(half, RGBImage(width: half.width, height: half.height, pixels: means), tolerance: 4) == nil)
        }
        let cut = try folder.file("cut.jpg", Array(contents(folder.file("a.jpg")).dropLast(700)))
        let error = fileError { _ = try readAll(JPEGReader(cut, halving: true), rowsAtATime: [1]) }
        #expect(error?.problem.hasPrefix("expected a whole JPEG image, found the end of the file at row ") == true)
        #expect(error?.problem.hasSuffix(" of 101") == true, "\(String(describing: error))")
    }

    @Test func extensionsSelectTheFormat() throws {
        for (name, signature): (String, [UInt8]) in [
            ("a.png", [0x89, 0x50]), ("a.PNG", [0x89, 0x50]), ("a.jpg", [0xFF, 0xD8]), ("a.JPEG", [0xFF, 0xD8]),
        ] {
            let image = pattern(4, 4)
            try write(image.pixels, to: openImageForWriting(folder.file(name), width: 4, height: 4))
            #expect(try contents(folder.file(name)).starts(with: signature))
        }
        for (name, found) in [("a.gif", ".gif"), ("png", "none")] {
            let path = folder.file(name)
            let error = fileError { _ = try openImageForWriting(path, width: 1, height: 1) }
            let problem = "expected the extension .png, .jpg or .jpeg, found \(found)"
            #expect(error == FileError(path, .unwritable, problem))
        }
    }

    @Test func extensionsSelectTheFormatOfMasks() throws {
        for (name, signature): (String, [UInt8]) in [
            ("m.png", [0x89, 0x50]), ("m.tif", [0x49, 0x49, 43]), ("m.TIFF", [0x49, 0x49, 43]),
        ] {
            try write([0, 255, 255, 0], to: openMaskForWriting(folder.file(name), width: 2, height: 2))
            #expect(try contents(folder.file(name)).starts(with: signature))
        }
        // A PNG that no viewer opens is refused; a pyramid of that size is not.
        let path = folder.file("wide.png")
        let error = fileError { _ = try openMaskForWriting(path, width: 65_536, height: 10) }
        #expect(error?.kind == .unwritable)
        #expect(
            error?.problem
                == "expected a PNG of at most 65535 px a side, beyond which viewers fail, found 65536 x 10 px; a "
                + ".tif pyramid has no such limit")
        _ = try openMaskForWriting(path, width: 65_535, height: 10)
        _ = try openMaskForWriting(folder.file("wide.tif"), width: 65_536, height: 10)
        let bitmap = fileError { _ = try openMaskForWriting(folder.file("m.bmp"), width: 1, height: 1) }
        #expect(bitmap?.problem == "expected the extension .png, .tif or .tiff, found .bmp")
    }

    @Test func sizesBeyondTheLimitsOfFormats() {
        let path = folder.file("a")
        let jpeg = fileError { _ = try JPEGWriter(path: path, width: 65501, height: 1) }
        #expect(
            jpeg?.description
                == "\(path): expected a JPEG image of 1 to 65500 px a side, found 65501 x 1 px to write")
        let png = fileError { _ = try PNGWriter(path: path, width: 1, height: 1 << 31, channels: .gray) }
        #expect(
            png?.problem == "expected a PNG image of 1 to 2147483647 px a side, found 1 x 2147483648 px to write")
        let empty = fileError { _ = try PNGWriter(path: path, width: 0, height: 1, channels: .gray) }
        #expect(empty?.kind == .unwritable)
        #expect(folder.names.isEmpty)
    }

    @Test func widestJPEG() throws {
        let image = RGBImage(width: 65500, height: 1, pixels: [UInt8](repeating: 90, count: 65500 * 3))
        let path = folder.file("a.jpg")
        try write(image.pixels, to: JPEGWriter(path: path, width: 65500, height: 1))
        #expect(difference(try RGBImage(decoding: path), image, tolerance: 1) == nil)
    }

    /// Exceeds libpng's default limit of a million pixels a side.
    @Test func tallPNG() throws {
        let pixels = (0..<1_200_000).map { UInt8($0 / 1000 & 255) }
        let path = folder.file("a.png")
        try write(
            pixels, to: PNGWriter(path: path, width: 1, height: pixels.count, channels: .gray), rowsAtATime: 65536)
        let image = try RGBImage(decoding: path)
        #expect(image.height == pixels.count)
        #expect((0..<pixels.count).allSatisfy { image.pixels[3 * $0] == pixels[$0] })
    }

    @Test func largeImagesAreNotDecodedWhole() throws {
        let path = folder.file("a.png")
        let width = 1 << 20
        let writer = try PNGWriter(path: path, width: width, height: 257, channels: .gray)
        let row = [UInt8](repeating: 0, count: width)
        for _ in 0..<257 { try writer.write(rows: row.span.bytes, count: 1) }
        try writer.finish()
        #expect(
            decodingProblem(path)
                == "expected an image of at most 268435456 px to hold in memory, found 1048576 x 257 px")
    }
}
