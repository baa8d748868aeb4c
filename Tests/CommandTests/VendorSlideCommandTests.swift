import Foundation
import Foundations
import Imaging
import TestSupport
import Testing

/// Masks of slides of each vendor's format, which are made for the test.
@Suite(.serialized) struct VendorSlideCommandTests {
    private let outputs: TemporaryFolder

    init() throws { outputs = try TemporaryFolder() }

    private struct Window: Equatable {
        let x: Int
        let y: Int
        let width: Int
        let probability: String
    }

    private func windows(_ name: String) throws -> [Window] {
        try outputs.text(name).split(separator: "\n").dropFirst().map { line in
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            return try Window(
                x: #require(Int(cells[0])), y: #require(Int(cells[1])), width: #require(Int(cells[2])),
                probability: String(cells[4]))
        }
    }

    /// The windows of all formats have the same probabilities, as the picture is the same. In slides of half the
    /// microns per pixel they are read from level 1.
    @Test func allFormatsHaveTheSameProbabilities() throws {
        var known: [String]?
        for (square, nanometers) in [(32, 250), (64, 125)] {
            var maker = SlideMaker()
            (maker.square, maker.nanometersPerPixel) = (square, nanometers)
            let slides = try TemporaryFolder()
            for format in SlideMaker.Format.allCases { try maker.write(format, to: slides) }
            let out = outputs.file("\(square)")
            let result = try Command.mask.run(
                ".", "--model", "nuclei-compact", "--tissue", "off", "--csv", "{}.csv", "--output-folder", out.string,
                "--summary", "\(out)/summary.csv", in: slides.path.string)
            #expect(result.status == 0 && result.problems.isEmpty, "\(result)")
            // Parts of slides are no images of their own.
            let masks = Folder.names(in: out).filter { $0.hasSuffix("_mask.png") }.sorted()
            #expect(masks == SlideMaker.Format.allCases.map { "\($0)_nuclei_mask.png" })
            for format in SlideMaker.Format.allCases {
                let windows = try windows("\(square)/\(format).csv")
                let scale = square / 32
                #expect(windows.map(\.x) == [0, 128, 256, 0, 128, 256].map { $0 * scale }, "\(format)")
                #expect(windows.map(\.y) == [0, 0, 0, 128, 128, 128].map { $0 * scale }, "\(format)")
                #expect(windows.allSatisfy { $0.width == 256 * scale })
                let probabilities = windows.map(\.probability)
                known = known ?? probabilities
                #expect(probabilities == known, "\(format)")
            }
        }
        #expect(Set(try #require(known)).count == 6)
    }

    /// Outlines of a slide whose picture lies on a larger glass are in pixels of the picture, in both directions.
    @Test(arguments: [SlideMaker.Format.mirax, .leica]) func outlinesRoundTrip(_ format: SlideMaker.Format) throws {
        var maker = SlideMaker()
        maker.color = { 9..<15 ~= $0 && 7..<11 ~= $1 ? [180, 90, 150] : [243, 243, 243] }
        let slides = try TemporaryFolder()
        let slide = try maker.write(format, to: slides).name
        let tissue = (x: 288..<480, y: 224..<352)
        func corners(_ name: String) throws -> (x: [Double], y: [Double]) {
            let text = try outputs.text(name)
            let numbers = try #require(text.firstRange(of: "\"coordinates\":")).upperBound
            let values = text[numbers...].prefix { "[],.0123456789".contains($0) }.split { "[],".contains($0) }
                .compactMap { Double($0) }
            let pairs = stride(from: 0, to: values.count - 1, by: 2)
            return (pairs.map { values[$0] }, pairs.map { values[$0 + 1] })
        }
        func run(_ name: String, _ tissue: String...) throws -> [Window] {
            let files = outputs.path.string
            let result = try Command.mask.run(
                [
                    slide, "--model", "nuclei-compact", "--output", "\(files)/\(name).png", "--csv",
                    "\(files)/\(name).csv", "--tissue-geojson", "\(files)/\(name).geojson",
                ] + tissue, in: slides.path.string)
            #expect(result.status == 0 && result.problems.isEmpty, "\(result)")
            return try windows("\(name).csv")
        }
        let found = try run("found")
        // The first column of windows ends at 256.
        #expect(found.filter { !$0.probability.isEmpty }.map(\.x) == [128, 256, 128, 256])
        let outline = try corners("found.geojson")
        // The outline follows cells of 32 pixels around the tissue.
        #expect(abs(outline.x.min()! - 288) <= 32 && abs(outline.x.max()! - 480) <= 32, "\(outline)")
        #expect(abs(outline.y.min()! - 224) <= 32 && abs(outline.y.max()! - 352) <= 32, "\(outline)")
        #expect(try run("again", "--tissue", "\(outputs.path)/found.geojson") == found)
        #expect(try outputs.text("again.geojson") == outputs.text("found.geojson"))
        let masks = try ["again.png", "found.png"].map { try RGBImage(decoding: outputs.file($0)).pixels }
        let isSame = masks[0] == masks[1]
        #expect(isSame)

        let (left, right) = (tissue.x.lowerBound, tissue.x.upperBound)
        let (top, bottom) = (tissue.y.lowerBound, tissue.y.upperBound)
        try outputs.file(
            "drawn.geojson",
            """
            {"type": "Polygon", "coordinates": [[[\(left), \(top)], [\(right), \(top)], [\(right), \(bottom)], \
            [\(left), \(bottom)], [\(left), \(top)]]]}
            """)
        #expect(try run("exact", "--tissue", "\(outputs.path)/drawn.geojson") == found)
        let exact = try corners("exact.geojson")
        #expect(Set(exact.x) == [288, 480] && Set(exact.y) == [224, 352])
    }
}
