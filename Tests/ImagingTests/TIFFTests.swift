import Foundation
import Foundations
import Imaging
import TestSupport
import Testing

/// Pyramids, read by OpenSlide and by other programs.
@Suite struct TIFFTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Reference: half as wide and high, rounded up; edge pixels are repeated.
    private func halved(_ image: RGBImage) -> RGBImage {
        let (width, height) = ((image.width + 1) / 2, (image.height + 1) / 2)
        var pixels = [UInt8]()
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<3 {
                    var sum = 2
                    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                        let column = min(2 * x + dx, image.width - 1)
                        let row = min(2 * y + dy, image.height - 1)
                        sum += Int(image.pixels[(row * image.width + column) * 3 + channel])
                    }
                    pixels.append(UInt8(sum / 4))
                }
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    private func mask(_ width: Int, _ height: Int) -> [UInt8] {
        (0..<width * height).map { UInt8(($0 / width / 10 + $0 % width / 15) % 2 == 0 ? 255 : 0) }
    }

    /// OpenSlide cannot read sides below 16 px; see `TIFFWriter`.
    private static let sizes = [(16, 16), (17, 33), (40, 300), (900, 31), (256, 256), (257, 255), (704, 520)]

    @Test(arguments: sizes) func everyLevelIsTheMeanOfTheOneAbove(_ size: (Int, Int)) throws {
        let (width, height) = size
        let path = folder.file("a.tif")
        for tile in [16, 256] {
            for compression in [TIFFWriter.Compression.deflate, .lzw] {
                let gray = mask(width, height)
                try write(
                    gray,
                    to: TIFFWriter(
                        path: path, width: width, height: height, samples: .gray, compression: compression, tile: tile),
                    rowsAtATime: 7)
                try check(
                    path, RGBImage(width: width, height: height, pixels: gray.flatMap { [$0, $0, $0] }), tile: tile)
            }
            let image = pattern(width, height)
            try write(
                image.pixels, to: TIFFWriter(path: path, width: width, height: height, samples: .rgb, tile: tile))
            try check(path, image, tile: tile)
        }
        #expect(folder.names == ["a.tif"])
    }

    private func check(_ path: FilePath, _ image: RGBImage, tile: Int, tolerance: Int = 0) throws {
        var expected = image
        let levels = try SlideReader(Slide(path)).metadata.levels
        for level in levels.indices {
            let read = try RGBImage(reading: SlideReader(Slide(path), level: level))
            // Levels are halved before JPEG encoding, so its errors do not accumulate.
            try #require(difference(read, expected, tolerance: tolerance) == nil, "level \(level)")
            let isLast = max(expected.width, expected.height) <= tile
            expected = halved(expected)
            #expect((isLast || min(expected.width, expected.height) < 16) == (level == levels.count - 1))
        }
    }

    /// More colors than the tile cache holds, repeated colors, tiles of two colors, and tiles that begin with one color.
    @Test func tilesOfOneColor() throws {
        let (width, height, tile) = (150, 84, 16)
        let path = folder.file("a.tif")
        func color(_ x: Int, _ y: Int) -> UInt8 {
            let index = y / tile * 10 + x / tile
            let isMixed = index % 7 == 3 && (x + y) % 16 == 9
            return isMixed ? 77 : [0, 255, 0, 128, 255, 9][Int(Formula.bits(3, index) % 6)]
        }
        let gray = (0..<width * height).map { color($0 % width, $0 / width) }
        let rgb = gray.flatMap { [$0, 200, $0 / 2] as [UInt8] }
        for compression in [TIFFWriter.Compression.deflate, .lzw] {
            try write(
                gray,
                to: TIFFWriter(
                    path: path, width: width, height: height, samples: .gray, compression: compression, tile: tile))
            try check(path, RGBImage(width: width, height: height, pixels: gray.flatMap { [$0, $0, $0] }), tile: tile)
            try write(
                rgb,
                to: TIFFWriter(
                    path: path, width: width, height: height, samples: .rgb, compression: compression, tile: tile))
            try check(path, RGBImage(width: width, height: height, pixels: rgb), tile: tile)
        }
    }

    /// Noise, which becomes longer by encoding, tiles of one color, and more tiles in a row than are encoded at a time.
    @Test func filesDoNotDependOnThreads() throws {
        let (width, height, tile) = (1200, 90, 16)
        let gray = (0..<width * height).map { index -> UInt8 in
            let (x, y) = (index % width, index / width)
            return x < 300 ? UInt8(truncatingIfNeeded: Formula.bits(5, index)) : (x / 50 + y / 30) % 2 == 0 ? 255 : 0
        }
        let files = try [1, 2, 3, 40].map { threads in
            let path = folder.file("\(threads).tif")
            try write(
                gray,
                to: TIFFWriter(path: path, width: width, height: height, samples: .gray, tile: tile, threads: threads))
            return path
        }
        try check(files[0], RGBImage(width: width, height: height, pixels: gray.flatMap { [$0, $0, $0] }), tile: tile)
        for file in files { #expect(try contents(file) == contents(files[0])) }
    }

    @Test func jpegColor() throws {
        for (width, height) in [(16, 20), (40, 300), (600, 520)] {
            // Smooth, because JPEG encodes noise badly.
            let pixels = (0..<width * height * 3).map { index in
                let (x, y) = (index / 3 % width, index / 3 / width)
                return UInt8(index % 3 == 0 ? x * 255 / width : index % 3 == 1 ? y * 255 / height : 128)
            }
            let path = folder.file("a.tif")
            try write(
                pixels,
                to: TIFFWriter(
                    path: path, width: width, height: height, samples: .rgb, compression: .jpeg(quality: 90)))
            try check(path, RGBImage(width: width, height: height, pixels: pixels), tile: 256, tolerance: 8)
        }
    }

    @Test func tagsOfEveryDirectory() throws {
        let path = folder.file("a.tif")
        let properties = TIFFWriter.Properties(
            micronsPerPixel: (0.25, 0.5), description: "what it is", software: "nuclei")
        try write(
            mask(1000, 600),
            to: TIFFWriter(path: path, width: 1000, height: 600, samples: .gray, properties: properties))
        let directories = try BigTIFF(path).directories
        #expect(directories.map { $0.number(256) } == [1000, 500, 250])
        #expect(directories.map { $0.number(257) } == [600, 300, 150])
        #expect(directories.map { $0.number(254) ?? 0 } == [0, 1, 1], "reduced images")
        #expect(directories.map { $0.number(296) } == [3, 3, 3], "pixels per centimeter")
        for (level, directory) in directories.enumerated() {
            let scale = Double(1 << level)
            #expect(abs(try #require(directory.number(282)) - 40000 / scale) < 0.01)
            #expect(abs(try #require(directory.number(283)) - 20000 / scale) < 0.01)
            let side = [256.0, 256, 144][level]
            #expect(directory.number(322) == side && directory.number(323) == side)
            #expect(directory.texts[305] == "nuclei")
        }
        #expect(directories.map { $0.texts[270] } == ["what it is", nil, nil])
        let microns = try #require(SlideReader(Slide(path)).metadata.micronsPerPixel)
        #expect(microns.x == 0.25 && microns.y == 0.5)

        // Without a resolution, the file states none.
        try write(mask(10, 10), to: TIFFWriter(path: path, width: 10, height: 10, samples: .gray))
        let plain = try BigTIFF(path).directories
        #expect(plain.count == 1 && plain[0].number(282) == nil && plain[0].texts.isEmpty)

        // Some programs write ten pixels per centimeter for an unknown resolution.
        let unknown = TIFFWriter.Properties(micronsPerPixel: (1000, 1000))
        try write(
            mask(16, 16), to: TIFFWriter(path: path, width: 16, height: 16, samples: .gray, properties: unknown))
        #expect(try SlideReader(Slide(path)).metadata.micronsPerPixel == nil)
    }

    @Test func imagesOfOnePixel() throws {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (15, 2)] {
            let path = folder.file("a.tif")
            let pixels = (0..<width * height).map { UInt8(truncatingIfNeeded: $0 * 3) }
            try write(pixels, to: TIFFWriter(path: path, width: width, height: height, samples: .gray))
            let file = try BigTIFF(path)
            try #require(file.directories.count == 1)
            let tiles = try (0..<(width + 15) / 16 * ((height + 15) / 16)).map {
                try file.inflatedTile($0, of: file.directories[0], size: 256)
            }
            for y in 0..<height {
                for x in 0..<width {
                    let tile = tiles[y / 16 * ((width + 15) / 16) + x / 16]
                    try #require(tile[y % 16 * 16 + x % 16] == pixels[y * width + x])
                }
            }
        }
    }

    @Test func refusedSizesAndFolders() throws {
        let path = folder.file("a.tif")
        let error = fileError { _ = try TIFFWriter(path: path, width: 1 << 31, height: 1, samples: .gray) }
        #expect(
            error?.problem == "expected a TIFF image of 1 to 2147483647 px a side, found 2147483648 x 1 px to write")
        let nowhere = folder.file("none/a.tif")
        for side in [2, 600] {
            let error = fileError { _ = try TIFFWriter(path: nowhere, width: side, height: side, samples: .gray) }
            #expect(error == FileError(nowhere, .unwritable, "cannot be written (No such file or directory)"))
        }
        #expect(folder.names.isEmpty)
    }
}

