import Foundations
import Imaging
import TestSupport
import Testing

/// Tiles that are decoded without OpenSlide have its pixels.
@Suite struct CompressedTilesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A part of a level, decoded here and by OpenSlide.
    private func parts(_ slide: Slide, _ region: PixelRegion, level: Int, halving: Bool) throws -> [PixelBlock] {
        try [true, false].map { decodesTiles in
            let block = PixelBlock()
            try SlideBlockReader(slide, level: level, halving: halving, decodesTiles: decodesTiles)
                .read(region, into: block, threads: 2)
            return block
        }
    }

    private func requireEqual(_ slide: Slide, _ region: PixelRegion, level: Int = 0) throws {
        let blocks = try parts(slide, region, level: level, halving: false)
        let isEqual = blocks[0].bytes.elementsEqual(blocks[1].bytes)
        #expect(isEqual && blocks[0].unreadable == blocks[1].unreadable, "\(region)")
        #expect(blocks[0].problem?.problem == blocks[1].problem?.problem)
    }

    /// At half size, fewer coefficients of the tiles give nearly the means of 2 x 2 pixels.
    private func requireSimilar(_ slide: Slide, _ region: PixelRegion, tolerance: Double = 3) throws {
        let blocks = try parts(slide, region, level: 0, halving: true)
        #expect(blocks[0].unreadable == blocks[1].unreadable, "\(region)")
        #expect(blocks[0].problem?.problem == blocks[1].problem?.problem)
        let differences = withExtendedLifetime(blocks) {
            zip(blocks[0].bytes, blocks[1].bytes).map { abs(Int($0) - Int($1)) }
        }
        let mean = Double(differences.reduce(0, +)) / Double(differences.count)
        try #require(mean < tolerance, "\(region): \(mean)")
    }

    /// Rectangles anywhere in an image of a size, of up to 700 pixels a side.
    private func regions(_ width: Int, _ height: Int, _ count: Int) -> [PixelRegion] {
        let numbers = Formula.integers(seed: 12, count: 4 * count, below: 1 << 20)
        return (0..<count).map { index in
            let (x, y) = (numbers[4 * index] % width, numbers[4 * index + 1] % height)
            return PixelRegion(
                x: x, y: y, width: 1 + numbers[4 * index + 2] % min(700, width - x),
                height: 1 + numbers[4 * index + 3] % min(700, height - y))
        } + [PixelRegion(x: 0, y: 0, width: min(700, width), height: min(700, height))]
    }

    private func regions(_ slide: Slide, _ count: Int) -> [PixelRegion] {
        let level = slide.metadata.levels[0]
        return regions(level.width, level.height, count)
    }

    @Test(arguments: SlideMaker.Format.allCases) func formats(_ format: SlideMaker.Format) throws {
        let slide = try Slide(SlideMaker().write(format, to: folder))
        #expect(slide.decodesTiles() == (format == .aperio))
        for level in slide.metadata.levels {
            for region in regions(level.width, level.height, 12) {
                try requireEqual(slide, region, level: level.index)
            }
        }
        let full = slide.metadata.levels[0]
        for region in regions((full.width + 1) / 2, (full.height + 1) / 2, 12) { try requireSimilar(slide, region) }
    }

    @Test(arguments: [TIFFMaker.Variant.classic, .big]) func genericTiles(variant: TIFFMaker.Variant) throws {
        var maker = SlideMaker().generic
        maker.variant = variant
        for index in maker.levels.indices { maker.levels[index].storage = .jpegTiles }
        let slide = try Slide(folder.file("slide.tif", maker.bytes))
        #expect(slide.metadata.vendor == "generic-tiff" && slide.decodesTiles())
        for region in regions(slide, 12) { try requireEqual(slide, region) }
    }

    /// Aperio's slides of JPEG 2000, with YCbCr and with RGB. Colors of YCbCr cover all values.
    @Test(arguments: [true, false]) func jpeg2000Tiles(isYCbCr: Bool) throws {
        var maker = SlideMaker()
        if isYCbCr {
            maker.color = { [UInt8(16 * $0 + $1), UInt8((71 * $0 + 40 * $1) % 256), UInt8((37 * $0 + 90 * $1) % 256)] }
        }
        var file = maker.aperio
        for index in file.levels.indices where index != 1 {
            file.levels[index].storage = .jpeg2000Tiles(isYCbCr: isYCbCr)
        }
        let slide = try Slide(folder.file("slide.svs", file.bytes))
        #expect(slide.metadata.levels.allSatisfy { slide.decodesTiles(ofLevel: $0.index) })
        for level in slide.metadata.levels {
            for region in regions(level.width, level.height, 12) {
                try requireEqual(slide, region, level: level.index)
            }
        }
        if !isYCbCr {
            let block = PixelBlock()
            try SlideBlockReader(slide).read(
                PixelRegion(x: 40, y: 33, width: 200, height: 100), into: block, threads: 2)
            let isExact = withExtendedLifetime(block) {
                block.bytes.indices.allSatisfy {
                    block.bytes[$0] == maker.pixel(40 + $0 / 3 % 200, 33 + $0 / 600, $0 % 3)
                }
            }
            #expect(isExact)
        }
        let full = slide.metadata.levels[0]
        for region in regions(full.width / 2, full.height / 2, 12) { try requireSimilar(slide, region) }
    }

    /// Codestreams of a single resolution are left to OpenSlide where half the size is wanted.
    @Test func jpeg2000TilesOfOneResolution() throws {
        var file = SlideMaker().aperio
        for index in file.levels.indices where index != 1 {
            file.levels[index].storage = .jpeg2000Tiles(isYCbCr: false, halvings: 0)
        }
        let slide = try Slide(folder.file("slide.svs", file.bytes))
        for region in regions(slide, 5) { try requireEqual(slide, region) }
        let full = slide.metadata.levels[0]
        for region in regions(full.width / 2, full.height / 2, 5) {
            let blocks = try parts(slide, region, level: 0, halving: true)
            let isEqual = withExtendedLifetime(blocks) { blocks[0].bytes.elementsEqual(blocks[1].bytes) }
            #expect(isEqual)
        }
    }

    /// What OpenSlide cannot read stays unreadable, and is reported in its words.
    @Test(arguments: [false, true]) func damage(isJPEG2000: Bool) throws {
        var file = SlideMaker().aperio
        if isJPEG2000 {
            for index in file.levels.indices where index != 1 {
                file.levels[index].storage = .jpeg2000Tiles(isYCbCr: false)
            }
        }
        let bytes = file.bytes
        let mark: [UInt8] = isJPEG2000 ? [0xFF, 0x4F, 0xFF, 0x51] : [0xFF, 0xD8]
        let starts = bytes.indices.dropLast(4).filter { bytes[$0...].starts(with: mark) }
        try #require(starts.count > 20)
        for (name, change) in [
            ("start", { (bytes: inout [UInt8]) in bytes[starts[5]] = 0 }),
            (
                "end",
                { (bytes: inout [UInt8]) in
                    bytes.replaceSubrange(starts[6] - 40..<starts[6], with: repeatElement(0xFF, count: 40))
                }
            ),
        ] as [(String, (inout [UInt8]) -> Void)] {
            var damaged = bytes
            change(&damaged)
            let slide = try Slide(folder.file("\(name).svs", damaged))
            #expect(slide.decodesTiles())
            let level = slide.metadata.levels[0]
            try requireEqual(slide, PixelRegion(x: 0, y: 0, width: level.width, height: level.height))
            try requireSimilar(
                slide, PixelRegion(x: 0, y: 0, width: (level.width + 1) / 2, height: (level.height + 1) / 2))
        }
    }

    @Test(.enabled(if: RealImages.folder != nil, RealImages.missing)) func realSlides() throws {
        for name in [
            "wsi/CMU-1-Small-Region.svs", "wsi/TCGA-CR-7395-01A-01-TS1.svs",
        ] {
            let slide = try Slide(#require(RealImages.folder).appending(name))
            #expect(slide.decodesTiles(), "\(name)")
            for region in regions(slide, 20) { try requireEqual(slide, region) }
            let level = slide.metadata.levels[0]
            for region in regions((level.width + 1) / 2, (level.height + 1) / 2, 20) {
                // The low-pass filter of JPEG 2000 is sharper than a mean.
                try requireSimilar(slide, region, tolerance: 5)
            }
        }
    }
}
