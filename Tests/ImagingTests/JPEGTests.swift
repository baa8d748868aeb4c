import Foundations
import Imaging
import Testing

@Suite struct JPEGTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func image(_ maker: JPEGMaker) throws -> RGBImage {
        try RGBImage(decoding: folder.file("a.jpg", maker.bytes))
    }

    private func problem(of bytes: [UInt8]) throws -> String? { decodingProblem(try folder.file("a.jpg", bytes)) }

    private func expect(_ bytes: [UInt8], _ problem: String) throws {
        let found = try self.problem(of: bytes)
        #expect(found == problem)
    }

    private static func value(_ x: Int, _ y: Int, _ component: Int) -> Int { (x * 97 + y * 61 + component * 40) & 255 }

    /// Compares each block with the color that `color` computes from the values of its components.
    private func expectBlocks(
        _ maker: JPEGMaker, tolerance: Int, _ color: ([Double]) -> [Double], line: Int = #line
    ) throws {
        let twin = (0..<maker.height).flatMap { y in
            (0..<maker.width).flatMap { x in
                let values = (0..<maker.components).map { Double(maker.value(x / 8, y / 8, $0)) }
                return color(values).map { UInt8(min(255, max(0, $0.rounded()))) }
            }
        }
        let found = difference(
            try image(maker), RGBImage(width: maker.width, height: maker.height, pixels: twin), tolerance: tolerance)
        #expect(found == nil, "from line \(line)")
    }

    private static func rgb(_ ycc: [Double]) -> [Double] {
        let (y, cb, cr) = (ycc[0], ycc[1] - 128, ycc[2] - 128)
        return [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]
    }

    @Test func colorSpaces() throws {
        let (width, height) = (37, 21)
        try expectBlocks(
            JPEGMaker(width: width, height: height, components: 1, value: Self.value), tolerance: 0
        ) { [$0[0], $0[0], $0[0]] }
        try expectBlocks(
            JPEGMaker(width: width, height: height, components: 3, adobeTransform: 0, value: Self.value), tolerance: 0
        ) { $0 }
        try expectBlocks(
            JPEGMaker(width: width, height: height, components: 3, value: Self.value), tolerance: 1, Self.rgb)
        // Adobe stores inks inverted: 255 is no ink.
        try expectBlocks(
            JPEGMaker(width: width, height: height, components: 4, adobeTransform: 0, value: Self.value), tolerance: 1
        ) { v in (0..<3).map { v[$0] * v[3] / 255 } }
        try expectBlocks(
            JPEGMaker(width: width, height: height, components: 4, value: Self.value), tolerance: 1
        ) { v in (0..<3).map { (255 - v[$0]) * (255 - v[3]) / 255 } }
        // YCCK: libjpeg computes CMY as 255 - RGB, so the stored inks are inverted RGB.
        try expectBlocks(
            JPEGMaker(width: width, height: height, components: 4, adobeTransform: 2, value: Self.value), tolerance: 2
        ) { v in Self.rgb(v).map { (255 - min(255, max(0, $0))) * v[3] / 255 } }
    }

    @Test func progressive() throws {
        let maker = JPEGMaker(width: 24, height: 24, components: 1, startOfFrame: 0xC2) { _, _, _ in 200 }
        try expectBlocks(maker, tolerance: 0) { [$0[0], $0[0], $0[0]] }
    }

    @Test(arguments: [1, 3]) func truncatedAnywhere(components: Int) throws {
        let bytes = JPEGMaker(width: 40, height: 40, components: components, value: Self.value).bytes
        #expect(try problem(of: bytes) == nil)
        for count in 3..<bytes.count {
            let problem = try #require(try problem(of: Array(bytes.prefix(count))), "\(count) bytes decoded")
            #expect(
                problem.hasPrefix("expected a whole JPEG image, found the end of the file "), "\(count): \(problem)")
        }
        try expect(
            Array(bytes.prefix(30)),
            "expected a whole JPEG image, found the end of the file in its header")
        try expect(
            Array(bytes.dropLast(2)),
            "expected a whole JPEG image, found the end of the file at row 32 of 40")
    }

    /// JPEG has no checksums: a flipped byte may stay undetected, but must not crash, print or hang.
    @Test func flippedAnywhere() throws {
        let bytes = JPEGMaker(width: 40, height: 40, components: 3, value: Self.value).bytes
        var noticed = 0
        for index in 3..<bytes.count {
            for mask: UInt8 in [1, 0x80, 0xFF] {
                var damaged = bytes
                damaged[index] ^= mask
                if let problem = try problem(of: damaged) {
                    noticed += 1
                    #expect(!problem.contains("\n"))
                }
            }
        }
        #expect(noticed > bytes.count)
    }

    /// Damage that libjpeg only warns about.
    @Test func damageIsNeverPaintedOver() throws {
        let maker = JPEGMaker(width: 64, height: 64, components: 1, value: Self.value)
        let bytes = maker.bytes
        let scan = bytes.count - 40
        var damaged = bytes
        for index in scan..<scan + 6 { damaged[index] = 0xFE }
        #expect(
            try problem(of: damaged)?.hasSuffix("(Corrupt JPEG data: bad Huffman code)") == true)
        #expect(
            try problem(of: Array(bytes[..<scan]) + [0xFF, 0xD9])?
                .hasSuffix("(Corrupt JPEG data: premature end of data segment)") == true)
        #expect(
            try problem(of: bytes.dropLast(2) + [1, 2, 3, 4, 5, 6, 7, 8, 0xFF, 0xD9])?.hasPrefix(
                "expected an intact JPEG image, found damage at row 64 of 64 (Corrupt JPEG data: ") == true)
    }

    @Test func unsupportedVariants() throws {
        let deep = JPEGMaker(width: 8, height: 8, components: 1, precision: 12, value: Self.value)
        try expect(
            deep.bytes,
            "cannot be decoded as a JPEG image (Unsupported JPEG data precision 12)")
        let lossless = JPEGMaker(width: 8, height: 8, components: 1, startOfFrame: 0xC3, value: Self.value)
        #expect(try problem(of: lossless.bytes)?.hasPrefix("cannot be decoded as a JPEG image (") == true)
    }

    /// Exif data of one directory with the orientation, in both byte orders.
    @Test func orientationsAreNotAppliedButTold() throws {
        let jpeg = JPEGMaker(width: 16, height: 8, components: 1, value: Self.value).bytes
        for (isLittle, orientation) in [(true, 6), (false, 3), (true, 1), (false, 9)] {
            func number(_ value: Int, _ count: Int) -> [UInt8] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
                return isLittle ? bytes : bytes.reversed()
            }
            let tag = number(0x112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + number(0, 2)
            let other = number(0x10F, 2) + number(2, 2) + number(2, 4) + [0x78, 0, 0, 0]
            let directory = number(42, 2) + number(8, 4) + number(2, 2) + other + tag + number(0, 4)
            let exif = Array("Exif\0\0\(isLittle ? "II" : "MM")".utf8) + directory
            let path = try folder.file("e.jpg", Array(jpeg[..<2]) + JPEGMaker.segment(0xE1, exif) + Array(jpeg[2...]))
            let reader = try openImage(path)
            #expect(reader.width == 16 && reader.height == 8)
            let isTurned = (2...8).contains(orientation)
            #expect(
                reader.remark
                    == (isTurned
                        ? "read as it is stored, not turned: the Exif orientation \(orientation) is not applied" : nil))
            let cut = try folder.file(
                "c.jpg", Array(jpeg[..<2]) + JPEGMaker.segment(0xE1, Array(exif[..<20])) + Array(jpeg[2...]))
            #expect(try openImage(cut).remark == nil)
        }
    }

    @Test func absurdHeaders() throws {
        let small = JPEGMaker(width: 8, height: 8, components: 3, startOfFrame: 0xC2, value: Self.value).bytes
        let frame = try #require((0..<small.count - 1).first { small[$0] == 0xFF && small[$0 + 1] == 0xC2 })
        var huge = small
        huge.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0, 0xFF, 0])
        // Decoded by rows, because a whole image of this size is refused for its size.
        let path = try folder.file("b.jpg", huge)
        let reader = try openImage(path)
        #expect(reader.width == 65280 && reader.height == 65280)
        var row = [UInt8](repeating: 0, count: 3 * reader.width)
        let error = fileError { try reader.readRows(into: &row, count: 1) }
        #expect(error?.problem.hasPrefix("cannot be decoded as a JPEG image (") == true, "\(error?.problem ?? "-")")
        for field in [frame + 5, frame + 7] {
            var empty = small
            empty.replaceSubrange(field..<field + 2, with: [0, 0])
            #expect(try problem(of: empty)?.contains("damage in its header (Empty JPEG image") == true)
        }
    }
}