/// Our files, read by other programs.
extension TIFFTests {
    static let tiffinfo = OutsideTool("tiffinfo")
    static let vips = OutsideTool("vips")
    static let tifffile = OutsideTool(pythonWith: "tifffile", "numpy")

    private func example(_ samples: TIFFWriter.Samples, _ compression: TIFFWriter.Compression) throws -> FilePath {
        let path = folder.file("a.tif")
        let properties = TIFFWriter.Properties(micronsPerPixel: (0.5, 0.5), description: "{\"a\": 1}", software: "us")
        let writer = try TIFFWriter(
            path: path, width: 600, height: 700, samples: samples, compression: compression, properties: properties)
        switch samples {
        case .gray: try write(mask(600, 700), to: writer)
        case .rgb: try write(pattern(600, 700).pixels, to: writer)
        case .float: try write(TIFFNumberTests.gradient(600, 700).withUnsafeBytes { Array($0) }, to: writer)
        case .label: try write(TIFFNumberTests.objects(600, 700).withUnsafeBytes { Array($0) }, to: writer)
        }
        return path
    }

    private static let kinds: [(TIFFWriter.Samples, TIFFWriter.Compression)] = [
        (.gray, .deflate), (.gray, .lzw), (.rgb, .deflate), (.rgb, .jpeg(quality: 90)), (.float, .deflate),
        (.label, .deflate),
    ]

