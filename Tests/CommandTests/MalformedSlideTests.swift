import Foundation
import Imaging
import TestSupport
import Testing

/// A real slide, damaged in many ways, with the expected outcome of each.
@Suite(.serialized) struct MalformedSlideTests {
    enum Outcome {
        /// Status 65 with this text after the name of the file, and no output.
        case refused(String)
        /// The same, because none of this many windows can be decoded.
        case lost(windows: Int)
        /// A mask of a size and number of windows, of which some may be unreadable or outside the slide.
        case masked(Int, Int, windows: Int, unreadable: Int = 0, outside: Int = 0)
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let outcome: Outcome
        let damage: @Sendable (inout DamagedSlide) -> Void

        init(_ name: String, _ outcome: Outcome, _ damage: @escaping @Sendable (inout DamagedSlide) -> Void) {
            (self.name, self.outcome, self.damage) = (name, outcome, damage)
        }

        var testDescription: String { name }
    }

    private static let noSlideAtAll = "expected a PNG, JPEG, TIFF or whole-slide image, found "
    private static let noTIFF = Outcome.refused(noSlideAtAll + "a TIFF image that OpenSlide does not recognize")
    private static func cut(_ directory: Int) -> Outcome {
        .refused(noSlideAtAll + "a TIFF file that is cut off, without its directory at byte \(directory)")
    }
    private static func broken(_ words: String) -> Outcome {
        .refused("expected an intact slide, found a read error at opening (\(words))")
    }
    private static let invalid = broken("Invalid TIFF: a.svs")
    private static let intact = Outcome.masked(2220, 2967, windows: 130)
    private static let oneTileLost = Outcome.masked(2220, 2967, windows: 130, unreadable: 4)
    private static let allLost = Outcome.lost(windows: 130)

    /// A tile of 240 x 240 pixels in the middle of the tissue, under four of the windows.
    static let tile = 64

