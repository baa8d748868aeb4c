import Foundations
import Imaging
import Testing

@Suite struct SlideTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func pixel(_ x: Int, _ y: Int, _ channel: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: x * 7 + y * 13 + channel * 50)
    }

    private static func image(_ width: Int, _ height: Int) -> RGBImage {
        RGBImage(
            width: width, height: height,
            pixels: (0..<width * height * 3).map { pixel($0 / 3 % width, $0 / 3 / width, $0 % 3) })
    }

    private func slide(_ sizes: [(Int, Int)], tile: (Int, Int)) throws -> FilePath {
        let levels = sizes.map { TIFFMaker.Level(width: $0.0, height: $0.1, pixel: Self.pixel) }
        return try folder.file(
            "a.tif", TIFFMaker(levels: levels, tileWidth: tile.0, tileHeight: tile.1).bytes)
    }

    /// Tiles smaller than a band, nearly as large as the image, and more than one block of columns wide. (OpenSlide
    /// 3.4 reads garbage from a generic TIFF smaller than its tile with libtiff 4.5.1 or later, and Debian's 4.5.0.)
    @Test(arguments: [(100, 300, 32, 32), (70, 90, 64, 80), (4300, 150, 256, 144), (33, 513, 32, 256)])
    func pixelsOfEveryTile(_ size: (Int, Int, Int, Int)) throws {
        let path = try slide([(size.0, size.1)], tile: (size.2, size.3))
        let reader = try openImage(path)
        #expect(reader is SlideReader)
        let image = Self.image(size.0, size.1)
        #expect(difference(try RGBImage(reading: reader), image) == nil)
        #expect(try readAll(try SlideReader(Slide(path)), rowsAtATime: [1, 7, 129, 2]) == image.pixels)
    }

    @Test func levels() throws {
        let path = try slide([(200, 160), (100, 80)], tile: (32, 32))
        let reader = try SlideReader(Slide(path), level: 1)
        #expect(reader.metadata.vendor == "generic-tiff")
        #expect(reader.metadata.levels.map(\.width) == [200, 100])
        #expect(reader.metadata.levels.map(\.height) == [160, 80])
        #expect(reader.metadata.levels.map(\.downsample) == [1, 2])
        #expect(reader.metadata.micronsPerPixel == nil)
        #expect(reader.metadata.background == 0xFFFFFF)
        #expect(difference(try RGBImage(reading: reader), Self.image(100, 80)) == nil)
        #expect(
            fileError { _ = try SlideReader(Slide(path), level: 2) }
                == FileError(path, expected: "a slide with a level 2", found: "levels 0 and 1"))
    }

    @Test func composedOverTheBackground() {
        // Opaque, transparent, half red, and a color that is brighter than its alpha permits.
        let pixels: [UInt32] = [0xFF01_0203, 0, 0x8080_0000, 0xFEFF_FFFF]
        var rgb = [UInt8](repeating: 0, count: 12)
        var span = rgb.mutableSpan
        var bytes = span.mutableBytes
        composeRGB(&bytes, premultiplied: pixels.span, background: 0xF0E0D0)
        #expect(rgb == [1, 2, 3, 0xF0, 0xE0, 0xD0, 128 + 120, 112, 104, 255, 255, 255])
    }

    /// Opaque pixels are composed several at a time, others among them are not.
    @Test(arguments: 0...13) func opaquePixels(count: Int) {
        for transparent in -1..<count {
            let pixels = (0..<count).map { index in
                index == transparent ? UInt32(0) : 0xFF00_0000 | UInt32(index * 3 + 1) * 0x0001_0401
            }
            var rgb = [UInt8](repeating: 0, count: 3 * count)
            var span = rgb.mutableSpan
            var bytes = span.mutableBytes
            composeRGB(&bytes, premultiplied: pixels.span, background: 0xF0E0D0)
            let expected = (0..<count).flatMap { index -> [UInt8] in
                let value = UInt8(index * 3 + 1)
                return index == transparent ? [0xF0, 0xE0, 0xD0] : [value, 4 * value, value]
            }
            #expect(rgb == expected)
        }
    }

    @Test func averagesOfPairs() {
        let pixels: [UInt32] = [
            0xFF00_0001, 0xFF04_0001, 0xFF10_0000,
            0xFF08_0001, 0xFF0C_0003, 0xFF20_0000,
            0x8001_0000, 0x8002_0000, 0x0000_0007,
        ]
        var half = [UInt32](repeating: 0, count: 4)
        half.withUnsafeMutableBufferPointer { averagePairs(pixels.span, width: 3, height: 3, into: $0) }
        #expect(half == [0xFF06_0002, 0xFF18_0000, 0x8002_0000, 7])
    }

    @Test func notASlide() throws {
        let path = try folder.file("a.svs", Array("no slide at all".utf8))
        #expect(
            fileError { _ = try SlideReader(Slide(path)) }
                == FileError(path, expected: "a whole-slide image", found: "a file that OpenSlide does not recognize"))
    }

    /// The directory is intact, but a tile is missing: the read error is final.
    @Test func missingTile() throws {
        let width = 64
        // OpenSlide hashes the smallest level at opening, so that one must be intact.
        let levels = [512, 128].map { TIFFMaker.Level(width: width, height: $0, pixel: Self.pixel) }
        var bytes = TIFFMaker(levels: levels, tileWidth: 64, tileHeight: 128).bytes
        // The offset of the third of four tiles. The tiles precede the tables of offsets and lengths.
        let table = 8 + 4 * 64 * 128 * 3
        bytes.replaceSubrange(table + 8..<table + 12, with: [0, 0, 0, 0x7F])
        let path = try folder.file("a.tif", bytes)
        let reader = try SlideReader(Slide(path))
        var rows = [UInt8](repeating: 0, count: width * 3 * 256)
        try reader.readRows(into: &rows, count: 256)
        #expect(rows == Array(Self.image(width, 256).pixels))
        let error = fileError { try reader.readRows(into: &rows, count: 1) }
        #expect(
            error?.problem.hasPrefix(
                "expected an intact slide, found a read error at rows 256 to 383 of level 0 (") == true)
        #expect(fileError { try reader.readRows(into: &rows, count: 1) } == error)

        // With `.painted` the tile is gray and reported.
        let painted = try SlideReader(Slide(path), damage: .painted)
        var (lost, pixels) = ([Int](), [UInt8]())
        for y in 0..<512 {
            try painted.readRows(into: &rows, count: 1)
            pixels += rows[..<(width * 3)]
            if painted.unreadable == [0..<64] { lost.append(y) } else { #expect(painted.unreadable.isEmpty) }
        }
        #expect(lost == Array(256..<384))
        let whole = Self.image(width, 512).pixels
        #expect(pixels[..<(256 * 192)] == whole[..<(256 * 192)] && pixels[(384 * 192)...] == whole[(384 * 192)...])
        #expect(pixels[(256 * 192)..<(384 * 192)].allSatisfy { $0 == PixelBlock.unreadableGray })
    }

    /// OpenSlide before version 4 returns uninitialized memory for levels that are smaller than a tile.
    @Test func levelsSmallerThanATile() throws {
        let path = try slide([(200, 160), (100, 80), (50, 40)], tile: (32, 64))
        let usable = try SlideReader(Slide(path)).metadata.levels.map(\.width)
        #expect(usable == (OpenSlideLibrary.isBefore4 ? [200, 100] : [200, 100, 50]))
        for size in [(31, 100), (100, 63)] {
            let small = try slide([size], tile: (32, 64))
            guard OpenSlideLibrary.isBefore4 else {
                let image = try RGBImage(reading: SlideReader(Slide(small)))
                #expect(difference(image, Self.image(size.0, size.1)) == nil)
                continue
            }
            let error = fileError { _ = try SlideReader(Slide(small)) }
            #expect(error?.kind == .malformed)
            #expect(
                error?.problem
                    == "expected a TIFF image of one tile at least, 32 x 64 px, as OpenSlide before version 4 needs, "
                    + "found \(size.0) x \(size.1) px")
        }
    }

    /// Bands as high as the tiles would take 300 MB, so bands are half as high.
    @Test func wideSlidesAreReadInLowerBands() throws {
        let path = folder.file("wide.tif")
        let (width, height) = (400_000, 300)
        func row(_ y: Int) -> [UInt8] { (0..<width).map { UInt8(truncatingIfNeeded: $0 / 100 + y) } }
        let writer = try TIFFWriter(path: path, width: width, height: height, samples: .gray)
        for y in 0..<height { try row(y).withUnsafeBytes { try writer.write(rows: $0, count: 1) } }
        try writer.finish()
        let reader = try SlideReader(Slide(path))
        var line = [UInt8](repeating: 0, count: width * 3)
        for y in 0..<height {
            try reader.readRows(into: &line, count: 1)
            if y % 60 == 0 || y == 299 {
                try #require(stride(from: 0, to: line.count, by: 3).map { line[$0] } == row(y), "row \(y)")
            }
        }
    }

    @Test(.enabled(if: RealImages.folder != nil, RealImages.missing)) func aperio() throws {
        let path = try #require(RealImages.folder).appending("wsi/CMU-1-Small-Region.svs")
        let reader = try SlideReader(Slide(path))
        #expect(reader.width == 2220 && reader.height == 2967)
        #expect(reader.metadata.vendor == "aperio")
        let microns = try #require(reader.metadata.micronsPerPixel)
        #expect(abs(microns.x - 0.499) < 1e-9 && abs(microns.y - 0.499) < 1e-9)
        let whole = try readAll(openImage(path), rowsAtATime: [2967])
        #expect(try readAll(reader, rowsAtATime: [3, 241, 17]) == whole)
        let mean = whole.reduce(0) { $0 + Int($1) } / whole.count
        #expect((150..<250).contains(mean), "mean \(mean)")
    }

    @Test(.enabled(if: RealImages.folder != nil, RealImages.missing)) func jpeg2000Levels() throws {
        let path = try #require(RealImages.folder).appending("wsi/TCGA-CR-7395-01A-01-TS1.svs")
        let small = try SlideReader(Slide(path), level: 1)
        #expect(small.metadata.levels.map(\.width) == [4443, 2221])
        #expect(small.width == 2221 && small.height == 1783)
        let full = DownsamplingReader(try SlideReader(Slide(path)), width: 2221, height: 1783)
        let (a, b) = (try RGBImage(reading: small), try RGBImage(reading: full))
        let error = zip(a.pixels, b.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        #expect(Double(error) / Double(a.pixels.count) < 6, "the level shows what the full resolution shows")
    }
}
