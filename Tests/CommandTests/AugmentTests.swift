import Foundation
import Imaging
import Testing

struct AugmentTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    @Test func aSheetShowsOriginalsAndVariants() throws {
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "4", "--crops", "0", "--unlabelled", "1", in: work.path)
        try #require(made.status == 0, "\(made)")
        func sheet(_ name: String, _ options: String...) throws -> RGBImage {
            let result = try Command.train.start(
                ["augment", "set", "--output", name, "--tiles", "2", "--variants", "3"] + options, in: work.path
            ).wait()
            try #require(result.status == 0, "\(result)")
            #expect(result.output.hasSuffix("\(name): 2 tiles, 3 variants each\n"))
            return try RGBImage(decoding: "\(work.path)/\(name)")
        }
        let first = try sheet("a.png", "--threads", "1", "--augmentation", "reference-cutout")
        #expect(first.width == 4 * 264 && first.height == 2 * 264)
        #expect(try sheet("b.png", "--threads", "3", "--augmentation", "reference-cutout") == first)
        #expect(try sheet("c.png", "--epoch", "2", "--augmentation", "reference-cutout") != first)
        #expect(try sheet("d.png", "--seed", "2", "--augmentation", "reference-cutout") != first)
        #expect(try sheet("e.png", "--augmentation", "reference") != sheet("f.png"))
        #expect(try sheet("white.png", "--white-border", "--augmentation", "reference-cutout") != first)

        // The second variant from one epoch is the first from the next. The first column is the original.
        func cell(_ image: RGBImage, _ column: Int) -> [UInt8] {
            (4..<260).flatMap { row -> ArraySlice<UInt8> in
                let start = (row * image.width + column * 264 + 4) * 3
                return image.pixels[start..<start + 256 * 3]
            }
        }
        let later = try RGBImage(decoding: "\(work.path)/c.png")
        #expect(cell(first, 2) == cell(later, 1) && cell(first, 1) != cell(later, 1))
        let named = try Command.train.run(
            "augment", "set", "--output", "g.png", "--tiles", "1", "--variants", "1", in: work.path)
        let tile = try #require(named.output.split(separator: "\n").first)
        let original = try RGBImage(decoding: "\(work.path)/set/\(tile)")
        #expect(cell(try RGBImage(decoding: "\(work.path)/g.png"), 0) == original.pixels)
        #expect(cell(first, 0) == original.pixels)
    }

    @Test func failuresLeaveNoFiles() throws {
        for arguments in [
            ["set"], ["set", "--output", "a.png", "--tiles", "0"], ["set", "--output", "a.png", "--variants", "0"],
            ["set", "--output", "a.png", "--epoch", "0"], ["set", "--output", "a.png", "--augmentation", "magic"],
            ["set", "--output", "a.png", "--threads", "0"],
        ] {
            let result = try Command.train.start(["augment"] + arguments, in: work.path).wait()
            #expect(result.status == 64 && result.output.isEmpty, "\(arguments): \(result)")
        }
        let missing = try Command.train.run("augment", "nowhere", "--output", "a.png", in: work.path)
        #expect(missing.status == 66 && missing.errors.hasPrefix("error: nowhere/labels.csv: "))
        let made = try Command.train.run("synthesize", "set", "--tiles", "1", "--crops", "0", in: work.path)
        try #require(made.status == 0, "\(made)")
        let format = try Command.train.run("augment", "set", "--output", "a.gif", in: work.path)
        #expect(format.status == 73)
        #expect(format.errors == "error: a.gif: expected the extension .png, .jpg or .jpeg, found .gif\n")
        let folder = try Command.train.run("augment", "set", "--output", "no/a.png", in: work.path)
        #expect(folder.status == 73 && folder.errors.hasPrefix("error: no/a.png: "))
        #expect(work.files == ["set"])
    }
}
