import Foundations
import Foundation
import Imaging
import Masking
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct PlanTests {
    private func reader(_ width: Int, _ height: Int) -> ArrayBlocks {
        ArrayBlocks(width: width, height: height, pixels: [UInt8](repeating: 90, count: width * height * 3))
    }

    /// The workload is what masking then does.
    @Test func theWorkloadIsWhatMaskingDoes() throws {
        let masker = try smallMasker()
        let rehearsal = try Rehearsal(masker)
        #expect(rehearsal.secondsPerWindow > 0 && rehearsal.secondsPerWindow < 1)
        var map = TissueMap(
            imageWidth: 300, imageHeight: 260, width: 10, height: 9, isTissue: [Bool](repeating: false, count: 90))
        for cell in [0, 1, 10, 45, 46, 47] { map.isTissue[cell] = true }
        for tissue in [nil, map] {
            let image = reader(300, 260)
            let workload = try rehearsal.workload(image, tissue: tissue)
            #expect(image.pixelsRead == 0)
            var blocks = 0
            let probabilities = try masker.probabilities(image, tissue: tissue) { _, _, count in
                blocks = count
                return try journal(count: workload.windows, blocks: count)
            } afterBatch: { _ in
            }
            #expect(workload.windows == probabilities.grid.count && workload.blocks == blocks)
            #expect(workload.withTissue == masker.computed)
            #expect((workload.withTissue < workload.windows) == (tissue != nil))
            #expect(workload.pixels == image.pixelsRead)
        }
    }

    private func journal(count: Int, blocks: Int) throws -> Journal {
        let work = try WorkingFolder()
        try work.make("image")
        let identity = try Journal.Identity(image: "\(work.path)/image", model: "m", windows: count, layout: "l")
        let journal = try Journal("\(work.path)/windows", identity, blocks: blocks)
        #expect(journal.byteCount == Journal.byteCount(windows: count, blocks: blocks))
        return journal
    }

    @Test func imagesInRowsAreReadOnce() throws {
        let rehearsal = try Rehearsal(smallMasker())
        let rows = RowBlockReader(
            ArrayReader(width: 300, height: 260, pixels: [UInt8](repeating: 90, count: 300 * 260 * 3)))
        let workload = try rehearsal.workload(rows, tissue: nil)
        #expect(workload.pixels == 300 * 260 && workload.sample?.y == 0)
        let reading = try Rehearsal.reading(workload, from: rows)
        #expect(try #require(reading).seconds > 0 && rows.decodedPixels == 300 * (workload.sample?.bottom ?? 0))
    }

    @Test func readingSaysWhatIsDamaged() throws {
        let rehearsal = try Rehearsal(smallMasker())
        let image = reader(300, 260)
        let workload = try rehearsal.workload(image, tissue: nil)
        #expect(try Rehearsal.reading(workload, from: image)?.problem == nil)
        image.unreadable = [PixelRegion(x: 0, y: 0, width: 300, height: 260)]
        #expect(try Rehearsal.reading(workload, from: image)?.problem?.problem == "no")
        let nothing = TissueMap(imageWidth: 300, imageHeight: 260, width: 1, height: 1, isTissue: [false])
        let empty = try rehearsal.workload(image, tissue: nothing)
        #expect(empty.withTissue == 0 && empty.sample == nil && empty.pixels == 0)
        #expect(try Rehearsal.reading(empty, from: image) == nil)
    }

    @Test func secondsAreThoseOfComputingAndOfReadingBesideIt() {
        #expect(ImagePlan.seconds(windows: 100, perWindow: 0.01, reading: 0, threads: 2) == 1)
        #expect(ImagePlan.seconds(windows: 100, perWindow: 0.01, reading: 1, threads: 2) == 1.5)
        #expect(ImagePlan.seconds(windows: 100, perWindow: 0.01, reading: 10, threads: 2) == 10)
        #expect(ImagePlan.seconds(windows: 0, perWindow: 0.01, reading: 0, threads: 1) == 0)
    }

    @Test func memoryAndFilesGrowWithWhatIsAskedFor() throws {
        let workload = try Rehearsal(smallMasker()).workload(reader(300, 260), tissue: nil)
        func memory(_ files: [OutputNames.Kind: FilePath], isSlide: Bool = false) -> Int {
            ImagePlan.memoryBytes(
                program: 1000, workload, image: (300, 260), isSlide: isSlide, files: files)
        }
        let plain = memory([.mask: "a.png"])
        #expect(plain == 1000 + 5 * workload.windows + workload.pixelBytes)
        #expect(workload.pixelBytes == 2 * 3 * 96 * 96, "two blocks")
        #expect(memory([.mask: "a.tif"]) == plain + 512 * 300)
        #expect(memory([.mask: "a.png", .heatmap: "h.TIFF"]) == plain + 3 * 512 * 300)
        #expect(memory([.mask: "a.png", .heatmap: "h.png"]) == plain)
        #expect(memory([.mask: "a.png"], isSlide: true) == plain + 80 << 20)

        func files(_ files: [OutputNames.Kind: FilePath], isRefined: Bool = false) -> Int {
            ImagePlan.outputBytes(workload, image: (300, 260), stride: 16, isRefined: isRefined, files: files)
        }
        #expect(files([.mask: "a.png", .record: "a.json"]) == 4096 + 390)
        #expect(files([.csv: "a.csv"]) == 40 * workload.windows)
        #expect(files([.geojson: "a"], isRefined: true) > files([.geojson: "a"]))
        #expect(files([.heatmap: "a.tif"]) > files([.heatmap: "a.png"]))
        // Floats, and a third of them for the pyramid.
        #expect(files([.probabilities: "a.tif"]) == 4 * 300 * 260 / 256 * 4 / 3 + 1)
    }

    @Test func disksFillUp() throws {
        let (disk, other) = (Storage(device: 1, freeBytes: 5000), Storage(device: 2, freeBytes: 2000))
        var plan = DiskPlan()
        func problem(_ name: String, _ bytes: Int, _ journal: Storage, _ journalBytes: Int) -> FileError? {
            #expect(throws: FileError.self) {
                try plan.add(FilePath(name), disk, bytes: bytes, whileMade: ("\(name).windows", journal, journalBytes))
            }
        }
        try plan.add("a", disk, bytes: 1000, whileMade: ("a.windows", disk, 4000))
        // The journal has gone by now, the file has not.
        let second = problem("b", 1000, disk, 4000)
        #expect(second == FileError("b", .unwritable, "expected room for about 5.0 kB, found 4.0 kB"))
        try plan.add("c", disk, bytes: 1000, whileMade: ("c.windows", other, 2000))
        let journal = problem("d", 1000, other, 2001)
        #expect(journal == FileError("d.windows", .unwritable, "expected room for about 2.0 kB, found 2.0 kB"))
        #expect(problem("e", 1001, disk, 0)?.problem == "expected room for about 1.0 kB, found 1.0 kB")
        #expect(problem("f", 1, disk, 0)?.problem == "expected room for about 1 B, found 0 B")
    }

    @Test func bytesForPeople() {
        let texts = [0, 999, 1000, 12_345, 999_499, 999_500, 1_234_567_890].map { "\(ByteCount($0))" }
        #expect(texts == ["0 B", "999 B", "1.0 kB", "12 kB", "999 kB", "1.0 MB", "1.2 GB"])
    }
}
