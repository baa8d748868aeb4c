import Foundation
import Imaging
import Testing

/// `nuclei-mask overlay` as a user runs it.
@Suite(.serialized) struct OverlayCommandTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        for name in ["s/x/a.png", "s/b.png"] {
            let path = URL(fileURLWithPath: "\(work.path)/\(name)")
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            let writer = try PNGWriter(path: .init(path.path), width: 300, height: 260, channels: .rgb)
            let row = (0..<900).map { UInt8(truncatingIfNeeded: $0 / 30 &* 97) }
            for _ in 0..<260 { try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) } }
            try writer.finish()
        }
    }

    private func run(_ arguments: String...) throws -> Command.Result {
        try Command.mask.start(arguments, in: work.path).wait()
    }

    @Test func masksAreFoundInTheOutputFolder() throws {
        let missing = try run("overlay", "s", "--recursive", "--output-folder", "out")
        #expect(missing.status == 66 && missing.errors.contains("expected the mask of s/x/a.png, found no file"))
        #expect(missing.problems.split(separator: "\n").count == 2, "\(missing)")
        try #require(run("s", "--recursive", "--output-folder", "out", "-q").status == 0)
        let all = try run("overlay", "s", "--recursive", "--output-folder", "out")
        #expect(all.status == 0 && all.errors.isEmpty, "\(all)")
        #expect(all.output.hasSuffix("overlay: out/x/a_nuclei_overlay.png\n"))
        #expect(try RGBImage(decoding: "\(work.path)/out/b_nuclei_overlay.png").width == 3 * 300 + 16)

        // A pyramid is found as well, and masks next to their images.
        try #require(run("s/b.png", "--output", "out/b_nuclei_mask.tif", "-q").status == 0)
        try FileManager.default.removeItem(atPath: "\(work.path)/out/b_nuclei_mask.png")
        #expect(try run("overlay", "s/b.png", "--output-folder", "out", "--mpp", "0.5").status == 0)
        try #require(run("s/b.png", "-q").status == 0)
        let beside = try run("overlay", "s/b.png", "-o", "{}_o.jpg")
        #expect(beside.status == 0 && beside.output.hasSuffix("overlay: s/b_o.jpg\n"), "\(beside)")
    }

    @Test func namesOfManyPicturesNeedAPlaceholder() throws {
        let result = try run("overlay", "s/b.png", "s/x/a.png", "--output", "o.png")
        #expect(
            result.status == 64
                && result.errors.hasPrefix("Error: --output: expected a name with {}, which stands for the name"))
        #expect(try run("overlay", "s/b.png", "--mpp", "0").status == 64)
        #expect(try run("overlay").status == 64)
    }
}
