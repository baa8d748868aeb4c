import Foundations
import Imaging
import Testing

/// Damaged PNG files: each gives one clear error and no pixels.
@Suite struct MalformedPNGTests {
    let folder: TemporaryFolder
    let maker = PNGMaker(width: 5, height: 4, type: .rgb, depth: 8) { x, y, c in (50 * x + 10 * y + c) & 255 }

    init() throws { folder = try TemporaryFolder() }

    private func problem(of bytes: [UInt8]) throws -> String? { decodingProblem(try folder.file("a.png", bytes)) }

    private func expect(_ bytes: [UInt8], _ problem: String) throws {
        let found = try self.problem(of: bytes)
        #expect(found == problem)
    }

    /// Signature, IHDR with these fields, an empty IDAT and IEND.
    private func header(_ width: Int, _ height: Int, depth: UInt8 = 8, type: UInt8 = 2, interlace: UInt8 = 0) -> [UInt8]
    {
        PNGMaker.signature
            + PNGMaker.chunk("IHDR", bigEndian(width) + bigEndian(height) + [depth, type, 0, 0, interlace])
            + PNGMaker.chunk("IDAT", []) + PNGMaker.chunk("IEND", [])
    }

    @Test func truncatedAnywhere() throws {
        let bytes = maker.bytes
        #expect(try problem(of: bytes) == nil)
        for count in 4..<bytes.count {
            let problem = try #require(try problem(of: Array(bytes.prefix(count))), "\(count) bytes decoded")
            #expect(problem.hasPrefix("expected a whole PNG image, found the end of the file "), "\(count): \(problem)")
        }
        try expect(
            Array(bytes.prefix(20)),
            "expected a whole PNG image, found the end of the file in its header")
        try expect(
            Array(bytes.dropLast(40)),
            "expected a whole PNG image, found the end of the file at row 0 of 4")
        try expect(
            Array(bytes.dropLast(1)),
            "expected a whole PNG image, found the end of the file at row 4 of 4")
    }

    @Test(arguments: [false, true]) func flippedAnywhere(interlaced: Bool) throws {
        var maker = maker
        maker.interlaced = interlaced
        let bytes = maker.bytes
        for index in bytes.indices {
            for mask: UInt8 in [1, 0x80, 0xFF] {
                var damaged = bytes
                damaged[index] ^= mask
                let problem = try #require(
                    try problem(of: damaged), "byte \(index) flipped by \(mask) stays undetected")
                #expect(!problem.contains("\n"))
            }
        }
    }

    @Test func wrongChecksums() throws {
        var bytes = maker.bytes
        bytes[29] ^= 1  // the checksum of IHDR
        try expect(
            bytes,
            "expected an intact PNG image, found damage in its header (IHDR: CRC error)")
        bytes = maker.bytes
        bytes[bytes.count - 13] ^= 1  // the checksum of IDAT
        try expect(
            bytes,
            "expected an intact PNG image, found damage at row 3 of 4 (IDAT: CRC error)")
    }

    /// Chunks with right checksums around a zlib stream with wrong content.
    @Test func wrongCompressedData() throws {
        let rows = [UInt8](repeating: 0, count: 16 * 4)
        func image(_ data: [UInt8]) -> [UInt8] {
            let bytes = maker.bytes
            return Array(bytes[..<33]) + PNGMaker.chunk("IDAT", data) + PNGMaker.chunk("IEND", [])
        }
        #expect(try problem(of: image(PNGMaker.stored(rows))) == nil)
        let wrongs: [(String, [UInt8])] = [
            ("short", PNGMaker.stored(Array(rows.dropLast()))),
            ("long", PNGMaker.stored(rows + [0])),
            ("no stream", [1, 2, 3, 4]),
            ("wrong sum", Array(PNGMaker.stored(rows).dropLast()) + [77]),
            ("unknown filter", PNGMaker.stored([9] + rows.dropFirst())),
        ]
        for (name, data) in wrongs {
            let problem = try #require(try problem(of: image(data)), "\(name) decoded")
            #expect(problem.hasPrefix("expected an intact PNG image, found damage "), "\(name): \(problem)")
        }
    }

    @Test func paletteIndexBeyondThePalette() throws {
        var maker = PNGMaker(width: 2, height: 1, type: .palette, depth: 8) { x, _, _ in x * 3 }
        maker.palette = [1, 2, 3, 4, 5, 6]
        try expect(
            maker.bytes,
            "expected an intact PNG image, found damage at row 0 of 1 (color 3 of a palette of 2)")
    }

    @Test func absurdHeaders() throws {
        let largest = 0x7FFF_FFFF
        try expect(
            header(largest, largest),
            "expected a whole PNG image, found only 57 bytes for the 2147483647 x 2147483647 px in its header")
        for interlace: UInt8 in [0, 1] {
            for (width, height) in [(largest, 1), (1, largest), (1_000_000, 1_000_000)] {
                let bytes = header(width, height, depth: 16, type: 6, interlace: interlace)
                #expect(try problem(of: bytes)?.contains("found only 57 bytes for the") == true)
            }
        }
        for (width, height) in [(0, 4), (4, 0), (0, 0), (0xFFFF_FFFF, 4), (4, 0x8000_0000)] {
            let problem = try #require(try problem(of: header(width, height)))
            #expect(problem.hasPrefix("expected an intact PNG image, found damage in its header ("))
        }
        for (depth, type): (UInt8, UInt8) in [(3, 0), (16, 3), (4, 2), (8, 5)] {
            #expect(try problem(of: header(4, 4, depth: depth, type: type))?.contains("damage in its header") == true)
        }
    }

    /// The first failure is final.
    @Test func failuresAreSticky() throws {
        let path = try folder.file("a.png", Array(maker.bytes.dropLast(40)))
        let reader = try PNGReader(path)
        var rows = [UInt8](repeating: 0, count: 15 * 4)
        let first = fileError { try reader.readRows(into: &rows, count: 4) }
        let second = fileError { try reader.readRows(into: &rows, count: 1) }
        #expect(first != nil && first == second)
        #expect(first?.kind == .malformed)
    }
}