    static let cases: [Case] = [
        Case("nothing", intact) { _ in },

        Case("empty", .refused(noSlideAtAll + "an empty file")) { $0.truncate(to: 0) },
        Case("header alone", cut(1_275_950)) { $0.truncate(to: 16) },
        Case("a thousand bytes", cut(1_275_950)) { $0.truncate(to: 1000) },
        Case("cut in the middle", cut(1_275_950)) { $0.truncate(to: $0.bytes.count / 2) },
        Case("cut in the first directory", cut(1_275_950)) { $0.truncate(to: $0.firstDirectory + 100) },
        // The macro picture, which is never read.
        Case("last byte gone", intact) { $0.truncate(to: $0.bytes.count - 1) },

        Case("tile of zeros", oneTileLost) { $0.zero($0.tile(tile)) },
        Case("tile without its first marker", oneTileLost) { $0.flip($0.tile(tile).lowerBound, bit: 0) },
        Case("tile cut short", oneTileLost) { $0.set(.tileByteCounts, $0.tile(tile).count / 2, at: tile) },
        Case("tile that is too long", oneTileLost) { $0.set(.tileByteCounts, 0x7FFF_FFFF, at: tile) },
        // JPEG has no checksums: the pixels change, undetected.
        Case("bit in a tile's pixels", intact) {
            $0.flip($0.tile(tile).lowerBound + $0.tile(tile).count / 2, bit: 2)
        },
        Case("all tiles of zeros", allLost) { slide in
            for tile in 0..<slide.tileCount { slide.zero(slide.tile(tile)) }
        },
        // OpenSlide hashes the smallest level, here the only one, when it opens a slide.
        Case(
            "tile beyond the file",
            broken(
                "Cannot hash TIFF tiles: "
                    + (OpenSlideLibrary.isBefore4 ? "Can't read from a.svs" : "Short read of file a.svs: 0 < 4096"))
        ) {
            $0.set(.tileOffsets, 0x7FFF_FFFF, at: tile)
        },
        // In Aperio slides, this marks a region that was not scanned.
        Case("tiles of no bytes", .masked(2220, 2967, windows: 130, outside: 1)) { slide in
            for index in [tile, tile + 1, tile + 10, tile + 11] { slide.set(.tileByteCounts, 0, at: index) }
        },

        Case("no JPEG tables", allLost) { $0.remove(.jpegTables) },
        Case("JPEG tables of zeros", allLost) { $0.zeroTables() },
        Case("no compression", allLost) { $0.remove(.compression) },
        Case("unknown compression", broken("Unsupported TIFF compression: 34712")) { $0.set(.compression, 34712) },
        Case("unknown colors", allLost) { $0.set(.photometric, 9) },
        Case("16 bits a sample", invalid) { $0.set(.bitsPerSample, 16) },
        Case("4 samples a pixel", invalid) { $0.set(.samplesPerPixel, 4) },
        Case("no description", intact) { $0.remove(.description) },

        Case("no width", invalid) { $0.remove(.width) },
        Case("width 0", invalid) { $0.set(.width, 0) },
        Case("height 0", invalid) { $0.set(.height, 0) },
        Case("width of 2 billion", invalid) { $0.setLong(.width, 0x7FFF_FFFF) },
        Case("width and height of 2 billion", invalid) {
            $0.setLong(.width, 0x7FFF_FFFF)
            $0.setLong(.height, 0x7FFF_FFFF)
        },
        Case("twice as wide", .masked(4440, 2967, windows: 247, outside: 117)) { $0.set(.width, 4440) },
        Case("twice as high", .masked(2220, 5934, windows: 250, outside: 120)) { $0.set(.height, 5934) },
        Case("half as wide", .masked(1110, 2967, windows: 65)) { $0.set(.width, 1110) },
        Case("smaller than a tile", .masked(100, 100, windows: 1)) {
            $0.set(.width, 100)
            $0.set(.height, 100)
        },
        // Without its description it is a plain TIFF image, which OpenSlide would read wrongly.
        Case("a plain image smaller than a tile", .masked(2220, 100, windows: 10)) {
            $0.remove(.description)
            $0.set(.height, 100)
        },

        Case("tile width 0", invalid) { $0.set(.tileWidth, 0) },
        Case("tile height 0", invalid) { $0.set(.tileHeight, 0) },
        Case("tile width 65520", allLost) { $0.set(.tileWidth, 65520) },
        Case("no tile width", noTIFF) { $0.remove(.tileWidth) },
        Case("no tile offsets", invalid) { $0.remove(.tileOffsets) },
        Case("no tile lengths", invalid) { $0.remove(.tileByteCounts) },
        Case(
            "ten tile offsets", broken("Cannot hash TIFF tiles: Invalid tile/strip counts for directory 0")
        ) { $0.setCount(.tileOffsets, 10) },

        Case("first directory beyond the file", cut(0x7FFF_FFF0)) { $0.setFirstDirectory(0x7FFF_FFF0) },
        Case("next directory beyond the file", cut(0x7FFF_FFF0)) { $0.setNext(after: 0, 0x7FFF_FFF0) },
        Case("directory that follows itself", noTIFF) { $0.setNext(after: 0, $0.firstDirectory) },
        Case("directories in a circle", noTIFF) { $0.setNext(after: $0.directoryCount - 1, $0.firstDirectory) },
        Case("directory without entries", noTIFF) { $0.setEntries(ofFirst: 0) },
        Case("directory of 65535 entries", noTIFF) { $0.setEntries(ofFirst: 65535) },
    ]

