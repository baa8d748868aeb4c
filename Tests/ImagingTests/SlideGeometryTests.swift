import Foundations
import Imaging
import Testing

/// Slides whose levels, bounds and resolutions are not those of a plain pyramid.
@Suite struct SlideGeometryTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Tissue at the lower right of glass, in pixels of the full resolution.
    private static func color(_ x: Int, _ y: Int, _ channel: Int) -> UInt8 {
        guard x >= 300, y >= 200 else { return 243 }
        return [180, 90, UInt8(120 + (x + y) / 40)][channel]
    }

    /// A level of the picture at a scale, padded with white.
    private static func level(_ width: Int, _ height: Int, scale: Int) -> TIFFMaker.Level {
        TIFFMaker.Level(width: width, height: height) { x, y, channel in
            x * scale < 600 && y * scale < 500 ? color(x * scale, y * scale, channel) : 255
        }
    }

    private func slide(_ levels: [TIFFMaker.Level], tile: Int = 64) throws -> Slide {
        try Slide(folder.file("a.tif", TIFFMaker(levels: levels, tileWidth: tile, tileHeight: tile).bytes))
    }

    @Test func levelsThatArePaddedToWholeTiles() throws {
        // 300 x 250 and 150 x 125 pixels of picture.
        let slide = try slide([
            Self.level(600, 500, scale: 1), Self.level(320, 256, scale: 2), Self.level(192, 128, scale: 4),
        ])
        #expect(slide.metadata.levels.map(\.width) == [600, 300, 150])
        #expect(slide.metadata.levels.map(\.height) == [500, 250, 125])
        #expect(slide.metadata.levels.map(\.downsample) == [1, 2, 4])
        for (index, scale) in [(1, 2), (2, 4)] {
            let image = try RGBImage(reading: SlideReader(slide, level: index))
            for (x, y) in [(0, 0), (299, 199), (300, 200), (580, 480)] {
                let place = 3 * (y / scale * image.width + x / scale)
                #expect(image.pixels[place + 1] == Self.color(x / scale * scale, y / scale * scale, 1), "\(x), \(y)")
            }
            #expect(try slide.showsThePicture(index))
        }
        #expect(try slide.level(downsample: 3) == 1)
    }

    @Test func pictureOfAnotherShapeIsNoLevel() throws {
        let label = TIFFMaker.Level(width: 256, height: 64) { x, _, _ in x % 9 < 3 ? 10 : 250 }
        let slide = try slide([Self.level(600, 500, scale: 1), Self.level(300, 250, scale: 2), label])
        #expect(slide.metadata.levels.map(\.index) == [0, 1])
        let error = fileError { _ = try SlideReader(slide, level: 2) }
        #expect(error?.problem == "expected a slide with a level 2, found levels 0 and 1")
    }

    @Test func anotherPictureOfTheSameShapeIsNotUsed() throws {
        let photograph = TIFFMaker.Level(width: 150, height: 125) { x, y, channel in
            (40..<90).contains(x) && y > 30 ? [200, 30, 30][channel] : 230
        }
        let slide = try slide([Self.level(600, 500, scale: 1), Self.level(300, 250, scale: 2), photograph])
        #expect(try !slide.showsThePicture(2))
        #expect(try slide.showsThePicture(1))
        #expect(try slide.level(downsample: 100) == 1)
        let finding = try #require(try TissueMap.detect(slide))
        #expect(finding.level == 1)
        #expect((0.2...0.4).contains(finding.map.share), "\(finding.map.share)")
    }

    /// Tiles that cannot be decoded say nothing about a level.
    @Test func damageDoesNotHideALevel() throws {
        var bytes = TIFFMaker(
            levels: [Self.level(600, 500, scale: 1), Self.level(300, 250, scale: 2)], tileWidth: 64, tileHeight: 64
        ).bytes
        // The offsets of all tiles of the full resolution, which follow them.
        let table = 8 + 80 * 64 * 64 * 3
        for tile in 0..<80 { bytes[table + 4 * tile + 3] = 0x7F }
        let slide = try Slide(folder.file("damaged.tif", bytes))
        #expect(try slide.showsThePicture(1))
    }

    @Test(
        arguments: [
            (20_000, 20_000, 3, "0.5", nil), (50_800, 50_800, 2, "0.5", nil), (20_000, 40_000, 3, "0.5 x 0.25", nil),
            (236, 236, 3, nil, "42.37"), (72, 72, 2, nil, "352.8"), (300, 300, 2, nil, "84.67"), (0, 0, 3, nil, "inf"),
            (1_000_000, 1_000_000, 3, nil, "0.01"), (20_000, 20_000, 1, nil, nil),
        ] as [(Int, Int, Int, String?, String?)])
    func resolutionOfAGenericTIFF(_ item: (x: Int, y: Int, unit: Int, plausible: String?, implausible: String?)) throws
    {
        var level = Self.level(128, 128, scale: 1)
        level.resolution = (item.x, item.y, item.unit)
        let metadata = try slide([level]).metadata
        #expect(metadata.micronsPerPixel.map { describeResolution($0) } == item.plausible)
        #expect(metadata.implausibleResolution == item.implausible)
    }

    /// A Leica slide: its picture begins at 80, 160 of a glass of 400 x 600 pixels of half a micron.
    @Test func boundsAreTheImage() throws {
        func image(_ x: Int, _ y: Int, _ width: Int, _ height: Int, pixels: (Int, Int), _ directory: Int) -> String {
            """
            <image name="i"><creationDate>2012-01-01T00:00:00Z</creationDate><device model="m" version="1"/>\
            <pixels sizeX="\(pixels.0)" sizeY="\(pixels.1)"><dimension sizeX="\(pixels.0)" sizeY="\(pixels.1)" r="0" \
            ifd="\(directory)"/></pixels><view sizeX="\(width * 500)" sizeY="\(height * 500)" offsetX="\(x * 500)" \
            offsetY="\(y * 500)" spacingZ="0"/><scanSettings><objectiveSettings><objective>20</objective>\
            </objectiveSettings><illuminationSettings><numericalAperture>0.4</numericalAperture><illuminationSource>\
            brightfield</illuminationSource></illuminationSettings></scanSettings></image>
            """
        }
        var glass = TIFFMaker.Level(width: 64, height: 96) { _, _, _ in 235 }
        glass.description = """
            <?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="u"><collection \
            name="c" uuid="u" sizeX="200000" sizeY="300000"><barcode>eA==</barcode>\
            \(image(0, 0, 400, 600, pixels: (64, 96), 0))\(image(80, 160, 192, 128, pixels: (192, 128), 1))\
            </collection></scn>
            """
        func color(_ x: Int, _ y: Int, _ channel: Int) -> UInt8 { [UInt8(x), UInt8(y), 100][channel] }
        let picture = TIFFMaker.Level(width: 192, height: 128, pixel: color)
        let slide = try slide([glass, picture], tile: 32)
        #expect(slide.metadata.vendor == "leica")
        #expect(slide.metadata.bounds == PixelRegion(x: 80, y: 160, width: 192, height: 128))
        let reader = try SlideReader(slide)
        #expect(reader.width == 192 && reader.height == 128)
        let expected = (0..<192 * 128 * 3).map { color($0 / 3 % 192, $0 / 3 / 192, $0 % 3) }
        #expect(try RGBImage(reading: reader).pixels == expected)
    }
}
