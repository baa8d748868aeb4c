import Foundations
import Imaging
import Testing

/// Label images: stored numbers, exactly.
@Suite struct LabelImageTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A number of some bits that differs between neighbors; about half of the pixels are background.
    private static func value(_ x: Int, _ y: Int, bits: Int) -> Int {
        (x + y) % 2 == 0 ? 0 : (x * 40_503 + y * 30_011 + 77) & ((1 << min(bits, 31)) - 1)
    }

    private static func png(_ type: PNGMaker.ColorType = .gray, _ depth: Int = 8) -> PNGMaker {
        var maker = PNGMaker(width: 13, height: 9, type: type, depth: depth) { x, y, channel in
            channel == (type == .grayAlpha ? 1 : 3) ? 1 << depth - 1 : value(x, y, bits: depth)
        }
        if type == .palette { maker.palette = (0..<3 << depth).map { UInt8(255 - $0 % 256) } }
        return maker
    }

    private static func tiff(bits: Int) -> PlainTIFF {
        var maker = PlainTIFF(width: 37, height: 23) { x, y, _ in value(x, y, bits: bits) }
        (maker.samples, maker.bits, maker.photometric) = (1, bits, 1)
        return maker
    }

    private func decode(_ bytes: [UInt8]) throws -> LabelImage {
        try LabelImage(decoding: folder.file("a.image", bytes))
    }

    private func problem(_ bytes: [UInt8]) throws -> String? {
        let path = try folder.file("a.image", bytes)
        return fileError { _ = try LabelImage(decoding: path) }?.problem
    }

    private func expected(_ width: Int, _ height: Int, bits: Int) -> LabelImage {
        let labels = (0..<width * height).map { UInt32(Self.value($0 % width, $0 / width, bits: bits)) }
        return LabelImage(width: width, height: height, labels: labels)
    }

    @Test func masksWithGrayEdgesAreRefused() throws {
        let folder = try TemporaryFolder()
        func problem(_ labels: [UInt32]) throws -> String? {
            let path = folder.file("m.png")
            try LabelImage(width: labels.count, height: 1, labels: labels).write(to: path)
            return fileError { _ = try LabelImage(decoding: path) }?.problem
        }
        #expect(
            try problem([0, 64, 191, 255, 255, 255, 255, 128, 0])
                == "expected a label image, or a mask of 0 and 255, found a mask with gray edges, as resizing or JPEG makes them"
        )
        #expect(try problem([0, 0, 255, 255]) == nil && problem([0, 1, 255, 255, 255]) == nil)
        #expect(try problem([0, 1, 2, 3, 255, 255]) == nil, "nuclei 1 to 3 and 255")
        #expect(try problem([0, 1, 2, 255, 255, 255, 256]) == nil)
    }

    @Test func pngOfEveryKind() throws {
        for type in PNGMaker.ColorType.allCases {
            for depth in type.depths {
                for interlaced in [false, true] {
                    var maker = Self.png(type, depth)
                    maker.interlaced = interlaced
                    #expect(try decode(maker.bytes) == expected(13, 9, bits: depth), "\(type) \(depth) \(interlaced)")
                }
            }
        }
    }

    @Test func tiffOfEveryLayout() throws {
        for bits in [1, 2, 4, 8, 12, 16, 32] {
            for variant in 0..<8 {
                var maker = Self.tiff(bits: bits)
                (maker.isBigEndian, maker.isBigTIFF) = (variant & 1 != 0, variant & 2 != 0)
                if variant & 4 != 0 { maker.tile = (16, 32) }
                maker.compression = variant % 3 == 0 ? .lzw : .deflate
                #expect(try decode(maker.bytes) == expected(37, 23, bits: bits), "\(bits) bits, variant \(variant)")
            }
        }
    }

    @Test func tiffWithColorsOrPaletteOrSign() throws {
        let image = expected(37, 23, bits: 8)
        for isPlanar in [false, true] {
            var maker = Self.tiff(bits: 8)
            (maker.samples, maker.photometric, maker.isPlanar) = (3, 2, isPlanar)
            #expect(try decode(maker.bytes) == image)
        }
        var palette = Self.tiff(bits: 8)
        palette.photometric = 3
        palette.tags[320] = [Int](repeating: 7, count: 3 << 8)
        #expect(try decode(palette.bytes) == image)
        var signed = Self.tiff(bits: 32)
        signed.tags[339] = [2]
        #expect(try decode(signed.bytes) == expected(37, 23, bits: 32))
        signed.sample = { x, y, _ in x == 5 && y == 7 ? -1 : 3 }
        #expect(
            try problem(signed.bytes) == "cannot be decoded as a TIFF label image (negative values are not labels)")
    }

    /// White is the foreground of bilevel images; other numbers are those that are stored.
    @Test func minimumIsWhite() throws {
        for bits in [1, 8] {
            var maker = Self.tiff(bits: bits)
            maker.photometric = 0
            var image = expected(37, 23, bits: bits)
            if bits == 1 { image.labels = image.labels.map { 1 - $0 } }
            #expect(try decode(maker.bytes) == image)
        }
    }

    @Test func turnedTIFF() throws {
        var maker = Self.tiff(bits: 16)
        maker.tags[274] = [6]
        let (image, turned) = (expected(37, 23, bits: 16), try decode(maker.bytes))
        #expect(turned.width == 23 && turned.height == 37)
        for (index, label) in turned.labels.enumerated() {
            let (x, y) = (index % 23, index / 23)
            #expect(label == image.labels[(22 - x) * 37 + y])
        }
    }

    @Test func transparency() throws {
        var maker = Self.png(.rgba)
        maker.sample = { x, _, channel in channel < 3 ? 200 : x < 4 ? 255 : 0 }
        let image = try decode(maker.bytes)
        #expect(image.labels == (0..<13 * 9).map { $0 % 13 < 4 ? 200 : 0 })
        maker.sample = { x, _, channel in channel < 3 ? 200 : x < 4 ? 255 : 254 }
        #expect(
            try problem(maker.bytes)
                == "cannot be decoded as a PNG label image (pixels that are partly transparent are not labels)")
    }

    @Test func refusedImages() throws {
        var color = Self.png(.rgb)
        color.sample = { x, y, channel in x == 12 && y == 8 && channel == 2 ? 1 : 0 }
        #expect(
            try problem(color.bytes)
                == "cannot be decoded as a PNG label image (colors are not labels; gray values are expected)")
        var float = Self.tiff(bits: 32)
        float.tags[339] = [3]
        #expect(
            try problem(float.bytes)
                == "cannot be decoded as a TIFF label image (floating-point samples of 32 bits; integers of 1 to 16 or "
                + "32 bits are supported)")
        #expect(try problem(Array("text".utf8)) == "expected a PNG or TIFF label image, found text")
        #expect(
            try problem(Array(Self.png().bytes.dropLast(40)))
                == "expected a whole PNG label image, found the end of the file at row 0 of 9")
        var index = Self.png(.palette, 8)
        index.palette.removeLast(300)
        #expect(try problem(index.bytes)?.contains("of a palette of 156)") == true)
        #expect(fileError { _ = try LabelImage(decoding: folder.path.appending("none.png")) }?.kind == .unreadable)
    }

    @Test func absurdHeaders() throws {
        let header = bigEndian(1_000_000) + bigEndian(1_000_000) + [16, 0, 0, 0, 0]
        let bytes = PNGMaker.signature + PNGMaker.chunk("IHDR", header) + PNGMaker.chunk("IDAT", [])
        #expect(try problem(bytes + PNGMaker.chunk("IEND", []))?.hasPrefix("expected a whole PNG label image") == true)
        var maker = Self.tiff(bits: 8)
        // JPEG compression, from whose bytes the size cannot be estimated.
        (maker.width, maker.height, maker.compressionTag, maker.strip) = (2_000_000, 2_000_000, 7, [1, 2, 3, 4])
        let found = try #require(try problem(maker.bytes))
        #expect(found.hasPrefix("expected a label image of at most "), "\(found)")
        #expect(found.hasSuffix(" px, which fit in memory, found 2000000 x 2000000 px"), "\(found)")
    }

    @Test func writtenAndReadAgain() throws {
        var image = expected(37, 23, bits: 16)
        image.labels[1] = 65_535
        let path = folder.path.appending("labels.png")
        try image.write(to: path)
        #expect(try LabelImage(decoding: path) == image)
        image.labels[1] = 65_536
        #expect(
            fileError { try image.write(to: path) }
                == FileError(path, .unwritable, "expected labels up to 65535 to write, found 65536"))
    }

    /// A square, a polygon with a hole and a part outside, one over the square, and objects that do not count.
    @Test func polygons() throws {
        func feature(_ rings: String, _ kind: String = "Polygon", _ name: String = "Nucleus") -> String {
            """
            {"type": "Feature", "geometry": {"type": "\(kind)", "coordinates": \(rings)},
             "properties": {"classification": {"name": "\(name)"}}}
            """
        }
        let features = [
            feature("[[[1, 1], [4, 1], [4, 3], [1, 3], [1, 1]]]"),
            feature("[[[5, 0], [9, 0], [9, 4], [5, 4], [5, 0]], [[6, 1], [7, 1], [7, 3], [6, 3], [6, 1]]]"),
            feature("[[[3, 2], [4, 2], [4, 5], [3, 5], [3, 2]]]"),
            feature("[[[0, 0], [8, 0], [8, 4], [0, 0]]]", "Polygon", "Ignore*"), feature("[1, 2]", "Point"),
        ]
        func image(_ features: [String], _ note: (String) -> Void) throws -> LabelImage {
            let text = #"{"type": "FeatureCollection", "features": [\#(features.joined(separator: ","))]}"#
            return try LabelImage(outlines: folder.file("a.geojson", text), width: 8, height: 4, note: note)
        }
        var notes = [String]()
        #expect(
            try image(features) { notes.append($0) }.labels == [
                0, 0, 0, 0, 0, 2, 2, 2,
                0, 1, 1, 1, 0, 2, 0, 2,
                0, 1, 1, 3, 0, 2, 0, 2,
                0, 0, 0, 3, 0, 2, 2, 2,
            ])
        #expect(notes.count == 1 && notes[0].hasPrefix("1 point left out of "))
        // A nucleus may have several parts, and that of a cell is a polygon of its own.
        let parts = feature(
            "[[[[0, 0], [1, 0], [1, 2], [0, 2], [0, 0]]], [[[2, 0], [3, 0], [3, 2], [2, 2], [2, 0]]]]", "MultiPolygon")
        let cell = """
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[4, 0], [8, 0], [8, 4], [4, 4], [4, 0]]]},
             "nucleusGeometry": {"type": "Polygon", "coordinates": [[[5, 1], [7, 1], [7, 3], [5, 3], [5, 1]]]},
             "properties": {"objectType": "cell"}}
            """
        #expect(
            try image([parts, cell]) { _ in }.labels == [
                1, 0, 1, 0, 0, 0, 0, 0,
                1, 0, 1, 0, 0, 2, 2, 0,
                0, 0, 0, 0, 0, 2, 2, 0,
                0, 0, 0, 0, 0, 0, 0, 0,
            ])
        #expect(try image([]) { _ in }.labels == [UInt32](repeating: 0, count: 32))
    }

    @Test(.enabled(if: RealImages.folder != nil, RealImages.missing)) func realImages() throws {
        let data = try #require(RealImages.folder)
        let labels = try LabelImage(decoding: data.appending("nuclei_images/image_0_labels.png"))
        let (numbers, largest) = (Set(labels.labels), labels.labels.max() ?? 0)
        #expect(!labels.isBinary && labels.nuclei == labels && numbers.count == Int(largest) + 1)
        let truth = try LabelImage(decoding: data.appending("crops/wsi_crop_1_truth.png"))
        #expect(truth.isBinary && Set(truth.labels) == [0, 255])
        #expect(truth.nuclei.labels.max() ?? 0 > 100)
    }
}
