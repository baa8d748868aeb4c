import Foundations
import Imaging
import Testing

@Suite struct BlockReaderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func pixel(_ x: Int, _ y: Int, _ channel: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: x * 7 + y * 13 + channel * 50)
    }

    private func slide(_ sizes: [(Int, Int)], tile: (Int, Int)) throws -> FilePath {
        let levels = sizes.map { TIFFMaker.Level(width: $0.0, height: $0.1, pixel: Self.pixel) }
        return try folder.file("a.tif", TIFFMaker(levels: levels, tileWidth: tile.0, tileHeight: tile.1).bytes)
    }

    /// Describes the first pixel that differs from the formula among those that satisfy a condition; nil if none does.
    private func wrongPixel(_ block: PixelBlock, where isMeant: (Int, Int) -> Bool = { _, _ in true }) -> String? {
        let region = block.region
        for y in region.y..<region.bottom {
            for x in region.x..<region.right where isMeant(x, y) {
                for channel in 0..<3 {
                    let byte = block.bytes[((y - region.y) * region.width + x - region.x) * 3 + channel]
                    if byte != Self.pixel(x, y, channel) { return "x \(x), y \(y), channel \(channel): \(byte)" }
                }
            }
        }
        return nil
    }

    @Test func regionsAreCoveredByPartsOfAllTheirPixels() {
        let region = PixelRegion(x: 10, y: 20, width: 30, height: 40)
        func part(_ x: Int, _ y: Int, _ width: Int, _ height: Int) -> PixelRegion {
            PixelRegion(x: x, y: y, width: width, height: height)
        }
        #expect(region.isCovered(by: [region]) && region.isCovered(by: [part(0, 0, 99, 99)]))
        #expect(region.isCovered(by: [part(0, 0, 25, 99), part(25, 0, 40, 50), part(25, 50, 15, 10)]))
        #expect(!region.isCovered(by: [part(0, 0, 25, 99), part(25, 0, 40, 50), part(25, 50, 15, 9)]))
        #expect(!region.isCovered(by: []) && !region.isCovered(by: [part(0, 0, 9, 9)]))
        // Parts may overlap.
        #expect(region.isCovered(by: [part(0, 0, 26, 99), part(25, 0, 40, 51), part(24, 50, 99, 99)]))
        #expect(!region.isCovered(by: [part(0, 0, 99, 40), part(0, 0, 99, 40)]))
    }

    @Test(arguments: [1, 3]) func blocksOfASlideAreItsPixels(threads: Int) throws {
        let reader = try openBlocks(slide([(300, 700)], tile: (32, 32)))
        #expect(reader is SlideBlockReader && !reader.isSequential && reader.slide?.levels.count == 1)
        let block = PixelBlock()
        for (x, y, width, height) in [(0, 0, 300, 700), (290, 690, 10, 10), (31, 129, 1, 1), (5, 127, 200, 300)] {
            let region = PixelRegion(x: x, y: y, width: width, height: height)
            try reader.read(region, into: block, threads: threads)
            #expect(block.region == region && block.bytes.count == width * height * 3)
            #expect(wrongPixel(block) == nil)
            #expect(block.unreadable.isEmpty && block.problem == nil && !block.isOutside(region))
        }
    }

    @Test func blocksOfAnImageInRowsAreItsPixels() throws {
        let image = pattern(90, 211)
        let writer = try PNGWriter(path: folder.file("a.png"), width: 90, height: 211, channels: .rgb)
        try write(image.pixels, to: writer)
        let reader = try openBlocks(folder.file("a.png"))
        #expect(reader is RowBlockReader && reader.isSequential && reader.slide == nil)
        let block = PixelBlock()
        // Overlapping, repeated, higher, and with skipped rows.
        for (x, y, width, height) in [
            (0, 0, 40, 32), (30, 0, 60, 32), (0, 16, 40, 32), (50, 16, 40, 50), (0, 20, 90, 30), (0, 150, 90, 20),
            (3, 179, 7, 32),
        ] {
            try reader.read(PixelRegion(x: x, y: y, width: width, height: height), into: block)
            for row in 0..<height {
                let expected = image.pixels[((y + row) * 90 + x) * 3..<((y + row) * 90 + x + width) * 3]
                #expect(block.bytes[row * width * 3..<(row + 1) * width * 3].elementsEqual(expected), "row \(y + row)")
            }
        }
    }

    /// The offset of the third of four tiles is wrong: only that tile is marked, and the next ones are read.
    @Test(arguments: [1, 3]) func unreadableTilesAreMarkedAndTheRestIsRead(threads: Int) throws {
        let levels = [512, 128].map { TIFFMaker.Level(width: 64, height: $0, pixel: Self.pixel) }
        var bytes = TIFFMaker(levels: levels, tileWidth: 64, tileHeight: 128).bytes
        let table = 8 + 4 * 64 * 128 * 3
        bytes.replaceSubrange(table + 8..<table + 12, with: [0, 0, 0, 0x7F])
        let reader = try openBlocks(folder.file("a.tif", bytes))
        let block = PixelBlock()
        try reader.read(PixelRegion(x: 10, y: 100, width: 50, height: 400), into: block, threads: threads)
        #expect(block.unreadable == [PixelRegion(x: 10, y: 256, width: 50, height: 128)])
        #expect(block.problem?.problem.contains("rows 256 to 383 of level 0") == true)
        #expect(wrongPixel(block) { _, y in !(256..<384 ~= y) } == nil)
        let gap = block.bytes[(256 - 100) * 150..<(384 - 100) * 150]
        #expect(gap.allSatisfy { $0 == PixelBlock.unreadableGray })
        #expect(block.isUnreadable(PixelRegion(x: 20, y: 383, width: 1, height: 9)))
        #expect(!block.isUnreadable(PixelRegion(x: 20, y: 384, width: 1, height: 9)))
        #expect(!block.isOutside(PixelRegion(x: 10, y: 256, width: 50, height: 128)), "unreadable is not outside")
        try reader.read(PixelRegion(x: 0, y: 400, width: 64, height: 100), into: block)
        #expect(block.unreadable.isEmpty && wrongPixel(block) == nil)
    }

    @Test func transparentPixelsAreOutside() {
        let block = PixelBlock()
        block.begin(PixelRegion(x: 100, y: 50, width: 4, height: 2))
        let pixels: [UInt32] = [0, 0, 0xFF01_0203, 0, 0, 0, 0, 0x8000_0000]
        block.compose(block.region, pixels.span, background: 0x0A0B0C)
        #expect(Array(block.bytes[..<9]) == [10, 11, 12, 10, 11, 12, 1, 2, 3])
        #expect(block.isOutside(PixelRegion(x: 100, y: 50, width: 2, height: 2)))
        #expect(!block.isOutside(PixelRegion(x: 100, y: 50, width: 3, height: 1)))
        #expect(!block.isOutside(PixelRegion(x: 103, y: 51, width: 1, height: 1)), "half transparent is not outside")
        block.reflect(to: PixelRegion(x: 100, y: 50, width: 6, height: 3))
        #expect(block.isOutside(PixelRegion(x: 100, y: 51, width: 3, height: 1)))
        #expect(!block.isOutside(block.region))
    }

    @Test func reflectionDoesNotRepeatTheEdge() {
        func reflected(
            _ width: Int, _ height: Int, to size: (Int, Int), left: Int = 0, top: Int = 0
        ) -> [UInt8] {
            let block = PixelBlock()
            block.begin(PixelRegion(x: 0, y: 0, width: width, height: height))
            let pixels = (0..<width * height).map { 0xFF00_0000 | UInt32($0) }
            block.compose(block.region, pixels.span, background: 0)
            block.reflect(to: PixelRegion(x: -left, y: -top, width: size.0, height: size.1))
            return stride(from: 2, to: block.bytes.count, by: 3).map { block.bytes[$0] }
        }
        #expect(
            reflected(3, 2, to: (6, 4)) == [0, 1, 2, 1, 0, 1, 3, 4, 5, 4, 3, 4, 0, 1, 2, 1, 0, 1, 3, 4, 5, 4, 3, 4])
        #expect(
            reflected(3, 2, to: (6, 4), left: 2, top: 1)
                == [5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1])
        #expect(reflected(1, 1, to: (2, 3)) == [0, 0, 0, 0, 0, 0])
        #expect(reflected(2, 2, to: (2, 2)) == [0, 1, 2, 3])
    }
}
