import Foundation
import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct EstimateTests {
    private func reader(_ width: Int, _ height: Int) -> ArrayBlocks {
        ArrayBlocks(width: width, height: height, pixels: [UInt8](repeating: 90, count: width * height * 3))
    }

    /// The plan states the work that the prediction then does.
    @Test func theWorkloadIsWhatMaskingDoes() throws {
        let predictor = try smallPredictor()
        let seconds = try predictor.measureSecondsPerUnit()
        #expect(seconds > 0 && seconds < 1)
        var map = TissueMap(
            imageWidth: 300, imageHeight: 260, width: 10, height: 9, isTissue: [Bool](repeating: false, count: 90))
        for cell in [0, 1, 10, 45, 46, 47] { map.isTissue[cell] = true }
        for tissue in [nil, map] {
            let image = reader(300, 260)
            let plan = try predictor.plan(image, tissue: tissue)
            let workload = plan.workload
            #expect(image.pixelsRead == 0)
            let cache = try cache(count: workload.windows, blocks: plan.blocks.count)
            let prediction = try predictor.predict(plan, from: image, into: cache, RecordingObserver())
            #expect(workload.windows == prediction.windows.grid.count && workload.blocks == cache.blocks)
            #expect(workload.withTissue == prediction.computed)
            #expect((workload.withTissue < workload.windows) == (tissue != nil))
            #expect(workload.pixels == image.pixelsRead)
        }
    }

    private func cache(count: Int, blocks: Int) throws -> WindowCache {
        let work = try WorkingFolder()
        try work.make("image")
        let identity = try WindowCache.Identity(
            image: ImageState("\(work.path)/image"), model: "m", windows: count, layout: "l")
        let cache = try WindowCache("\(work.path)/windows", identity, blocks: blocks)
        #expect(cache.byteCount == WindowCache.byteCount(windows: count, blocks: blocks))
        return cache
    }

    @Test func imagesInRowsAreReadOnce() throws {
        let rows = RowBlockReader(
            ArrayReader(width: 300, height: 260, pixels: [UInt8](repeating: 90, count: 300 * 260 * 3)))
        let plan = try smallPredictor().plan(rows)
        let survey = try plan.survey(rows)
        #expect(plan.workload.pixels == 300 * 260 && rows.decodedPixels == 300 * 260 && survey.isComplete)
        #expect(survey.seconds > 0 && survey.readable == plan.grid.count && survey.unreadable == 0)
    }

    @Test func theSurveyFindsDamage() throws {
        let predictor = try smallPredictor()
        let image = reader(300, 260)
        let plan = try predictor.plan(image)
        let intact = try plan.survey(image)
        #expect(intact.problem == nil && intact.readable == plan.grid.count && !intact.brightness.isDark)
        image.unreadable = [PixelRegion(x: 290, y: 250, width: 1, height: 1)]
        let partly = try plan.survey(image)
        #expect(partly.problem?.problem == "no" && partly.readable > 0 && partly.unreadable > 0)
        image.unreadable = [PixelRegion(x: 0, y: 0, width: 300, height: 260)]
        let lost = try plan.survey(image)
        #expect(lost.readable == 0 && lost.unreadable == plan.grid.count && lost.brightness.pixels == 0)
        let nothing = TissueMap(imageWidth: 300, imageHeight: 260, width: 1, height: 1, isTissue: [false])
        let empty = try predictor.plan(image, tissue: nothing)
        #expect(empty.workload.withTissue == 0 && empty.workload.pixels == 0)
        let survey = try empty.survey(image)
        #expect(survey.readable == 0 && survey.unreadable == 0 && survey.seconds == 0 && survey.isComplete)
    }

    @Test func darkImagesAreRecognized() throws {
        for (value, isDark) in [(UInt8(25), true), (26, false)] {
            let image = ArrayBlocks(
                width: 100, height: 80, pixels: [UInt8](repeating: value, count: 100 * 80 * 3))
            let predictor = try smallPredictor()
            #expect(try predictor.predict(image).brightness.isDark == isDark)
            #expect(try predictor.plan(image).survey(image).brightness.isDark == isDark)
        }
    }

    @Test func secondsIncludeParallelReading() {
        #expect(ImageEstimate.seconds(units: 100, perUnit: 0.01, reading: 0, threads: 2) == 1)
        #expect(ImageEstimate.seconds(units: 100, perUnit: 0.01, reading: 1, threads: 2) == 1.5)
        #expect(ImageEstimate.seconds(units: 100, perUnit: 0.01, reading: 10, threads: 2) == 10)
        #expect(ImageEstimate.seconds(units: 0, perUnit: 0.01, reading: 0, threads: 1) == 0)
    }

    @Test func memoryAndFileSizesDependOnTheOutputs() throws {
        let workload = try smallPredictor().plan(reader(300, 260)).workload
        func estimates(
            _ files: [OutputKind: FilePath], showsNuclei: Bool = false
        ) -> [OutputKind: OutputEstimate] {
            files.mapValues {
                OutputEstimate(
                    $0, workload, width: 300, height: 260, stride: 16, micronsPerPixel: (0.25, 0.25),
                    showsNuclei: showsNuclei)
            }
        }
        func memory(_ files: [OutputKind: FilePath], isSlide: Bool = false) -> Int {
            ImageEstimate.memoryBytes(program: 1000, workload, isSlide: isSlide, outputs: estimates(files))
        }
        let plain = memory([.mask: "a.png"])
        #expect(plain == 1000 + workload.bytes)
        #expect(workload.bytes == 5 * workload.windows + 2 * 3 * 96 * 96, "windows and two blocks")
        #expect(memory([.mask: "a.tif"]) == plain + 512 * 300)
        #expect(memory([.mask: "a.png", .heatmap: "h.TIFF"]) == plain + 3 * 512 * 300)
        #expect(memory([.mask: "a.png", .heatmap: "h.png"]) == plain)
        #expect(memory([.mask: "a.png"], isSlide: true) == plain + 80 << 20)

        func files(_ files: [OutputKind: FilePath], showsNuclei: Bool = false) -> Int {
            ImageEstimate.outputBytes(estimates(files, showsNuclei: showsNuclei))
        }
        #expect(files([.mask: "a.png", .record: "a.json"]) == 4096 + 390)
        #expect(files([.csv: "a.csv"]) == 40 * workload.windows)
        #expect(files([.geojson: "a"], showsNuclei: true) > files([.geojson: "a"]))
        #expect(files([.heatmap: "a.tif"]) > files([.heatmap: "a.png"]))
        // Floats, and a third more for the smaller levels.
        #expect(files([.probabilities: "a.tif"]) == 4 * 300 * 260 / 256 * 4 / 3 + 1)
    }

    @Test func disksFillUp() throws {
        let (disk, other) = (Storage(device: 1, freeBytes: 5000), Storage(device: 2, freeBytes: 2000))
        var plan = DiskPlan()
        func problem(_ name: String, _ bytes: Int, _ scratch: Storage, _ cacheBytes: Int) -> FileError? {
            #expect(throws: FileError.self) {
                try plan.add(
                    FilePath(name), disk, bytes: bytes, cache: ("\(name).windows", scratch, cacheBytes, isKept: false))
            }
        }
        try plan.add("a", disk, bytes: 1000, cache: ("a.windows", disk, 4000, isKept: false))
        // The cache is deleted by now, the file is not.
        let second = problem("b", 1000, disk, 4000)
        #expect(second == FileError("b", .unwritable, "expected space for about 5.0 kB, found 4.0 kB"))
        try plan.add("c", disk, bytes: 1000, cache: ("c.windows", other, 2000, isKept: false))
        let shortage = problem("d", 1000, other, 2001)
        #expect(shortage == FileError("d.windows", .unwritable, "expected space for about 2.0 kB, found 2.0 kB"))
        // Images that do not fit take nothing. Caches that are kept stay on their disks.
        try plan.add("e", disk, bytes: 1000, cache: ("e.windows", other, 1500, isKept: true))
        #expect(problem("f", 1, other, 501)?.problem == "expected space for about 501 B, found 500 B")
        #expect(problem("g", 2001, disk, 0)?.problem == "expected space for about 2.0 kB, found 2.0 kB")
        try plan.add("h", disk, bytes: 500, cache: ("h.windows", disk, 1500, isKept: true))
        #expect(problem("i", 1, disk, 0)?.problem == "expected space for about 1 B, found 0 B")
    }

    @Test func bytesForPeople() {
        let texts = [0, 999, 1000, 12_345, 999_499, 999_500, 1_234_567_890].map { "\(ByteCount($0))" }
        #expect(texts == ["0 B", "999 B", "1.0 kB", "12 kB", "999 kB", "1.0 MB", "1.2 GB"])
    }
}