    @Test(.enabled(if: RealImages.slide != nil, RealImages.missing), arguments: cases)
    func everyDamageHasItsOutcome(_ item: Case) throws {
        let work = try WorkFolder()
        var slide = try DamagedSlide(#require(RealImages.slide).string)
        item.damage(&slide)
        try Data(slide.bytes).write(to: URL(fileURLWithPath: "\(work.path)/a.svs"))
        let resolution = ["--mpp", "0.25", "--mpp-override", "--stride", "240", "--tissue", "off"]
        let result = try Command.mask.start(
            ["a.svs"] + resolution
                + ["--output", "m.png", "--refine", "hematoxylin", "--heatmap", "h.tif", "--quiet"], in: work.path
        ).wait()
        let planned = try Command.mask.start(["plan", "a.svs"] + resolution, in: work.path).wait()
        #expect(planned.status == result.status, "\(planned)")
        #expect(planned.output.contains("\nno problems found") == (result.status == 0), "\(planned)")
        switch item.outcome {
        case .refused(let problem):
            #expect(result.status == 65 && result.problems == "error: a.svs: \(problem)\n", "\(result)")
            #expect(work.files == ["a.svs"])
        case .lost(let windows):
            let start =
                "error: a.svs: expected parts that can be decoded, found none of \(windows) (expected an intact slide"
            #expect(result.status == 65 && result.problems.hasPrefix(start), "\(result)")
            #expect(work.files == ["a.svs"])
        case .masked(let width, let height, let windows, let unreadable, let outside):
            let mask = try RGBImage(decoding: "\(work.path)/m.png")
            #expect(mask.width == width && mask.height == height)
            #expect(try openImage("\(work.path)/h.tif").width == width)
            let record = try work.json(String(contentsOfFile: "\(work.path)/m.json", encoding: .utf8))
            let counts = try #require(record["windows"] as? [String: Any])
            #expect(counts["count"] as? Int == windows && counts["unreadable"] as? Int == unreadable)
            #expect(counts["outside"] as? Int == outside, "\(counts)")
            let parts = try #require(record["coverage"] as? [String: [String: Any]])
            let unknown = try #require(parts["unreadable"]?["pixels"] as? Int)
            // Four windows of 256 pixels at a stride of 240, without the 16 pixels per side that other windows cover.
            #expect(unknown == (unreadable == 0 ? 0 : 464 * 464))
            let share = String(format: "%.2f", Double(unknown) / Double(width * height) * 100)
            #expect(result.status == (unreadable > 0 ? 74 : 0), "\(result)")
            #expect(
                result.problems
                    == (unreadable > 0
                        ? "warning: a.svs: \(unreadable) windows could not be read; nothing is known about \(share) % of "
                            + "the image\n" : ""))
            #expect(work.files == ["a.svs", "h.tif", "m.json", "m.png"])
        }
    }

