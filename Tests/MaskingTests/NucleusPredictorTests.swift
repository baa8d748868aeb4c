import Foundation
import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// The pipeline with a model that outlines nuclei, in process.
@Suite(.kernelTurns) struct NucleusPredictorTests {
    private let work: WorkingFolder
    private static let names: [OutputKind: String] = [
        .nuclei: "{}.csv", .labels: "{}_l.tif", .geojson: "{}.geojson", .density: "{}_d.tif", .tissue: "{}_t.geojson",
    ]

    init() throws {
        work = try WorkingFolder()
        // Two rows of two blocks.
        try writeImage("a.png", 1300, 1100)
    }

    /// Radius of the nuclei in pixels, and the distance from one to the next.
    private static let (radius, spacing) = (8.0, 37)

    /// Writes disks of a color on a bright ground. Returns the number of those that lie inside completely.
    @discardableResult private func writeImage(
        _ name: String, _ width: Int, _ height: Int, _ color: [UInt8] = [40, 40, 40]
    ) throws -> Int {
        let writer = try PNGWriter(path: "\(work.path)/\(name)", width: width, height: height, channels: .rgb)
        var pixels = [UInt8](repeating: 230, count: width * height * 3)
        let reach = Int(Self.radius)
        let centers = stride(from: 20, to: height - reach - 1, by: Self.spacing).flatMap { y in
            stride(from: 20, to: width - reach - 1, by: Self.spacing).map { (x: $0, y: y) }
        }
        for center in centers {
            for y in center.y - reach...center.y + reach {
                for x in center.x - reach...center.x + reach
                where hypot(Double(x - center.x), Double(y - center.y)) <= Self.radius {
                    for channel in 0..<3 { pixels[(y * width + x) * 3 + channel] = color[channel] }
                }
            }
        }
        try pixels.withUnsafeBytes { try writer.write(rows: $0, count: height) }
        try writer.finish()
        return centers.count
    }

    private func pipeline(within: Double? = nil, precision: Precision? = nil) throws -> MaskPipeline {
        var model = try darknessOutliner()
        model.description.fixedPoint = FixedPointRecord(
            ranges: Dictionary(uniqueKeysWithValues: model.network.layerNames.map { ($0, 50) }))
        var settings = MaskSettings()
        (settings.nuclei, settings.within, settings.precision) = (NucleusSettings(), within, precision)
        let method = try NucleusPredictor(maskModels(model), settings: settings)
        return try MaskPipeline(
            .init(maskModels(model)), method, version: "1")
    }

    private func request(_ image: String = "a.png", _ names: [OutputKind: String] = Self.names) -> MaskRequest {
        MaskRequest(image: "\(work.path)/\(image)", names: OutputNames(names))
    }

    private var files: [String] { Folder.names(in: FilePath(work.path)).sorted() }

