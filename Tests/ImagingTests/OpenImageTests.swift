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
        for name in ["a.png", "a.jpg", "a.svs", "a"] {
            #expect(try openImage(folder.file(name, png)) is PNGReader)
            #expect(try openImage(folder.file(name, jpeg)) is JPEGReader)
        }
    }

    /// The index of a MIRAX slide is a JPEG preview.
    @Test func previewsOfSlidesAreNotTheSlides() throws {
        let jpeg = JPEGMaker(width: 2, height: 1, components: 1) { _, _, _ in 9 }.bytes
        func problem(_ name: String) throws -> String? {
            let path = try folder.file(name, jpeg)
            return fileError { _ = try openImage(path) }?.problem
        }
        let folderMissing = "expected the folder a of this MIRAX slide, with Slidedat.ini, next to it, found "
        #expect(try problem("a.mrxs") == folderMissing + "none; the .mrxs file is only its preview")
        try Folder.make(folder.file("a"))
        #expect(try problem("a.mrxs") == folderMissing + "a folder without Slidedat.ini")
        #expect(try problem("a.jpg") == nil)
        _ = try folder.file("a/Slidedat.ini", Array("[GENERAL]\n".utf8))
        for ending in ["MRXS", "jpg"] {
            #expect(
                try problem("a.\(ending)")
                    == "expected the name a.mrxs, in lower case, for the preview of a MIRAX slide, found the extension "
                    + ".\(ending); rename it")
        }
    }

    @Test func otherContents() throws {
        func slide(_ name: String) throws -> String {
            let version = try #require(OpenSlideLibrary.version)
            return name
                + (OpenSlideLibrary.isBefore4
                    ? ", which needs OpenSlide 4, not \(version) (see NUCLEI_OPENSLIDE); or "
                    : " that OpenSlide \(version) does not recognize as a slide; ")
                + "convert it to a pyramidal TIFF, for example with QuPath or bfconvert"
        }
        let contents: [(String, [UInt8])] = try [
            ("text", Array("tile_id,label\n1,NUCLEI\n".utf8)),
            ("an empty file", []),
            ("a GIF image; convert it to PNG or TIFF", Array("GIF89a".utf8)),
            ("a BMP image; convert it to PNG or TIFF", Array("BM\u{1}".utf8)),
            ("a WebP image; convert it to PNG or TIFF", Array("RIFF\u{1}\u{1}\u{1}\u{1}WEBPVP8 ".utf8)),
            ("a JPEG 2000 image; convert it to PNG or TIFF", [0xFF, 0x4F, 0xFF, 0x51, 0]),
            ("a JPEG XL image; convert it to PNG or TIFF", [0xFF, 0x0A, 0, 0]),
            ("a HEIF or AVIF image; convert it to PNG or TIFF", [0, 0, 0, 24] + Array("ftypheic".utf8)),
            ("a PDF document; convert it to PNG or TIFF", Array("%PDF-1.7\n".utf8)),
            ("a ZIP archive; unpack it", Array("PK\u{3}\u{4}".utf8)),
            (slide("a DICOM file"), [UInt8](repeating: 0, count: 128) + Array("DICM".utf8)),
            (slide("a Zeiss CZI file"), Array("ZISRAWFILE".utf8)),
            (
                "a NIfTI file; convert it to PNG or TIFF",
                [UInt8](repeating: 0, count: 344) + Array("n+1\0".utf8)
            ),
            ("a file that begins with the bytes 00 01 FE FF", [0, 1, 254, 255, 7]),
        ]
        let damaged = try folder.file("a.svs", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 0, 0])
        #expect(
            fileError { _ = try openImage(damaged) }
                == FileError(
                    damaged, expected: "a PNG, JPEG, TIFF or whole-slide image",
                    found: "a TIFF image that OpenSlide does not recognize"), "a slide by its name")
        for (found, bytes) in contents {
            let path = try folder.file("a.png", bytes)
            #expect(
                fileError { _ = try openImage(path) }
                    == FileError(path, expected: "a PNG, JPEG, TIFF or whole-slide image", found: found))
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

    @Test(.enabled(if: RealImages.folder != nil, RealImages.missing)) func realTilesAndCrops() throws {
        let root = try #require(RealImages.folder)
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