    @Test(.enabled(if: tiffinfo != nil, "no tiffinfo: install libtiff-tools"), arguments: kinds.indices)
    func tiffinfoFindsNothingWrong(_ kind: Int) throws {
        let path = try example(Self.kinds[kind].0, Self.kinds[kind].1)
        // -D reads and decodes every tile.
        let result = try #require(Self.tiffinfo).run("-D", path.string)
        #expect(result.status == 0 && result.output.components(separatedBy: "TIFF Directory").count == 4, "\(result)")
        #expect(result.output.contains("Resolution: 20000, 20000 pixels/cm"))
        #expect(!result.output.contains("Warning") && !result.output.contains("rror"), "\(result)")
        // The tool can find errors: the same file with a tile overwritten.
        guard case .deflate = Self.kinds[kind].1 else { return }
        var bytes = try contents(path)
        bytes.replaceSubrange(20..<2000, with: [UInt8](repeating: 0xFF, count: 1980))
        let broken = try #require(Self.tiffinfo).run("-D", folder.file("b.tif", bytes).string)
        #expect(broken.output.contains("ZIPDecode"), "\(broken)")
    }

    @Test(.enabled(if: vips != nil, "no vips: install libvips-tools"), arguments: kinds.indices)
    func vipsReadsEveryLevel(_ kind: Int) throws {
        let (samples, compression) = Self.kinds[kind]
        let path = try example(samples, compression)
        for level in 0..<3 {
            let copy = folder.file("copy.ppm")
            let result = try #require(Self.vips).run(
                "copy", "\(path)[page=\(level)]",
                ([.float, .label].contains(samples) ? folder.file("copy.v") : copy).string)
            #expect(result.status == 0 && result.output.isEmpty, "\(result)")
            if samples == .rgb {
                let side = 600 >> level
                #expect(try contents(copy).starts(with: Array("P6\n".utf8)) && contents(copy).count > side * side * 3)
            }
        }
    }

    @Test(.enabled(if: tifffile != nil, "no tifffile: pip install tifffile imagecodecs, or set NUCLEI_PYTHON"))
    func tifffileReadsTheSameNumbers() throws {
        let path = try example(.float, .deflate)
        let script = """
            import sys, numpy, tifffile
            with tifffile.TiffFile(sys.argv[1]) as f:
                assert f.is_bigtiff and [p.shape for p in f.pages] == [(700, 600), (350, 300), (175, 150)]
                a = f.pages[0].asarray()
                y, x = numpy.mgrid[0:700, 0:600]
                hole = (x >= 300) & (y % 4 < 2)
                assert a.dtype == numpy.float32 and numpy.isnan(a[hole]).all()
                assert numpy.abs(a - (x / 7 + y * 1.5))[~hole].max() < 1e-3
                assert f.pages[0].tags['XResolution'].value == (20000, 1), f.pages[0].tags['XResolution'].value
                assert f.pages[0].description == '{"a": 1}'
            print('as expected')
            """
        let result = try #require(Self.tifffile).run(script, path.string)
        #expect(result.output == "as expected\n", "\(result)")
    }
}