    private func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/\(name)"))
    }

    @Test func allOutputsAgree() throws {
        let observer = RecordingObserver()
        let record = try pipeline().run(request(), observer)
        #expect(
            files == [
                "a.csv", "a.geojson", "a.png", "a_d.tif", "a_l.tif", "a_nuclei_mask.json", "a_nuclei_mask.png",
                "a_t.geojson",
            ])
        #expect(record.windows.count == 4 && record.windows.predicted == 4 && observer.findings?.computed == 4)
        let count = try #require(record.nuclei?.nuclei)
        let rows = String(decoding: try bytes("a.csv"), as: UTF8.self).split(separator: "\n")
        #expect(count == 35 * 29 && rows.count == count + 1, "\(count) nuclei")
        let mask = try LabelImage(decoding: "\(work.path)/a_nuclei_mask.png")
        #expect(mask.labels.count { $0 != 0 } == record.coverage.nuclei.pixels)
        // These nuclei do not touch, so that the mask has all of their pixels, in components.
        let labels = try LabelImage(decoding: "\(work.path)/a_l.tif")
        #expect(zip(labels.labels, mask.labels).allSatisfy { ($0 != 0) == ($1 != 0) })
        for row in rows.dropFirst() {
            let fields = row.split(separator: ",").map { Double($0)! }
            let (x, y) = (Int(fields[1]), Int(fields[2]))
            #expect(labels.labels[y * labels.width + x] == UInt32(fields[0]), "\(row)")
        }
        let areas = rows.dropFirst().map { Double($0.split(separator: ",")[3])! }
        let total = areas.reduce(0, +)
        // Areas in the table are rounded.
        #expect(abs(total - Double(record.coverage.nuclei.pixels) * 0.25) < 0.01 * Double(count))
    }

    @Test func canceledRunsResumeWithTheSameBytes() throws {
        struct Stop: Error {}
        let request = request()
        _ = try pipeline().run(request, RecordingObserver())
        let whole = try files.filter { !$0.hasSuffix(".json") }.map(bytes)
        for name in files where name != "a.png" { try FileManager.default.removeItem(atPath: "\(work.path)/\(name)") }
        let canceled = RecordingObserver { if $0.done >= 2 { throw Stop() } }
        #expect(throws: Stop.self) { try pipeline().run(request, canceled) }
        #expect(files == ["a.png", "a_nuclei_mask.png.windows", "a_t.geojson"])
        #expect(canceled.progress.last?.canResume == true)
        let resumed = RecordingObserver()
        _ = try pipeline().run(request, resumed)
        #expect(resumed.findings?.computed == 2 && resumed.notes.contains { $0.contains("2 of 4 blocks were found") })
        #expect(try files.filter { !$0.hasSuffix(".json") }.map(bytes) == whole)
    }

    /// After an end without memory, the image is tried again where there is more.
    @Test func missingMemoryIsRemembered() throws {
        let note = "\(work.path)/a_nuclei_mask.png.failed"
        let digest = try pipeline().run(request(), RecordingObserver()).request
        for name in files where name != "a.png" { try FileManager.default.removeItem(atPath: "\(work.path)/\(name)") }
        func run() throws { _ = try pipeline().attempt(request(), repeats: false, RecordingObserver()) }
        try work.write("nuclei \(digest)\navailable memory \(1 << 60)\n", to: "a_nuclei_mask.png.failed")
        func kind() -> FileError.Kind? {
            do { try run() } catch { return (error as? FileError)?.kind }
            return nil
        }
        #expect(kind() == .lacksMemory)
        try work.write("nuclei \(digest)\n", to: "a_nuclei_mask.png.failed")
        #expect(kind() == .malformed)
        try work.write("nuclei \(digest)\navailable memory 1000\n", to: "a_nuclei_mask.png.failed")
        try run()
        #expect(!FileManager.default.fileExists(atPath: note))
    }

    /// Fixed point has the same bits with all instruction sets, floats do not.
    @Test(arguments: [(Precision.int16, 2), (.float32, 4)])
    func machinesWithOtherInstructionsContinueInFixedPoint(precision: Precision, computed: Int) throws {
        struct Stop: Error {}
        _ = try pipeline(precision: precision).run(request(), RecordingObserver())
        let whole = try files.filter { !$0.hasSuffix(".json") }.map(bytes)
        for name in files where name != "a.png" { try FileManager.default.removeItem(atPath: "\(work.path)/\(name)") }
        let canceled = RecordingObserver { if $0.done >= 2 { throw Stop() } }
        #expect(throws: Stop.self) { try pipeline(precision: precision).run(request(), canceled) }
        let best = Kernels.instructions
        // A processor without AVX2 has no others.
        guard (try? Kernels.setInstructions(.avx2)) != nil else { return }
        defer { try? Kernels.setInstructions(.any) }
        let resumed = RecordingObserver()
        _ = try pipeline(precision: precision).run(request(), resumed)
        #expect(resumed.findings?.computed == (best == .avx2 ? 2 : computed))
        if precision == .int16 { #expect(try files.filter { !$0.hasSuffix(".json") }.map(bytes) == whole) }
    }

    /// A cache of another precision is not continued.
    @Test(arguments: [InstructionSet.any, .portable])
    func precisionsHaveCachesOfTheirOwn(instructions: InstructionSet) throws {
        try Kernels.setInstructions(instructions)
        defer { try? Kernels.setInstructions(.any) }
        var request = request()
        request.keepsCache = true
        for (precision, computed) in [(Precision.float32, 4), (.int16, 4), (.int16, 0), (.float32, 4)] {
            let observer = RecordingObserver()
            _ = try pipeline(precision: precision).run(request, observer)
            #expect(observer.findings?.computed == computed, "\(precision)")
        }
    }

    @Test func darknessIsReportedFromTheCache() throws {
        let writer = try PNGWriter(path: "\(work.path)/a.png", width: 600, height: 600, channels: .rgb)
        try [UInt8](repeating: 9, count: 600 * 600 * 3).withUnsafeBytes { try writer.write(rows: $0, count: 600) }
        try writer.finish()
        var request = request()
        request.keepsCache = true
        let first = try pipeline().run(request, RecordingObserver())
        let observer = RecordingObserver()
        let found = try pipeline(within: 10).run(request, observer)
        #expect(observer.findings?.computed == 0)
        #expect(first.warnings?.contains { $0.hasPrefix("very dark: ") } == true && found.warnings == first.warnings)
    }

    /// A stain without hematoxylin has no nuclei, and the record says why.
    @Test func paleObjectsAreReportedFromTheCache() throws {
        let assumed =
            "states no resolution of a microscope; treated as having the model's 0.5 microns per pixel (see --mpp)"
        let nuclei = try pipeline().run(request(), RecordingObserver())
        #expect(nuclei.warnings == [assumed])
        let pink: [UInt8] = [140, 1, 116]
        let density = StainDensity(of: .hematoxylin).density(red: pink[0], green: pink[1], blue: pink[2])
        try #require(density < StainDensity.leastInNuclei)
        let count = try writeImage("a.png", 1300, 1100, pink)
        var request = request()
        request.keepsCache = true
        let first = try pipeline().run(request, RecordingObserver())
        let observer = RecordingObserver()
        let found = try pipeline(within: 10).run(request, observer)
        #expect(first.nuclei?.nuclei == 0 && observer.findings?.computed == 0 && observer.findings?.pale == count)
        #expect(
            first.warnings == [
                assumed,
                "\(count) objects are left out because they have hardly any hematoxylin, more than there are nuclei (0): the "
                    + "stain may be faded or another one",
            ])
        #expect(found.warnings == first.warnings)
        // Some fibers are no other stain.
        try #require(writeImage("b.png", 300, 100, pink) < 20)
        let few = try pipeline().run(self.request("b.png"), RecordingObserver())
        #expect(few.nuclei?.nuclei == 0 && few.warnings == [assumed])
    }

    @Test func regionsSurroundNuclei() throws {
        let nuclei = try pipeline().run(request(), RecordingObserver())
        let regions = try pipeline(within: 10).run(request(), RecordingObserver())
        #expect(regions.coverage.nuclei.pixels > nuclei.coverage.nuclei.pixels)
        #expect(regions.nuclei?.nuclei == nuclei.nuclei?.nuclei && regions.request != nuclei.request)
    }

    @Test func onlyTheOutlineIsProcessed() throws {
        try work.write(
            """
            {"type": "Polygon", "coordinates": [[[100, 100], [400, 100], [400, 500], [100, 500], [100, 100]]]}
            """, to: "o.geojson")
        var request = request()
        request.tissue = .outline("\(work.path)/o.geojson")
        let record = try pipeline().run(request, RecordingObserver())
        #expect(record.windows.predicted == 1 && record.windows.withoutTissue == 3)
        #expect(record.coverage.processed?.pixels == 300 * 400)
        let square = try #require(record.nuclei?.squareMillimeters)
        #expect(abs(square - 300 * 400 * 0.25e-6) < 1e-9)
    }

    /// Nuclei are found again where the outline has changed, even by a pixel.
    @Test func anotherOutlineHasACacheOfItsOwn() throws {
        var request = request()
        request.tissue = .outline("\(work.path)/o.geojson")
        request.keepsCache = true
        for (right, computed) in [(400, 1), (400, 0), (401, 1)] {
            try work.write(
                """
                {"type": "Polygon", "coordinates": [[[100, 100], [\(right), 100], [\(right), 500], [100, 500], [100, 100]]]}
                """, to: "o.geojson")
            let observer = RecordingObserver()
            _ = try pipeline().run(request, observer)
            #expect(observer.findings?.computed == computed, "\(right)")
        }
    }

    /// A nucleus whose center is inside the outline is whole in the mask; only the area inside counts.
    @Test func nucleiMayExtendBeyondTheOutline() throws {
        // Through disks at 20 + 37 i.
        try work.write(
            #"{"type": "Polygon", "coordinates": [[[90, 90], [390, 90], [390, 460], [90, 460], [90, 90]]]}"#,
            to: "o.geojson")
        var request = request()
        request.tissue = .outline("\(work.path)/o.geojson")
        let record = try pipeline().run(request, RecordingObserver())
        let coverage = record.coverage
        #expect(coverage.processed?.pixels == 300 * 370)
        #expect(coverage.nuclei.pixels + coverage.noNuclei.pixels > 300 * 370)
        let square = try #require(record.nuclei?.squareMillimeters)
        #expect(abs(square - 300 * 370 * 0.25e-6) < 1e-9)
        let all = coverage.nuclei.pixels + coverage.noNuclei.pixels + coverage.withoutTissue.pixels
        #expect(all == 1300 * 1100)
    }

    /// Of a slide, only the surroundings of tissue are read and computed, with the same results.
    @Test func blocksAreBoundedByTissue() throws {
        let level = TIFFMaker.Level(width: 1400, height: 1200) { x, y, _ in
            let (dx, dy) = ((x + 35) % Self.spacing - 18, (y + 35) % Self.spacing - 18)
            return hypot(Double(dx), Double(dy)) <= Self.radius ? 40 : 230
        }
        let maker = TIFFMaker(levels: [level], tileWidth: 64, tileHeight: 64)
        try Data(maker.bytes).write(to: URL(fileURLWithPath: "\(work.path)/s.tif"))
        func nuclei(
            _ left: Int, _ top: Int, _ right: Int, _ bottom: Int
        ) throws -> (rows: [String], decoded: Int, work: Workload) {
            try work.write(
                """
                {"type": "Polygon", "coordinates": [[[\(left), \(top)], [\(right), \(top)], [\(right), \(bottom)],
                [\(left), \(bottom)], [\(left), \(top)]]]}
                """, to: "o.geojson")
            var request = request("s.tif", [.nuclei: "{}.csv"])
            request.tissue = .outline("\(work.path)/o.geojson")
            var settings = MaskSettings()
            settings.nuclei = NucleusSettings()
            // The contrast of the stain is that of all tissue.
            settings.nuclei!.stainWeight = 0
            let models = try maskModels(darknessOutliner())
            let observer = RecordingObserver()
            let method = try NucleusPredictor(models, settings: settings)
            _ = try MaskPipeline(.init(models), method, version: "1").run(request, observer)
            let image = try SlideImage.open(
                request.image, at: request.resolution, modelMicronsPerPixel: 0.5)
            let workload = try method.plan(image, tissue: image.tissue(request.tissue) { _ in }.map).workload
            let rows = String(decoding: try bytes("s.csv"), as: UTF8.self).split(separator: "\n").dropFirst()
            // Without the number of the nucleus.
            return (
                rows.map { String($0.drop { $0 != "," }) },
                try #require(observer.progress.last { $0.decodedPixels > 0 }).decodedPixels, workload
            )
        }
        let whole = try nuclei(0, 0, 1400, 1200)
        let part = try nuclei(701, 303, 1350, 500)
        #expect(whole.rows.count == 38 * 32 && whole.decoded > 1_700_000)
        // In two of the four blocks.
        #expect(part.rows.count == 17 * 5 && part.decoded < 500_000, "\(part.rows.count), \(part.decoded)")
        #expect(Set(part.rows).isSubset(of: whole.rows))
        #expect(whole.work.withTissue == 4 && whole.work.wholeUnits > 1.5 && whole.work.wholeUnits < 2)
        #expect(part.work.withTissue == 2 && part.work.wholeUnits > 0.1 && part.work.wholeUnits < 0.4)
    }

    @Test func smallImagesArePadded() throws {
        try writeImage("b.png", 21, 9)
        let record = try pipeline().run(request("b.png"), RecordingObserver())
        #expect(record.windows.count == 1 && record.image.width == 21 && !record.isEmpty)
        #expect(record.nuclei?.nuclei == 0)
    }

    @Test func estimatesCountBlocks() throws {
        var estimator = try MaskEstimator(pipeline(), threads: 1)
        let estimate = estimator.estimate(request(), overwrites: false)
        #expect(estimate.problems.isEmpty && estimate.windows == 4 && estimate.windowsToCompute == 4)
        #expect(try #require(estimate.seconds) > 0 && files == ["a.png", "a_t.geojson"])
    }

    /// Two models with another bias agree that disks are nuclei, but not how probable they are.
    @Test func ensemblesMeasureDisagreement() throws {
        var settings = MaskSettings()
        settings.nuclei = NucleusSettings()
        settings.nuclei!.stainWeight = 0
        func probabilities(_ models: MaskModels) throws -> (header: String, rows: [[Double]]) {
            let method = try NucleusPredictor(models, settings: settings)
            let record = try MaskPipeline(.init(models), method, version: "1").run(request(), RecordingObserver())
            #expect(record.model.members?.count ?? 1 == models.members.count)
            let lines = String(decoding: try bytes("a.csv"), as: UTF8.self).split(separator: "\n")
            return (String(lines[0]), lines.dropFirst().map { $0.split(separator: ",").map { Double($0)! } })
        }
        let (strict, loose) = (try darknessOutliner(bias: -13), try darknessOutliner(bias: -11))
        let (header, one) = try probabilities(maskModels(strict))
        #expect(!header.contains("disagreement"))
        let other = try probabilities(maskModels(loose)).rows
        let both = try probabilities(maskModels(strict, loose))
        #expect(both.header.hasSuffix(",probability,hematoxylin,eosin,disagreement"))
        #expect(one.count == other.count && both.rows.count == one.count && one.count == 35 * 29)
        for (row, (a, b)) in zip(both.rows, zip(one, other)) {
            // Outlines of disks are sharp: all have the same pixels.
            try #require(row[3] == a[3] && row[3] == b[3])
            try #require(abs(row[9] - (a[9] + b[9]) / 2) < 0.0011 && b[9] > a[9] + 0.01)
            try #require(abs(row[12] - (b[9] - a[9]) / 2) < 0.0011)
        }
    }

    @Test func modelsWithoutAResolutionAreRefused() throws {
        var model = try darknessOutliner()
        model.description.micronsPerPixel = nil
        var settings = MaskSettings()
        settings.nuclei = NucleusSettings()
        let error = #expect(throws: FileError.self) {
            try NucleusPredictor(maskModels(model), settings: settings)
        }
        #expect(error?.description == "model0: expected a model that states its microns per pixel, found none")
    }
}
