import Foundation
import Foundations
import Imaging
import Masking
import Tensors
import TestSupport
import Testing

/// The pipeline from an image file to its outputs, in process.
@Suite(.kernelTurns) struct MaskPipelineTests {
    private let work: WorkingFolder
    private static let names: [OutputKind: String] = [
        .csv: "{}.csv", .geojson: "{}.geojson", .probabilities: "{}_p.tif", .disagreement: "{}_d.tif",
        .heatmap: "{}_h.png", .tissue: "{}_t.geojson",
    ]

    init() throws {
        work = try WorkingFolder()
        try writeImage("a.png", 200, 150)
    }

    private func writeImage(_ name: String, _ width: Int, _ height: Int) throws {
        let writer = try PNGWriter(path: "\(work.path)/\(name)", width: width, height: height, channels: .rgb)
        let pixels = (0..<width * height * 3).map { UInt8(Formula.bits(5, $0 / 3 / 9) >> 57) + 90 }
        try pixels.withUnsafeBytes { try writer.write(rows: $0, count: height) }
        try writer.finish()
    }

    private func pipeline(threshold: Double = 0.5) throws -> MaskPipeline {
        let model = try smallModel()
        var settings = MaskSettings()
        (settings.stride, settings.threshold) = (16, threshold)
        let predictor = try WindowPredictor(
            maskModels(model), settings: settings, batchSize: 7, largestBlock: 96)
        return try MaskPipeline(
            .init(maskModels(model)), predictor, version: "1")
    }

    private func request(_ image: String = "a.png", _ names: [OutputKind: String] = [:]) -> MaskRequest {
        MaskRequest(image: "\(work.path)/\(image)", names: OutputNames(names))
    }

    private var files: [String] { Folder.names(in: FilePath(work.path)).sorted() }