    /// Flips bits in the header, the directory and its tables. Each case gives a mask or an error.
    @Test(.enabled(if: RealImages.slide != nil, RealImages.missing)) func anyDamageComesToAnEnd() throws {
        let work = try WorkFolder()
        let intact = try DamagedSlide(#require(RealImages.slide).string)
        var refused = 0
        for seed in 1...40 as ClosedRange<UInt64> {
            var slide = intact
            let header = Array(0..<8) + Array(slide.firstDirectory..<slide.firstDirectory + 2200)
            for (place, bit) in zip(
                Formula.integers(seed: seed, count: 1 + Int(seed % 4), below: header.count),
                Formula.integers(seed: seed + 1000, count: 4, below: 8))
            { slide.flip(header[place], bit: bit) }
            try Data(slide.bytes).write(to: URL(fileURLWithPath: "\(work.path)/a.svs"))
            let result = try Command.mask.run(
                "a.svs", "--mpp", "0.25", "--mpp-override", "--stride", "256", "--output", "m.tif", in: work.path)
            try #require([0, 65, 74].contains(result.status), "seed \(seed): \(result)")
            let lines = result.problems.split(separator: "\n").count
            #expect(lines == (result.status == 0 ? 0 : 1), "seed \(seed): \(result)")
            #expect(work.files == (result.status == 65 ? ["a.svs"] : ["a.svs", "m.json", "m.tif"]), "seed \(seed)")
            refused += result.status == 65 ? 1 : 0
            for name in ["m.json", "m.tif"] { try? FileManager.default.removeItem(atPath: "\(work.path)/\(name)") }
        }
        #expect((1..<40).contains(refused))
    }

    @Test(.enabled(if: RealImages.slide != nil, RealImages.missing)) func damageStaysWhereItIs() throws {
        let work = try WorkFolder()
        var slide = try DamagedSlide(#require(RealImages.slide).string)
        try Data(slide.bytes).write(to: URL(fileURLWithPath: "\(work.path)/whole.svs"))
        slide.zero(slide.tile(Self.tile))
        try Data(slide.bytes).write(to: URL(fileURLWithPath: "\(work.path)/damaged.svs"))
        for (name, status) in [("whole", 0), ("damaged", 74)] as [(String, Int32)] {
            let result = try Command.mask.run(
                "\(name).svs", "--mpp", "0.25", "--mpp-override", "--stride", "240", "--tissue", "off", "--output",
                "\(name).png", "--heatmap",
                "\(name).tif", in: work.path)
            #expect(result.status == status, "\(result)")
            let overlay = try Command.mask.run(
                "overlay", "\(name).svs", "--mask", "\(name).png", "--output", "\(name)_overlay.png", "--size", "2967",
                in: work.path)
            #expect(overlay.status == 0, "\(overlay)")
        }
        let accepted = try Command.mask.run(
            "damaged.svs", "--mpp", "0.25", "--mpp-override", "--stride", "240", "--tissue", "off", "--output", "d.png",
            "--accept-unreadable", in: work.path)
        #expect(accepted.status == 0 && accepted.errors.contains("could not be read"), "\(accepted)")
        func images(_ ending: String) throws -> [RGBImage] {
            try ["whole", "damaged"].map { try RGBImage(decoding: "\(work.path)/\($0)\(ending)") }
        }
        let (masks, maps, overlays) = (try images(".png"), try images(".tif"), try images("_overlay.png"))
        /// Whether pixels differ outside the windows that touch the tile, and which values they have in it.
        func compare(_ images: [RGBImage]) -> (different: Int, inTile: Set<UInt8>) {
            var (different, inTile) = (0, Set<UInt8>())
            for y in 0..<2967 {
                for x in 0..<2220 {
                    let bytes = (y * images[0].width + x) * 3..<(y * images[0].width + x) * 3 + 3
                    // JPEG blocks extend a little beyond the tile.
                    let isNear = 704..<1232 ~= x && 1184..<1712 ~= y
                    if !isNear, images[0].pixels[bytes] != images[1].pixels[bytes] { different += 1 }
                    if 976..<1184 ~= x, 1456..<1664 ~= y { inTile.formUnion(images[1].pixels[bytes]) }
                }
            }
            return (different, inTile)
        }
        #expect(compare(masks).different == 0 && compare(masks).inTile == [0])
        #expect(compare(maps).different == 0 && compare(maps).inTile == [PixelBlock.unreadableGray])
        #expect(compare(overlays).different == 0 && compare(overlays).inTile == [PixelBlock.unreadableGray])
    }

    /// Windows are read at level 1, which is intact; nuclei at level 0, where a tile is damaged.
    @Test func onlyTheFullResolutionIsDamaged() throws {
        let work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "0", "--crops", "1", "--crop-size", "1024", in: work.path)
        try #require(made.status == 0, "\(made)")
        let crop = try RGBImage(decoding: "\(work.path)/set/wsi_crop_1.jpg")
        let slide = try TIFFWriter(path: "\(work.path)/a.tif", width: 1024, height: 1024, samples: .rgb)
        try crop.pixels.withUnsafeBytes { try slide.write(rows: $0, count: 1024) }
        try slide.finish()
        // The first tile follows the header.
        let file = try #require(FileHandle(forUpdatingAtPath: "\(work.path)/a.tif"))
        try file.seek(toOffset: 20)
        try file.write(contentsOf: Data(repeating: 0xFF, count: 2000))
        try file.close()
        let arguments = ["a.tif", "--level", "1", "--tissue", "off", "--threshold", "0", "--quiet"]
        let plain = try Command.mask.start(arguments + ["--output", "p.png"], in: work.path).wait()
        func assumed(_ resolution: String) -> String {
            "warning: a.tif: states no resolution of a microscope; level 1 is treated as having the model's \(resolution) "
                + "microns per pixel (see --mpp)\n"
        }
        #expect(plain.status == 0 && plain.problems == assumed("0.5"), "\(plain)")
        let refined = try Command.mask.start(
            arguments + ["--output", "m.png", "--refine", "hematoxylin", "--geojson", "m.geojson"], in: work.path
        ).wait()
        #expect(refined.status == 74)
        #expect(
            refined.problems
                == "warning: a.tif: parts of the full resolution could not be read; nothing is known about 6.25 % of the "
                + "image\n" + assumed("0.25"))
        let mask = try RGBImage(decoding: "\(work.path)/m.png")
        func white(_ xs: Range<Int>, _ ys: Range<Int>) -> Int {
            ys.reduce(0) { sum, y in sum + xs.count { mask.pixels[(y * 1024 + $0) * 3] == 255 } }
        }
        #expect(white(0..<256, 0..<256) == 0 && white(256..<1024, 0..<256) > 0)
        let record = try work.json(String(contentsOfFile: "\(work.path)/m.json", encoding: .utf8))
        let parts = try #require(record["coverage"] as? [String: [String: Any]])
        #expect(parts["unreadable"]?["pixels"] as? Int == 256 * 256)
        #expect(parts["nuclei"]?["pixels"] as? Int == white(0..<1024, 0..<1024))
        // The file can be shown, but not masked.
        let overlay = try Command.mask.run("overlay", "p.png", "--mask", "a.tif", in: work.path)
        #expect(overlay.status == 65, "\(overlay)")
        #expect(
            overlay.problems.hasPrefix("error: a.tif: expected an intact slide, found a read error at rows 0 to 255"))
    }

    @Test func truncatedCropsAreRefused() throws {
        let work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "1", "--crops", "1", "--crop-size", "300", in: work.path)
        try #require(made.status == 0, "\(made)")
        for (source, name) in [("set/wsi_crop_1.jpg", "a.jpg"), ("set/tile_0.png", "a.png")] {
            let whole = try #require(FileManager.default.contents(atPath: "\(work.path)/\(source)"))
            for count in [0, 1, 3, 20, whole.count / 2, whole.count - 20] {
                try whole.prefix(count).write(to: URL(fileURLWithPath: "\(work.path)/\(name)"))
                let result = try Command.mask.run(
                    name, "--output", "m.png", "--refine", "hematoxylin", "--heatmap", "h.png", in: work.path)
                #expect(result.status == 65, "\(name), \(count) bytes: \(result)")
                let lines = result.problems.split(separator: "\n")
                #expect(lines.count == 1 && lines[0].hasPrefix("error: \(name): expected "), "\(result)")
                #expect(!work.files.contains { $0.hasPrefix("m.") || $0.hasPrefix("h.") || $0.hasPrefix(".") })
            }
        }
        try work.write("a slide, they said\n", to: "a.svs")
        let text = try Command.mask.run("a.svs", in: work.path)
        #expect(text.status == 65)
        #expect(text.problems == "error: a.svs: expected a PNG, JPEG, TIFF or whole-slide image, found text\n")
    }

    /// A mask longer than any PNG that is written, and one pixel wide.
    @Test(arguments: [(200_000, 1), (1, 200_000)]) func thinImages(_ size: (Int, Int)) throws {
        let (width, height) = size
        let work = try WorkFolder()
        let writer = try PNGWriter(path: "\(work.path)/a.png", width: width, height: height, channels: .rgb)
        let row = (0..<width * 3).map { UInt8(truncatingIfNeeded: $0 &* 97) }
        for _ in 0..<height { try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) } }
        try writer.finish()
        let refused = try Command.mask.run("a.png", in: work.path)
        #expect(refused.status == 73)
        #expect(
            refused.problems
                == "error: a_nuclei_mask.png: expected a PNG of at most 65535 px a side, beyond which viewers fail, found "
                + "\(width) x \(height) px; a .tif pyramid has no such limit\n")
        let result = try Command.mask.run(
            "a.png", "--output", "m.tif", "--refine", "hematoxylin", "--heatmap", "h.png", "--geojson", "m.geojson",
            "--probabilities", "p.tif", "--csv", "m.csv", in: work.path)
        #expect(result.status == 0, "\(result)")
        #expect(result.output.contains("a.png: \(width) x \(height) pixels, 1562 windows"), "\(result)")
        #expect(["h.png", "m.csv", "m.geojson", "m.json", "m.tif", "p.tif"].allSatisfy(work.files.contains))
        let map = try RGBImage(decoding: "\(work.path)/h.png")
        #expect(max(map.width, map.height) == 4096 && min(map.width, map.height) == 1)
    }
}
