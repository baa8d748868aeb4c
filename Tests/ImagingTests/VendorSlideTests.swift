import Foundations
import Imaging
import Testing

/// Slides of each vendor's format, made for the test.
@Suite struct VendorSlideTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let threeLevels = [512, 256, 128]
    /// OpenSlide adds levels of a half, a quarter and an eighth of each image that is stored.
    private static let sixLevels = [512, 256, 128, 64, 32, 16]

    private static let formats:
        [(format: SlideMaker.Format, vendor: String, widths: [Int], corner: (x: Int, y: Int)?)] = [
            (.aperio, "aperio", threeLevels, nil), (.generic, "generic-tiff", threeLevels, nil),
            (.leica, "leica", threeLevels, (128, 224)), (.mirax, "mirax", threeLevels, (160, 96)),
            (.ndpi, "hamamatsu", sixLevels, nil), (.ome, "generic-tiff", threeLevels, nil),
            (.philips, "philips", threeLevels, nil), (.trestle, "trestle", threeLevels, nil),
            (.ventana, "ventana", threeLevels, nil), (.vms, "hamamatsu", sixLevels, nil),
        ]

    @Test func allFormatsAreTested() {
        #expect(Set(Self.formats.map(\.format)) == Set(SlideMaker.Format.allCases))
    }

    /// The bytes of a region of a level.
    private func read(_ reader: any BlockReader, _ region: PixelRegion) throws -> [UInt8] {
        let block = PixelBlock()
        try reader.read(region, into: block, threads: 2)
        #expect(block.unreadable.isEmpty && block.problem == nil)
        return Array(block.bytes)
    }

    @Test(arguments: formats) func levelsAndPixels(
        _ item: (format: SlideMaker.Format, vendor: String, widths: [Int], corner: (x: Int, y: Int)?)
    ) throws {
        let maker = SlideMaker()
        let path = try maker.write(item.format, to: folder)
        let reader = try #require(try openBlocks(path) as? SlideBlockReader)
        let metadata = reader.metadata
        #expect(metadata.vendor == item.vendor)
        #expect(metadata.levels.map(\.width) == item.widths)
        #expect(metadata.levels.map(\.height) == item.widths.map { $0 * 3 / 4 })
        #expect(metadata.levels.map(\.downsample) == item.widths.map { 512 / Double($0) })
        #expect(metadata.micronsPerPixel.map { describeResolution($0) } == "0.25")
        #expect(metadata.bounds == item.corner.map { PixelRegion(x: $0.x, y: $0.y, width: 512, height: 384) })
        for (level, width) in item.widths.enumerated() {
            let reader = try SlideBlockReader(reader.slideFile, level: level)
            let (height, scale) = (width * 3 / 4, 512 / width)
            let image = maker.pixels(scale: scale)
            let whole = try read(reader, PixelRegion(x: 0, y: 0, width: width, height: height))
            let isWhole = whole == image
            #expect(isWhole, "level \(level)")
            // Away from the borders of tiles, to the last pixel.
            let (x, y) = (width * 5 / 7, height / 3)
            let corner = try read(reader, PixelRegion(x: x, y: y, width: width - x, height: height - y))
            var expected = [UInt8]()
            for row in y..<height { expected += image[(width * row + x) * 3..<width * (row + 1) * 3] }
            let isCorner = corner == expected
            #expect(isCorner, "level \(level)")
            #expect(try reader.slideFile.showsThePicture(level), "level \(level)")
        }
        let picture = RGBImage(width: 512, height: 384, pixels: maker.pixels())
        #expect(try difference(RGBImage(reading: SlideReader(reader.slideFile)), picture) == nil)
    }

    /// Tissue in the middle of the picture, 128 pixels from its left and right sides and 96 from top and bottom.
    @Test(arguments: formats.map(\.format)) func tissueIsFoundInItsPlace(_ format: SlideMaker.Format) throws {
        var maker = SlideMaker()
        maker.color = { 4..<12 ~= $0 && 3..<9 ~= $1 ? [180, 90, 150] : [243, 243, 243] }
        let finding = try #require(try TissueMap.detect(Slide(maker.write(format, to: folder))))
        let map = finding.map
        #expect(map.imageWidth == 512 && map.imageHeight == 384)
        for y in stride(from: 16, to: 384, by: 32) {
            for x in stride(from: 16, to: 512, by: 32) where !(96..<128 ~= x || 384..<416 ~= x) {
                guard !(64..<96 ~= y || 288..<320 ~= y) else { continue }
                let isInside = 128..<384 ~= x && 96..<288 ~= y
                #expect(map.touches(PixelRegion(x: x, y: y, width: 1, height: 1)) == isInside, "\(x), \(y)")
            }
        }
    }

    /// Two pictures on one glass: the bounds enclose both, and what lies between them is missing.
    @Test func leicaRegions() throws {
        var maker = SlideMaker()
        maker.regions = 2
        let reader = try openBlocks(maker.write(.leica, to: folder))
        #expect(reader.slide?.bounds == PixelRegion(x: 128, y: 224, width: 36 * 32, height: 28 * 32))
        #expect(reader.width == 36 * 32 && reader.height == 28 * 32)
        let place = (x: 20 * 32, y: 16 * 32)
        for corner in [(x: 0, y: 0), place] {
            let pixels = try read(reader, PixelRegion(x: corner.x, y: corner.y, width: 512, height: 384))
            let isPicture = pixels == maker.pixels()
            #expect(isPicture, "\(corner)")
        }
        let block = PixelBlock()
        try reader.read(PixelRegion(x: 500, y: 0, width: 200, height: 20), into: block)
        #expect(block.isOutside(PixelRegion(x: 512, y: 0, width: 188, height: 20)))
        #expect(!block.isOutside(PixelRegion(x: 511, y: 0, width: 2, height: 20)))
        #expect(block.bytes[12 * 3..<200 * 3].allSatisfy { $0 == 255 })
    }
}