    private func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/\(name)"))
    }

    @Test func allOutputsAreWritten() throws {
        let observer = RecordingObserver()
        let request = request("a.png", Self.names)
        let record = try pipeline().run(request, observer)
        #expect(
            files == [
                "a.csv", "a.geojson", "a.png", "a_d.tif", "a_h.png", "a_nuclei_mask.json", "a_nuclei_mask.png",
                "a_p.tif",
                "a_t.geojson",
            ])
        #expect(record.windows.count == 12 * 9 && record.windows.predicted == record.windows.count)
        let coverage = record.coverage
        #expect(coverage.nuclei.pixels + coverage.noNuclei.pixels == 200 * 150)
        #expect(observer.windowsDone.last == 12 * 9 && observer.windowsDone == observer.windowsDone.sorted())
        let heatMap = observer.progress.filter { $0.stage == .rows("heat map") }
        #expect(heatMap.map(\.done) == Array(1...150) && heatMap.allSatisfy { $0.total == 150 && $0.canResume })
        #expect(observer.findings?.computed == 12 * 9)
        #expect(MaskRecord(reading: "\(work.path)/a_nuclei_mask.json")?.request == record.request)
        #expect(try pipeline().finishedRecord(of: request)?.request == record.request)
        #expect(try pipeline(threshold: 0.4).finishedRecord(of: request) == nil)
    }

    @Test func canceledRunsResume() throws {
        struct Stop: Error {}
        let request = request("a.png", Self.names)
        _ = try pipeline().run(request, RecordingObserver())
        let whole = try files.filter { !$0.hasSuffix(".json") }.map(bytes)
        for name in files where name != "a.png" { try FileManager.default.removeItem(atPath: "\(work.path)/\(name)") }

        let canceled = RecordingObserver { if $0.done >= 50 { throw Stop() } }
        #expect(throws: Stop.self) { try pipeline().run(request, canceled) }
        #expect(files == ["a.png", "a_nuclei_mask.png.windows", "a_t.geojson"])
        #expect(canceled.progress.last?.canResume == true)
        let inOutputs = RecordingObserver { if $0.stage == .rows("heat map"), $0.done == 20 { throw Stop() } }
        #expect(throws: Stop.self) { try pipeline().run(request, inOutputs) }
        #expect(inOutputs.notes.contains { $0.contains(" blocks were found in ") })
        #expect(files.contains("a_nuclei_mask.png.windows") && !files.contains("a_nuclei_mask.png"))

        let resumed = RecordingObserver()
        _ = try pipeline().run(request, resumed)
        #expect(resumed.findings?.computed == 0)
        #expect(try files.filter { !$0.hasSuffix(".json") }.map(bytes) == whole)
        #expect(!files.contains { $0.hasSuffix(".windows") || $0.contains(".partial-") })
    }

    @Test func nothingRemainsWithoutAFinishedBlock() throws {
        struct Stop: Error {}
        let observer = RecordingObserver { _ in throw Stop() }
        #expect(throws: Stop.self) { try pipeline().run(request(), observer) }
        #expect(files == ["a.png"] && observer.progress.last?.canResume == false)
    }

    @Test func theCacheStaysOnRequest() throws {
        var request = request()
        request.keepsCache = true
        _ = try pipeline().run(request, RecordingObserver())
        #expect(files == ["a.png", "a_nuclei_mask.json", "a_nuclei_mask.png", "a_nuclei_mask.png.windows"])
        let observer = RecordingObserver()
        _ = try pipeline(threshold: 0.9).run(request, observer)
        #expect(observer.findings?.computed == 0)
    }

    /// The record of a run that finds its windows in the cache has the same warnings.
    @Test func darknessIsReportedFromTheCache() throws {
        struct Stop: Error {}
        let writer = try PNGWriter(path: "\(work.path)/a.png", width: 200, height: 150, channels: .rgb)
        try [UInt8](repeating: 9, count: 200 * 150 * 3).withUnsafeBytes { try writer.write(rows: $0, count: 150) }
        try writer.finish()
        var request = request()
        request.keepsCache = true
        let canceled = RecordingObserver { if $0.done >= 50 { throw Stop() } }
        #expect(throws: Stop.self) { try pipeline().run(request, canceled) }
        let resumed = try pipeline().run(request, RecordingObserver())
        let observer = RecordingObserver()
        let found = try pipeline(threshold: 0.9).run(request, observer)
        #expect(observer.findings?.computed == 0)
        let count = 12 * 9 * 256
        let warning =
            "very dark: \(count) of \(count) sampled pixels are below a tenth of the range; their samples may have fewer "
            + "bits than the file states"
        #expect(resumed.warnings == [warning] && found.warnings == [warning])
    }

    @Test func remarksAreRecorded() throws {
        #expect(try pipeline().run(request(), RecordingObserver()).notes == [])
        // An Exif segment with one field, the orientation 6.
        let fields: [UInt8] = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
        let exif = Array("Exif\0\0MM".utf8) + [0, 42, 0, 0, 0, 8] + fields
        let jpeg = JPEGMaker(width: 64, height: 48, components: 1) { x, y, _ in 100 + x + y }.bytes
        let bytes = jpeg[..<2] + JPEGMaker.segment(0xE1, exif) + jpeg[2...]
        try Data(bytes).write(to: URL(fileURLWithPath: "\(work.path)/b.jpg"))
        let record = try pipeline().run(request("b.jpg"), RecordingObserver())
        let remark = "read as it is stored, not turned: the Exif orientation 6 is not applied"
        #expect(record.notes == [remark])
        #expect(MaskRecord(reading: "\(work.path)/b_nuclei_mask.json")?.notes == [remark])
    }

    @Test func smallImagesArePadded() throws {
        try writeImage("b.png", 20, 9)
        let observer = RecordingObserver()
        let record = try pipeline().run(request("b.png"), observer)
        #expect(
            observer.notes.first
                == "20 x 9 pixels at the resolution of the model, smaller than a tile of 32: padded by reflection")
        #expect(record.windows.count == 1 && record.image.width == 20)
    }

    @Test func refinementAssumesAResolution() throws {
        var request = request()
        request.refinement = .hematoxylin
        let observer = RecordingObserver()
        let record = try pipeline(threshold: 0).run(request, observer)
        #expect(observer.notes == ["its resolution is not known; refined as if it were 0.250 microns per pixel"])
        #expect(record.refinement?.method == "hematoxylin" && record.coverage.positiveRegions?.pixels == 200 * 150)
    }

    @Test func anOutlineBesideTheImageGivesAnEmptyMask() throws {
        func outline(_ x: Int) throws {
            try work.write(
                """
                {"type": "Polygon", "coordinates": [[[\(x), 10], [\(x + 80), 10], [\(x + 80), 90], [\(x), 90], [\(x), 10]]]}
                """, to: "o.geojson")
        }
        var request = request("a.png", Self.names)
        request.tissue = .outline("\(work.path)/o.geojson")
        try outline(5000)
        let empty = try pipeline(threshold: 0).run(request, RecordingObserver())
        #expect(empty.isEmpty && empty.nucleiShareOfPredicted == nil && empty.coverage.processed?.pixels == 0)
        let reason = "the outline \(work.path)/o.geojson contains no pixel of the image"
        #expect(empty.warnings == ["nothing was processed, and the mask says nothing about nuclei: \(reason)"])
        #expect(empty.coverage.withoutTissue.pixels == 200 * 150 && empty.polygons == 0)
        #expect(try pipeline(threshold: 0).finishedRecord(of: request)?.isEmpty == true)
        var estimator = try MaskEstimator(pipeline(threshold: 0), threads: 1)
        #expect(estimator.estimate(request, overwrites: true).outcome == .empty)
        #expect(estimator.estimate(request, overwrites: false).outcome == .empty)

        try outline(60)
        let record = try pipeline(threshold: 0).run(request, RecordingObserver())
        #expect(!record.isEmpty && record.warnings == [] && record.nucleiShareOfPredicted == 1)
        #expect(record.coverage.nuclei.pixels == 80 * 80 && record.coverage.processed?.pixels == 80 * 80)
        #expect(record.polygons == 1 && record.windows.predicted > 25)
        let text = String(decoding: try bytes("a.geojson"), as: UTF8.self)
        #expect(text.contains("[[[60,10],[140,10],[140,90],[60,90],[60,10]]]"), "\(text)")
    }

    @Test func imagesThatChangeWhileTheyAreReadFail() throws {
        let request = request("a.png", Self.names)
        for stage in [MaskProgress.Stage.units("windows"), .rows("heat map")] {
            var isChanged = false
            let observer = RecordingObserver { progress in
                guard progress.stage == stage, !isChanged else { return }
                isChanged = true
                try writeImage("a.png", 200, 150)
            }
            let error = #expect(throws: FileError.self) { try pipeline().run(request, observer) }
            #expect(error?.kind == .malformed && error?.path == "\(work.path)/a.png", "\(String(describing: error))")
            #expect(files == ["a.png", "a_t.geojson"])
        }
    }

    @Test func outputsThatAreNotWhatWasWrittenAreMadeAgain() throws {
        let request = request("a.png", Self.names)
        _ = try pipeline().run(request, RecordingObserver())
        let others = files.filter { $0 != "a.png" && $0 != "a_nuclei_mask.json" }
        #expect(others.count == 7)
        for name in others {
            let (url, content) = (URL(fileURLWithPath: "\(work.path)/\(name)"), try bytes(name))
            var changed = content
            changed[content.count / 2] ^= 1
            for other in [content.dropLast(), changed, Data()] {
                try other.write(to: url)
                #expect(try pipeline().finishedRecord(of: request) == nil, "\(name)")
            }
            try content.write(to: url)
            #expect(try pipeline().finishedRecord(of: request) != nil)
        }
    }

    @Test func failuresNameTheFile() throws {
        let missing = #expect(throws: FileError.self) { try pipeline().run(request("none.png"), RecordingObserver()) }
        #expect(missing?.kind == .unreadable && missing?.path == "\(work.path)/none.png")
        var unwritten = request()
        unwritten.files[.csv] = "\(work.path)/none/a.csv"
        let observer = RecordingObserver()
        let unwritable = #expect(throws: FileError.self) { try pipeline().run(unwritten, observer) }
        #expect(unwritable?.kind == .unwritable && observer.progress.isEmpty && files == ["a.png"])
    }

    @Test func recordsNameFilesFromTheirFolder() throws {
        try FileManager.default.createDirectory(atPath: "\(work.path)/t", withIntermediateDirectories: true)
        var request = request()
        request.files[.csv] = "\(work.path)/t/a.csv"
        let record = try pipeline().run(request, RecordingObserver())
        #expect(
            record.files == ["mask": "a_nuclei_mask.png", "record": "a_nuclei_mask.json", "csv": "t/a.csv"])
        #expect(record.execution?.threads == Kernels.threadCount)
        #expect(record.execution?.instructions == Kernels.instructions.rawValue)
    }

    @Test func aMaskThatAnotherProcessFinishedIsFound() throws {
        let request = request()
        let first = try pipeline().attempt(request, repeats: false, RecordingObserver())
        #expect(!first.wasFound && files == ["a.png", "a_nuclei_mask.json", "a_nuclei_mask.png"])
        let observer = RecordingObserver()
        let second = try pipeline().attempt(request, repeats: false, observer)
        #expect(second.wasFound && second.record.request == first.record.request && observer.progress.isEmpty)
        #expect(try !pipeline().attempt(request, repeats: true, RecordingObserver()).wasFound)
        let lock = try FileLock(for: request.mask, owner: "")
        #expect(
            throws: FileError(
                request.mask, .busy, "expected a file that no process writes, found it locked by another process")
        ) { try pipeline().attempt(request, repeats: true, RecordingObserver()) }
        withExtendedLifetime(lock) {}
    }

    /// Leftovers of killed processes are removed while the mask is locked.
    @Test func leftoversAreRemoved() throws {
        for name in [".a_nuclei_mask.png.partial-h-1", ".a_nuclei_mask.json.partial-7", ".a_nuclei_mask.png.lock"] {
            try work.write("x", to: name)
        }
        _ = try pipeline().attempt(request(), repeats: false, RecordingObserver())
        #expect(files == ["a.png", "a_nuclei_mask.json", "a_nuclei_mask.png"])
    }

    @Test func cachesInAFolderAreNamedByImageAndRequest() throws {
        struct Stop: Error {}
        func request(_ folder: String) -> MaskRequest {
            MaskRequest(
                image: "\(work.path)/a.png",
                names: OutputNames(folder: "\(work.path)/\(folder)", scratch: "\(work.path)/scratch"))
        }
        for name in ["scratch", "one", "two"] { try Folder.make("\(work.path)/\(name)") }
        let canceled = RecordingObserver { if $0.done >= 50 { throw Stop() } }
        #expect(throws: Stop.self) { try pipeline().run(request("one"), canceled) }
        let cache = try pipeline(threshold: 0.4).cache(of: request("two"))
        #expect(cache.exists && cache.name.hasSuffix("-a.png.windows"), "another threshold computes nothing again")
        #expect(try pipeline().cache(of: request("one")) == cache)
        let observer = RecordingObserver()
        _ = try pipeline().run(request("two"), observer)
        #expect(observer.notes.contains { $0.contains(" blocks were found in \(cache)") }, "\(observer.notes)")
        #expect(Folder.names(in: "\(work.path)/scratch").isEmpty)
    }

    @Test func stagedImages() throws {
        var request = request("a.png", [.csv: "{}.csv"])
        let plain = try pipeline().attempt(request, repeats: true, RecordingObserver()).record
        let table = try bytes("a.csv")
        request.stagingFolder = "\(work.path)/stage"
        let staged = try pipeline().attempt(request, repeats: true, RecordingObserver()).record
        #expect(staged.image.path == plain.image.path && staged.request == plain.request)
        #expect(try bytes("a.csv") == table && Folder.names(in: "\(work.path)/stage").isEmpty)
        let whole = try bytes("a.png")
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: "\(work.path)/b.png"))
        var broken = self.request("b.png")
        broken.stagingFolder = request.stagingFolder
        let error = fileError { _ = try pipeline().attempt(broken, repeats: true, RecordingObserver()) }
        #expect(error?.path == "\(work.path)/b.png" && error?.kind == .malformed)
        #expect(Folder.names(in: "\(work.path)/stage").isEmpty)
        // The index of a slide of several files.
        try work.write("x", to: "c.vms")
        var several = self.request("c.vms")
        several.stagingFolder = request.stagingFolder
        let observer = RecordingObserver()
        #expect(fileError { _ = try pipeline().attempt(several, repeats: true, observer) } != nil)
        #expect(observer.notes == ["a slide of several files is read in place, not from \(work.path)/stage"])
    }

    @Test func estimatesMatchTheRun() throws {
        var estimator = try MaskEstimator(pipeline(), threads: 1)
        let request = request("a.png", [.csv: "{}.csv"])
        let estimate = estimator.estimate(request, overwrites: false)
        #expect(estimate.problems.isEmpty && files == ["a.png"])
        let observer = RecordingObserver()
        let record = try pipeline().run(request, observer)
        #expect(estimate.windows == record.windows.count && estimate.windowsToCompute == observer.findings?.computed)
        #expect(estimate.notes == observer.notes && estimate.reading == "as it is")
        let finished = estimator.estimate(request, overwrites: false)
        #expect(finished.isFinished && finished.windowsToCompute == 0)
        #expect(!estimator.estimate(request, overwrites: true).isFinished)
        let missing = estimator.estimate(self.request("none.png"), overwrites: false)
        #expect(missing.problems.map(\.kind) == [.unreadable] && missing.properties == nil)
    }

    @Test func outputsSayWhatTheirNamesNeed() {
        #expect(OutputKind.probabilities.type.fileExtensions == ["tif", "tiff"])
        #expect(OutputKind.allCases.filter { $0.type.needsOverlap } == [.disagreement])
    }
}
