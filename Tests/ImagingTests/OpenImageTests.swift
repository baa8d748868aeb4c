import Foundation
import Foundations
import Imaging
import Testing

@Suite struct OpenImageTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func theContentSelectsTheFormat() throws {
        let png = PNGMaker(width: 2, height: 1, type: .gray, depth: 8) { _, _, _ in 9 }.bytes
        let jpeg = JPEGMaker(width: 2, height: 1, components: 1) { _, _, _ in 9 }.bytes
        for name in ["a.png", "a.jpg", "a.svs", "a.mrxs", "a"] {
            #expect(try openImage(folder.file(name, png)) is PNGReader)
            // A MIRAX index without its folder is a plain JPEG.
            #expect(try openImage(folder.file(name, jpeg)) is JPEGReader)
        }
    }

    @Test func otherContents() throws {
        let contents: [(String, [UInt8])] = [
            ("text", Array("tile_id,label\n1,NUCLEI\n".utf8)),
            ("an empty file", []),
            ("a GIF image", Array("GIF89a".utf8)),
            ("a BMP image", Array("BM\u{1}".utf8)),
            ("a WebP image", Array("RIFF\u{1}\u{1}\u{1}\u{1}WEBPVP8 ".utf8)),
            ("a PDF document", Array("%PDF-1.7\n".utf8)),
            ("a TIFF image that OpenSlide does not recognize", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 0, 0]),
            ("a file that begins with the bytes 00 01 FE FF", [0, 1, 254, 255, 7]),
        ]
        for (found, bytes) in contents {
            let path = try folder.file("a.png", bytes)
            #expect(
                fileError { _ = try openImage(path) }
                    == FileError(path, expected: "a PNG, JPEG or whole-slide image", found: found))
        }
    }

    @Test func pathsThatAreNotFiles() throws {
        let missing = folder.file("none.png")
        #expect(
            fileError { _ = try openImage(missing) }
                == FileError(missing, .unreadable, "cannot be read (No such file or directory)"))
        #expect(
            fileError { _ = try openImage(folder.path) }
                == FileError(folder.path, .unreadable, "expected an image file, found a folder"))
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe.string, 0o600) == 0)
        #expect(
            fileError { _ = try openImage(pipe) }
                == FileError(pipe, .unreadable, "expected an image file, found a pipe or a device"))
        for open: (FilePath) throws -> any RowReader in [
            { try PNGReader($0) }, { try JPEGReader($0) }, { try SlideReader(Slide($0)) },
        ] {
            #expect(fileError { _ = try open(missing) }?.kind == .unreadable)
            #expect(fileError { _ = try open(folder.path) }?.kind == .unreadable)
            #expect(fileError { _ = try open(folder.file("empty", [])) }?.kind == .malformed)
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may read every file")) func forbidden() throws {
        let path = try folder.file("a.png", [1])
        #expect(chmod(path.string, 0) == 0)
        #expect(
            fileError { _ = try openImage(path) }
                == FileError(path, .unreadable, "cannot be read (Permission denied)"))
    }

    /// Many tiles are decoded at once, each with its own reader.
    @Test func parallelDecoding() async throws {
        var files: [(path: FilePath, image: RGBImage)] = []
        for index in 0..<8 {
            let image = pattern(64 + index, 200)
            let path = folder.file("\(index).\(index % 2 == 0 ? "png" : "jpg")")
            try write(image.pixels, to: openImageForWriting(path, width: image.width, height: image.height))
            files.append((path, try RGBImage(decoding: path)))
        }
        let damaged = try folder.file("damaged.png", Array(contents(files[0].path).dropLast(500)))
        try await withThrowingTaskGroup(of: String?.self) { group in
            for turn in 0..<200 {
                let (path, image) = files[turn % files.count]
                group.addTask {
                    if turn % 5 == 0 { return decodingProblem(damaged) == nil ? "damage unnoticed" : nil }
                    return difference(try RGBImage(decoding: path), image)
                }
            }
            for try await difference in group { #expect(difference == nil) }
        }
    }

    @Test(.enabled(if: dataFolder != nil, noData)) func realTilesAndCrops() throws {
        let root = try #require(dataFolder)
        for name in ["nuclei_tiles/tile_0.png", "nuclei_tiles/tile_1.png", "nuclei_tiles/tile_2.png"] {
            let image = try RGBImage(decoding: "\(root)/\(name)")
            #expect(image.width == 256 && image.height == 256)
        }
        for name in Folder.names(in: root.appending("crops")) where !name.hasSuffix(".csv") {
            let image = try RGBImage(decoding: "\(root)/crops/\(name)")
            #expect(image.width >= 512 && image.height >= 512)
        }
    }
}
