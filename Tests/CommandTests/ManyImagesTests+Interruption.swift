import Foundation
import Foundations
import Imaging
import Testing

/// Slides that cannot be read in part, and commands that are interrupted or killed.
extension ManyImagesTests {
    /// A slide with a tile that cannot be decoded.
    private func damagedSlide(_ name: String) throws {
        let path = "\(work.path)/\(name)"
        let writer = try TIFFWriter(path: FilePath(path), width: 1024, height: 1024, samples: .rgb)
        // Noise does not compress: tiles of the full resolution are most of the file.
        var state: UInt64 = 1
        for _ in 0..<1024 {
            let row = (0..<1024 * 3).map { _ -> UInt8 in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return UInt8(truncatingIfNeeded: state >> 32)
            }
            try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) }
        }
        try writer.finish()
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: file.seekToEnd() / 2)
        try file.write(contentsOf: Data(count: 2000))
        try file.close()
    }

    @Test func unreadablePartsAreReportedAgain() throws {
        try damagedSlide("s/a.tif")
        try image("s/b.png")
        for state in ["done", "skipped"] {
            let result = try mask("s", "--tissue", "off", "--mpp", "0.5", "--output-folder", "out")
            #expect(result.status == 74, "\(result)")
            #expect(result.problems.isEmpty == (state == "skipped"))
            #expect(result.output.contains("2 images: 2 \(state) in "))
            let row = try rows("out/summary.csv")[0].split(separator: ",", omittingEmptySubsequences: false)
            let unreadable = try #require(Int(row[6]))
            #expect(
                row[1] == state && unreadable == 1 && row[17].hasPrefix("parts of 1 block could not be read"), "\(row)")
            if state == "done" {
                #expect(
                    result.errors.contains(
                        "warning: s/a.tif: parts of 1 block could not be read; nothing is known about "))
            }
        }
        let accepted = try mask(
            "s", "--tissue", "off", "--mpp", "0.5", "--output-folder", "out", "--overwrite", "--accept-unreadable")
        #expect(accepted.status == 0 && accepted.problems.contains("1 block could not be read"), "\(accepted)")
        let summary = try mask("summary", "out", "--json")
        #expect(summary.status == 74, "\(summary)")
        let images = try #require(work.json(summary.output)["images"] as? [[String: Any]])
        #expect(images.map { $0["state"] as? String } == ["done", "done"])
        #expect(try mask("summary", "out", "--accept-unreadable").status == 0)
        try work.write("text", to: "s/c.png")
        #expect(try mask("s", "--tissue", "off", "--output-folder", "out").status == 65, "a failure tells more")
    }

    @Test func interruptionStopsAllAndTheSameCommandResumes() throws {
        try image("s/a.png")
        try image("s/b.png", width: 2600, height: 2600, seed: 3)
        try image("s/c.png")
        let arguments = ["s", "--stride", "32", "--mpp", "0.25", "--threads", "1", "--output-folder", "out"]
        let running = try Command.mask.start(arguments, in: work.path)
        #expect(work.waitForFile(in: "out") { $0 == "b_nuclei_mask.png.windows" })
        // Waits for a finished block; the rest takes long enough for the signal to arrive.
        Thread.sleep(forTimeInterval: 1)
        running.process.interrupt()
        let result = running.wait()
        #expect(result.status == 130, "\(result)")
        #expect(
            result.errors.hasSuffix(
                "interrupted; no mask of s/b.png was written; the same command resumes\n"))
        #expect(result.output.contains("3 images: 1 done, 1 interrupted, 1 waiting in "))
        #expect(
            try rows("out/summary.csv") == [
                "s/a.png,done,6,6,0,0,0,,,share,,,,,,seconds,out/a_nuclei_mask.png,",
                "s/b.png,interrupted,,,,,,,,,,,,,,,,"
                    + "interrupted; no mask of s/b.png was written; the same command resumes",
                "s/c.png,waiting,,,,,,,,,,,,,,,,",
            ])
        let after = try Command.mask.start(arguments, in: work.path).wait()
        #expect(after.status == 0 && after.output.contains("3 images: 2 done, 1 skipped in "), "\(after)")
        #expect(!files("out").contains { $0.hasSuffix(".windows") || $0.contains(".partial-") })
        let alone = try mask("s/b.png", "--stride", "32", "--mpp", "0.25", "--output", "alone.png")
        #expect(alone.status == 0)
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/alone.png"))
                == Data(contentsOf: URL(fileURLWithPath: "\(work.path)/out/b_nuclei_mask.png")))
    }

    @Test func outputsOfAnInterruptedRunAreNotImages() throws {
        try image("s/a.png")
        try image("s/b.png", seed: 3)
        let arguments = ["s", "--heatmap", "{}_heat.png", "--keep-probabilities", "--summary", "summary.csv"]
        func run() throws -> Command.Result { try Command.mask.start(arguments, in: work.path).wait() }
        try #require(try run().status == 0)
        // The state after a kill just before the record was written.
        try FileManager.default.removeItem(atPath: "\(work.path)/s/a_nuclei_mask.json")
        let after = try run()
        #expect(after.status == 0 && after.output.contains("2 images: 1 done, 1 skipped in "), "\(after)")
        #expect(after.errors.contains("left out: masks and other outputs"))
        #expect(files("s").contains("a_nuclei_mask.json"))
        try FileManager.default.removeItem(atPath: "\(work.path)/s/a_nuclei_mask.png.windows")
        #expect(try run().output.contains("2 images: 1 done, 1 skipped in "), "probabilities are to be kept")
        #expect(files("s").contains("a_nuclei_mask.png.windows"))
    }

    @Test func killedCommandsLoseNothing() throws {
        for index in 1...6 { try image("s/\(index).png", width: 700, height: 700, seed: index) }
        let arguments = ["s", "--stride", "16", "--threads", "1", "--output-folder", "out"]
        let running = try Command.mask.start(arguments, in: work.path)
        #expect(work.waitForFile(in: "out") { $0 == "2_nuclei_mask.png.windows" })
        kill(running.process.processIdentifier, SIGKILL)
        _ = running.wait()
        let states = try rows("out/summary.csv").map { $0.split(separator: ",")[1] }
        // The summary of a running command is a few seconds old.
        #expect(states.count == 6 && states.contains("waiting"))
        #expect(files("out").contains(".2_nuclei_mask.png.lock"))
        let after = try Command.mask.start(arguments, in: work.path).wait()
        #expect(after.status == 0 && after.output.contains("s/1.png: already finished, skipped"), "\(after)")
        #expect(!files("out").contains { $0.hasSuffix(".windows") || $0.hasPrefix(".") })
    }
}
