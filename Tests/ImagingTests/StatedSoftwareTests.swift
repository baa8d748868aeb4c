import Foundation
import Foundations
import Imaging
import Testing

struct StatedSoftwareTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: ["a.png", "a.jpg"]) func picturesStateTheirSoftware(_ name: String) throws {
        let (image, path, plain) = (pattern(40, 30), folder.file(name), folder.file("plain-\(name)"))
        try write(image.pixels, to: openImageForWriting(path, width: 40, height: 30, software: "nuclei 1.2.3"))
        #expect(statedSoftware(of: path) == "nuclei 1.2.3")
        try write(image.pixels, to: openImageForWriting(plain, width: 40, height: 30))
        #expect(statedSoftware(of: plain) == nil)
        #expect(try RGBImage(decoding: path).pixels == RGBImage(decoding: plain).pixels)
    }

    @Test(arguments: ["m.png", "m.tif"]) func masksStateTheirSoftware(_ name: String) throws {
        let path = folder.file(name)
        let properties = TIFFWriter.Properties(software: "nuclei 1.2.3")
        try write([0, 255, 255, 0], to: openMaskForWriting(path, width: 2, height: 2, properties: properties))
        #expect(statedSoftware(of: path) == "nuclei 1.2.3")
    }

    @Test func softwareIsFoundAmongOtherParts() throws {
        func png(_ chunks: [UInt8]...) throws -> FilePath {
            try folder.file("other.png", PNGMaker.signature + chunks.flatMap { $0 } + PNGMaker.chunk("IDAT", []))
        }
        func text(_ key: String, _ value: String) -> [UInt8] { PNGMaker.chunk("tEXt", Array("\(key)\0\(value)".utf8)) }
        let header = PNGMaker.chunk("IHDR", [UInt8](repeating: 1, count: 13))
        #expect(try statedSoftware(of: png(header, text("Author", "A"), text("Software", "B 1"))) == "B 1")
        #expect(try statedSoftware(of: png(header, text("Author", "Software"), text("Softwares", "B 1"))) == nil)
        func jpeg(_ segments: [UInt8]...) throws -> FilePath {
            try folder.file("other.jpg", [0xFF, 0xD8] + segments.flatMap { $0 } + [0xFF, 0xDA, 0, 2])
        }
        #expect(try statedSoftware(of: jpeg([0xFF, 0xE0, 0, 4, 1, 2], [0xFF, 0xFE, 0, 5, 65, 32, 49])) == "A 1")
        #expect(try statedSoftware(of: jpeg([0xFF, 0xE0, 0, 4, 1, 2])) == nil)
    }

    @Test func damagedFilesStateNone() throws {
        let whole = folder.file("a.png")
        try write(
            pattern(8, 8).pixels, to: openImageForWriting(whole, width: 8, height: 8, software: "nuclei 1.2.3"))
        let bytes = try contents(whole)
        for count in 0..<64 {
            let cut = try folder.file("cut.png", Array(bytes.prefix(count)))
            #expect(statedSoftware(of: cut) == nil || count >= 62, "\(count) bytes")
        }
        for segment: [UInt8] in [
            [0xFF, 0xFE], [0xFF, 0xFE, 0, 0], [0xFF, 0xFE, 0, 1], [0xFF, 0xFE, 0xFF, 0xFF, 65],
        ] {
            #expect(try statedSoftware(of: folder.file("a.jpg", [0xFF, 0xD8] + segment)) == nil, "\(segment)")
        }
        #expect(try statedSoftware(of: folder.file("a.tif", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0])) == nil)
        #expect(statedSoftware(of: folder.file("missing.png")) == nil)
    }
}
