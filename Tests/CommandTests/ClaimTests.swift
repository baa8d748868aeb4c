import Foundation
import Imaging
import Testing

/// Statements of `nuclei-mask` about its results.
@Suite(.serialized) struct ClaimTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        for name in ["a.png", "b.png"] { try image(name) }
    }

    private func image(_ name: String, value: UInt8 = 150) throws {
        let writer = try PNGWriter(path: "\(work.path)/\(name)", width: 300, height: 280, channels: .rgb)
        let row = [UInt8](repeating: value, count: 300 * 3)
        for _ in 0..<280 { try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) } }
        try writer.finish()
    }

    private func rows() throws -> [[String]] {
        try String(contentsOfFile: "\(work.path)/summary.csv", encoding: .utf8).split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func nothingProcessedIsNotNothingFound() throws {
        let beside = "[[[5000, 0], [5900, 0], [5900, 900], [5000, 0]]]"
        try work.write("{\"type\": \"Polygon\", \"coordinates\": \(beside)}", to: "o.geojson")
        let arguments = ["a.png", "b.png", "--tissue", "o.geojson"]
        let reason = "the outline o.geojson contains no pixel of the image"
        let planned = try Command.mask.start(["plan"] + arguments, in: work.path).wait()
        #expect(planned.status == 0 && planned.output.hasSuffix("\n2 of 2 images would have nothing to process\n"))
        for isSkipped in [false, true] {
            let result = try Command.mask.start(arguments, in: work.path).wait()
            #expect(result.status == 0 && result.output.contains("2 images: 2 empty in "), "\(result)")
            #expect(!result.output.contains("0.00 %") && result.output.contains("skipped") == isSkipped)
            let line = "warning: a.png: nothing was processed, and the mask says nothing about nuclei: \(reason)\n"
            #expect(result.problems.contains(line) != isSkipped)
            let row = try rows()[0]
            #expect(row[1] == "empty" && row[3] == "0" && row[7] == "")
            #expect(row[15...].joined(separator: ",").contains(reason))
        }
    }

    @Test func damagedMasksAreMadeAgain() throws {
        #expect(try Command.mask.run("a.png", "b.png", in: work.path).status == 0)
        let mask = URL(fileURLWithPath: "\(work.path)/a_nuclei_mask.png")
        let content = try Data(contentsOf: mask)
        try content.prefix(10).write(to: mask)
        let result = try Command.mask.run("a.png", "b.png", in: work.path)
        #expect(result.output.contains("2 images: 1 done, 1 skipped in "), "\(result)")
        #expect(try Data(contentsOf: mask) == content)
    }

    @Test func darkImagesAreReported() throws {
        try image("dark.png", value: 15)
        let result = try Command.mask.run("dark.png", "--mpp", "0.5", in: work.path)
        #expect(result.status == 0)
        #expect(result.problems.hasPrefix("warning: dark.png: very dark: "), "\(result)")
        let planned = try Command.mask.run("plan", "dark.png", in: work.path)
        #expect(planned.output.contains("dark.png: very dark: "), "\(planned)")
    }

    @Test func leftoversOfKilledOverlaysAreRemoved() throws {
        #expect(try Command.mask.run("a.png", in: work.path).status == 0)
        try work.write("x", to: ".a_nuclei_overlay.png.partial-1-1")
        let result = try Command.mask.run("overlay", "a.png", in: work.path)
        #expect(result.status == 0 && work.files.contains("a_nuclei_overlay.png"), "\(result)")
        #expect(!work.files.contains { $0.contains(".partial-") })
    }
}
