import Foundations
import Imaging
import Testing

/// TIFF images that are not slides: strips, or tiles that OpenSlide reads wrongly or slowly.
@Suite struct PlainTIFFTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A value that differs between neighbors, for samples of some bits.
    private static func value(_ x: Int, _ y: Int, _ sample: Int, bits: Int = 8) -> Int {
        (x * 37 + y * 101 + sample * 71) & ((1 << bits) - 1)
    }

    private static func make(_ width: Int = 37, _ height: Int = 23) -> PlainTIFF {
        PlainTIFF(width: width, height: height) { Self.value($0, $1, $2) }
    }

    private func decode(_ maker: PlainTIFF) throws -> RGBImage {
        let path = try folder.file("a.tif", maker.bytes)
        let reader = try TIFFReader(path)
        let pixels = try readAll(reader, rowsAtATime: [1, 4, 2])
        return RGBImage(width: reader.width, height: reader.height, pixels: pixels)
    }

    /// The pixels that a function gives, as the red, green and blue of a position.
    private func expected(_ maker: PlainTIFF, _ color: (Int, Int) -> [Int]) -> RGBImage {
        var pixels = [UInt8]()
        for y in 0..<maker.height { for x in 0..<maker.width { pixels += color(x, y).map { UInt8($0) } } }
        return RGBImage(width: maker.width, height: maker.height, pixels: pixels)
    }

    @Test func everyLayout() throws {
        for compression in PlainTIFF.Compression.allCases {
            for variant in 0..<32 {
                var maker = Self.make()
                maker.compression = compression
                (maker.isBigEndian, maker.isBigTIFF) = (variant & 1 != 0, variant & 2 != 0)
                maker.isPlanar = variant & 4 != 0
                if variant & 8 != 0 { maker.tile = (16, 32) }
                maker.bits = variant & 16 != 0 ? 16 : 8
                if maker.bits == 16 { maker.sample = { Self.value($0, $1, $2) * 257 } }
                let image = expected(maker) { x, y in (0..<3).map { Self.value(x, y, $0) } }
                #expect(difference(try decode(maker), image) == nil, "\(compression) \(variant)")
            }
        }
    }

    @Test func grayOfEveryDepth() throws {
        for bits in [1, 2, 4, 8, 12, 16] {
            for photometric in [0, 1] {
                var maker = Self.make()
                (maker.samples, maker.bits, maker.photometric) = (1, bits, photometric)
                maker.sample = { Self.value($0, $1, $2, bits: bits) }
                let largest = (1 << bits) - 1
                let image = expected(maker) { x, y in
                    let value = (Self.value(x, y, 0, bits: bits) * 255 + largest / 2) / largest
                    return [Int](repeating: photometric == 0 ? 255 - value : value, count: 3)
                }
                #expect(difference(try decode(maker), image) == nil, "\(bits) bits, photometric \(photometric)")
            }
        }
    }

    @Test func palettes() throws {
        for scale in [1, 257] {
            var maker = Self.make()
            (maker.samples, maker.bits, maker.photometric) = (1, 4, 3)
            maker.sample = { Self.value($0, $1, $2, bits: 4) }
            maker.tags[320] = (0..<48).map { $0 * 5 * scale }
            let image = expected(maker) { x, y in (0..<3).map { (Self.value(x, y, 0, bits: 4) + 16 * $0) * 5 } }
            #expect(difference(try decode(maker), image) == nil, "scale \(scale)")
        }
    }

    @Test func alphaIsComposedOverWhite() throws {
        for isPlanar in [false, true] {
            for kind in [0, 1, 2] {
                var maker = Self.make()
                (maker.samples, maker.isPlanar, maker.tags[338]) = (4, isPlanar, [kind])
                maker.sample = { x, y, sample in sample == 3 ? 200 : Self.value(x, y, sample) % 200 }
                let image = expected(maker) { x, y in
                    (0..<3).map {
                        let color = Self.value(x, y, $0) % 200
                        return kind == 0 ? color : ((kind == 1 ? color * 255 : color * 200) + 255 * 55 + 127) / 255
                    }
                }
                #expect(difference(try decode(maker), image) == nil, "kind \(kind)")
            }
        }
    }

    @Test func inks() throws {
        var maker = Self.make()
        (maker.samples, maker.photometric) = (4, 5)
        let image = expected(maker) { x, y in
            (0..<3).map { ((255 - Self.value(x, y, $0)) * (255 - Self.value(x, y, 3)) + 127) / 255 }
        }
        #expect(difference(try decode(maker), image) == nil)
    }

    /// Cameras of 12 bits; the file states the range, or the largest value in the image.
    @Test func samplesAreScaledByTheirRange() throws {
        for (tag, stated) in [(281, 4095), (341, 4095), (281, 3000)] {
            var maker = Self.make()
            (maker.bits, maker.tags[tag]) = (16, tag == 281 ? [stated] : [stated, stated, stated])
            maker.sample = { Self.value($0, $1, $2) * 4095 / 255 }
            let image = expected(maker) { x, y in
                (0..<3).map { (Self.value(x, y, $0) * 4095 / 255 * 255 + 2047) / 4095 }
            }
            #expect(difference(try decode(maker), image) == nil, "tag \(tag)")
            maker.tile = (16, 16)
            #expect(try openImage(folder.file("t.tif", maker.bytes)) is TIFFReader, "OpenSlide has no such range")
        }
    }

    @Test func everyOrientation() throws {
        // The place of pixel (x, y) of an upright image of 3 x 2 px in the file.
        let places: [(Int, Int) -> (Int, Int)] = [
            { ($0, $1) }, { (2 - $0, $1) }, { (2 - $0, 1 - $1) }, { ($0, 1 - $1) },
            { ($1, $0) }, { ($1, 2 - $0) }, { (1 - $1, 2 - $0) }, { (1 - $1, $0) },
        ]
        for (index, place) in places.enumerated() {
            var maker = index < 4 ? Self.make(3, 2) : Self.make(2, 3)
            maker.tags[274] = [index + 1]
            var pixels = [UInt8]()
            for y in 0..<2 {
                for x in 0..<3 {
                    let stored = place(x, y)
                    pixels += (0..<3).map { UInt8(Self.value(stored.0, stored.1, $0)) }
                }
            }
            let image = RGBImage(width: 3, height: 2, pixels: pixels)
            #expect(difference(try decode(maker), image) == nil, "orientation \(index + 1)")
            let remark = try TIFFReader(folder.file("a.tif")).remark
            #expect(remark == (index == 0 ? nil : "turned upright, as its TIFF orientation \(index + 1) says"))
        }
    }

    @Test func jpegStrips() throws {
        let image = pattern(64, 48)
        let jpeg = folder.file("a.jpg")
        try write(image.pixels, to: openImageForWriting(jpeg, width: 64, height: 48))
        var maker = PlainTIFF(width: 64, height: 48) { _, _, _ in 0 }
        (maker.strip, maker.compressionTag, maker.photometric) = (try contents(jpeg), 7, 6)
        maker.tags[530] = [1, 1]
        #expect(difference(try decode(maker), try RGBImage(decoding: jpeg)) == nil)
        let whole = try contents(jpeg)
        maker.strip = Array(whole.dropLast(whole.count / 2))
        let problem = decodingProblem(try folder.file("cut.tif", maker.bytes))
        #expect(problem?.hasPrefix("expected an intact TIFF image, found damage at row ") == true, "\(problem ?? "")")
    }

    @Test func resolutions() throws {
        func size(_ change: (inout PlainTIFF) -> Void) throws -> [Double]? {
            var maker = Self.make()
            change(&maker)
            return try openImage(folder.file("a.tif", maker.bytes)).micronsPerPixel.map {
                [$0.x, $0.y].map { ($0 * 1e4).rounded() / 1e4 }
            }
        }
        #expect(try size { _ in } == nil)
        #expect(try size { ($0.rationals, $0.tags[296]) = ([282: 20_000, 283: 40_000], [3]) } == [0.5, 0.25])
        #expect(try size { ($0.rationals, $0.tags[296]) = ([282: 50_800, 283: 50_800], [2]) } == [0.5, 0.5])
        #expect(try size { $0.rationals = [282: 50_800, 283: 50_800] } == [0.5, 0.5], "inches by default")
        #expect(try size { ($0.rationals, $0.tags[296]) = ([282: 2, 283: 2], [1]) } == nil, "no unit")
        #expect(try size { $0.rationals = [282: 300, 283: 300] } == nil, "85 microns, a printer's")
        #expect(
            try size { ($0.rationals, $0.tags[274]) = ([282: 50_800, 283: 101_600], [6]) } == [0.25, 0.5], "turned")
        for (unit, size) in [("\u{B5}m", 0.25), ("nm", 250), ("mm", 0.00025)] {
            let xml = """
                <?xml version="1.0"?><OME><Image><Pixels ID="P" SizeX="37" PhysicalSizeX="\(size)"
                PhysicalSizeXUnit="\(unit)" PhysicalSizeY="\(size)" PhysicalSizeYUnit="\(unit)"><Channel/></Pixels>
                """
            #expect(try self.size(xml) == [0.25, 0.25], "\(unit)")
        }
        #expect(try self.size("<OME><Pixels PhysicalSizeX=\"0.5\" PhysicalSizeY=\"0.4\">") == [0.5, 0.4])
        #expect(
            try size { ($0.description, $0.rationals) = ("ImageJ=1.53\nunit=micron\n", [282: 4, 283: 2]) } == [
                0.25, 0.5,
            ])
        #expect(try size { ($0.description, $0.rationals) = ("ImageJ=1.53\n", [282: 4, 283: 4]) } == nil)
    }

    private func size(_ description: String) throws -> [Double]? {
        var maker = Self.make()
        maker.description = description
        return try TIFFReader(folder.file("d.tif", maker.bytes)).micronsPerPixel.map { [$0.x, $0.y] }
    }

    @Test func imagesThatCannotBeRead() throws {
        func problem(_ change: (inout PlainTIFF) -> Void) throws -> String {
            var maker = Self.make()
            change(&maker)
            return decodingProblem(try folder.file("bad.tif", maker.bytes)) ?? "none"
        }
        func refused(_ why: String) -> String { "cannot be decoded as a TIFF image (\(why))" }
        #expect(
            try problem { ($0.bits, $0.tags[339]) = (16, [3, 3, 3]) }
                == refused("floating-point samples of 16 bits; 1 to 16 bits without a sign are supported"))
        #expect(try problem { $0.compressionTag = 34712 } == refused("unknown compression, number 34712"))
        #expect(
            try problem { ($0.samples, $0.photometric) = (3, 1) } == refused("3 samples per pixel, which are not RGB"))
        #expect(
            try problem { ($0.samples, $0.photometric, $0.pages) = (1, 1, 3) }
                == refused("several gray pages"))
        #expect(
            try problem { ($0.samples, $0.photometric, $0.tags[338]) = (1, 1, [2]) }.contains("1 extra samples of 1"))
        #expect(try problem { $0.photometric = 8 } == refused("photometric interpretation 8"))
        #expect(try problem { $0.photometric = 6 } == refused("YCbCr without JPEG compression"))
        #expect(
            try problem { ($0.compression, $0.strip) = (.packBits, [UInt8](repeating: 0x81, count: 100)) }.hasPrefix(
                "expected an intact TIFF image, found damage at row 0"), "runs that do not end with a row")
        #expect(try problem { $0.pages = 3 } == "none", "the first page of several in color")
        #expect(
            try problem { ($0.height, $0.strip) = (1_000_000, [1, 2, 3, 4]) }.hasPrefix(
                "expected a whole TIFF image, found only "))
        #expect(
            try problem { ($0.compression, $0.strip) = (.deflate, [1, 2, 3, 4]) }.hasPrefix("expected an intact TIFF"))
    }

    @Test func slidesAndCrops() throws {
        func open(_ size: Int, tile: Int) throws -> any RowReader {
            let maker = TIFFMaker(
                levels: [.init(width: size, height: size) { UInt8(truncatingIfNeeded: $0 * $2 + $1) }],
                tileWidth: tile, tileHeight: tile)
            return try openImage(folder.file("s.tif", maker.bytes))
        }
        #expect(try open(256, tile: 64) is SlideReader)
        let small = try open(100, tile: 128)
        #expect(small is TIFFReader, "a tile that is larger than the image")
        let rows = try readAll(small, rowsAtATime: [100])
        #expect(rows[3 * 100 * 7 + 3 * 5 + 2] == 5 * 2 + 7)
        #expect(try open(2112, tile: 2112) is TIFFReader, "one tile that OpenSlide would decode again and again")
    }

    @Test func slidesThatAreTurned() throws {
        var maker = Self.make(64, 64)
        (maker.tile, maker.tags[274]) = ((32, 32), [3])
        let path = try folder.file("turned.tif", maker.bytes)
        #expect(
            fileError { _ = try openImage(path) }
                == FileError(
                    path, expected: "a slide that is stored upright (TIFF orientation 1)",
                    found: "orientation 3; convert it, for example with vips autorot"))
    }
}
