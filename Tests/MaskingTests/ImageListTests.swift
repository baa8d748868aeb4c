import Foundations
import Masking
import TestSupport
import Testing

/// Lists of images in files.
@Suite struct ImageListTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func list(_ text: String) throws -> ImageList { try ImageList(folder.file("list.txt", text)) }

    private func problem(_ text: String) throws -> String? {
        let path = try folder.file("list.txt", text)
        return fileError { _ = try ImageList(path) }.map { "\($0)".replacing("\(path)", with: "list") }
    }

    @Test func onePathPerLine() throws {
        let text = "# slides of March\na.svs\n\n  b, second \"part\".svs\t\r\n/c/*.svs\n   # more\nmpp\n"
        let found = try list("\u{FEFF}" + text)
        #expect(found.images == ["a.svs", "b, second \"part\".svs", "/c/*.svs", "mpp"])
        #expect(found.micronsPerPixel(of: "a.svs") == nil)
    }

    @Test func resolutions() throws {
        let found = try list(
            "# a comment, with a comma\nimage,mpp\na.svs,0.25\n\n\"b, c.svs\", 0.5\r\n#d.svs,7\ne.svs,\nf.svs\n./a.svs,0.25\n"
        )
        #expect(found.images == ["a.svs", "b, c.svs", "e.svs", "f.svs", "./a.svs"])
        #expect(found.images.map { found.micronsPerPixel(of: $0) } == [0.25, 0.5, nil, nil, 0.25])
        #expect(found.micronsPerPixel(of: FilePath("a.svs").absolute) == 0.25)
        #expect(try list("image\na.svs\n").images == ["a.svs"])
    }

    @Test func problems() throws {
        let range = "expected 0.05 to 20 microns per pixel"
        let cases = [
            ("", "list: expected paths of images, one per line, found none"),
            ("# none\n\n", "list: expected paths of images, one per line, found none"),
            ("image,mpp\n", "list: expected paths of images, one per line, found none"),
            ("a\0b\n", "list: expected a list of images, one path per line, found a file that is not text"),
            ("\nimage,mmp\na.svs,1\n", "list:2: expected the header image or image,mpp, found image,mmp"),
            ("image,mpp\na.svs,250\n", "list:2: \(range), found 250"),
            ("image,mpp\na,x\nb,1\nc,nan\n,1\n", "list:2: \(range), found x; see also line 4, 5"),
            ("image,mpp\n,1\n", "list:2: expected the path of an image, found none"),
            ("image\na,b.svs\n", "list:2: expected 1 cells, or quotes around a path with a comma, found 2 cells"),
            ("image\n\"a.svs\n", "list:2: expected a quoted cell that is closed, found an unclosed quote"),
            (
                "image,mpp\na,1\na,2\n",
                "list:3: expected one resolution of a, found 1.0 and 2.0 microns per pixel"
            ),
            ("b.svs\n/tmp\n", "list:2: expected an image, found the folder /tmp"),
        ]
        for (text, expected) in cases { #expect(try problem(text) == expected, "\(text)") }
        let path = try folder.file("list.txt", [UInt8]("a\n".utf8) + [0xFF, 0x0A])
        #expect(
            fileError { _ = try ImageList(path) }
                == FileError("\(path):2", expected: "a path in UTF-8", found: "other bytes; rename the file"))
        #expect(fileError { _ = try ImageList(folder.path) }?.kind == .unreadable)
        #expect(fileError { _ = try ImageList(folder.file("none")) }?.kind == .unreadable)
    }

    @Test func searchAndBatch() throws {
        for name in ["s/a.png", "s/b.png", "c[1].png"] {
            try Folder.ensure(folder.file(name).folder)
            try folder.file(name, "")
        }
        let (s, c) = (folder.file("s"), folder.file("c[1].png"))
        let path = try folder.file("list.txt", "\(s)/b.png\n\(c)\n\(folder.path)/none.png\n")
        let batch = try ImageBatch([s.string], list: ImageList(path), OutputNames())
        #expect(batch.images.map(\.name) == ["a.png", "b.png", "c[1].png", "none.png"] && !batch.isSingle)
        #expect(batch.inputs.contains(path))
        let one = try ImageBatch([], list: ImageList(folder.file("one.txt", "\(c)\n")), OutputNames())
        #expect(one.images == [c] && !one.isSingle)
        #expect(fileError { try one.requireFree(folder.file("one.txt")) }?.kind == .unwritable)
    }
}
