import Foundation
import Foundations
import Masking
import NeuralNetworks
import Testing

struct RunSummaryTests {
    private let work: WorkingFolder

    init() throws { work = try WorkingFolder() }

    private func record(unreadable: Int = 0, areas: Bool = true) throws -> MaskRecord {
        try work.write(sampleRecord(unreadable: unreadable, areas: areas), to: "r.json")
        return try #require(MaskRecord(reading: "\(work.path)/r.json"))
    }

    @Test func theTableAndTheFile() throws {
        var summary = RunSummary([
            ("s/a.svs", "a.png"), ("s/b, \"old\".svs", "b.png"), ("s/c.svs", "c.png"), ("s/d.svs", "d.png"),
            ("s/e.svs", "e.png"),
        ])
        summary.finish(0, try record(), wasFound: false)
        summary.finish(1, try record(unreadable: 3, areas: false), wasFound: true)
        summary.stop(2, .failed, "s/c.svs: expected a slide, found text")
        summary.stop(3, .interrupted, "interrupted; no mask was written")
        #expect(
            summary.csv == """
                image,state,windows,predicted,background,outside,unreadable,nuclei_count,nuclei_per_mm2,nuclei_share,\
                nuclei_mm2,no_nuclei_mm2,background_mm2,outside_mm2,unreadable_mm2,seconds,mask,problem
                s/a.svs,done,100,90,8,2,0,,,0.250000,0.062500,0.162500,0.020000,0.005000,0.000000,1.750,a.png,
                "s/b, ""old"".svs",skipped,100,87,8,2,3,,,0.250000,,,,,,1.750,b.png,3 windows could not be read
                s/c.svs,failed,,,,,,,,,,,,,,,,"s/c.svs: expected a slide, found text"
                s/d.svs,interrupted,,,,,,,,,,,,,,,,interrupted; no mask was written
                s/e.svs,waiting,,,,,,,,,,,,,,,,

                """)
        #expect(
            summary.table == [
                "image         state        windows  predicted  unreadable  covered  covered mm²  seconds",
                "a.svs         done             100         90           0  25.00 %        0.062      1.8",
                "b, \"old\".svs  skipped          100         87           3  25.00 %                   1.8",
                "c.svs         failed",
                "d.svs         interrupted",
                "e.svs         waiting",
            ])
        #expect(summary.counts == "1 done, 1 skipped, 1 failed, 1 interrupted, 1 waiting")
        #expect(summary.hasUnreadableParts)
    }

    @Test func emptyMasksAreNoNegatives() throws {
        for wasFound in [false, true] {
            var summary = RunSummary([("a.svs", "m.png")])
            try work.write(sampleRecord(isEmpty: true), to: "e.json")
            let record = try #require(MaskRecord(reading: "\(work.path)/e.json"))
            summary.finish(0, record, wasFound: wasFound)
            #expect(
                summary.csv.hasSuffix("\na.svs,empty,100,0,100,0,0,,,,,,0.250000,0.000000,0.000000,1.750,m.png,why\n"))
            #expect(summary.table[1].split(separator: " ") == ["a.svs", "empty", "100", "0", "1.8"])
            #expect(summary.counts == "1 empty")
        }
    }

    @Test("Numbers and densities of nuclei; no density where the resolution is assumed")
    func numbersOfNuclei() throws {
        var summary = RunSummary([("a.svs", "a.png"), ("b.png", "b.png"), ("c.svs", "c.png"), ("d.svs", "d.png")])
        for (index, text) in try [
            sampleRecord(nuclei: 450), sampleRecord(areas: false, nuclei: 7), sampleRecord(isEmpty: true, nuclei: 0),
            sampleRecord(),
        ].enumerated() {
            try work.write(text, to: "r.json")
            summary.finish(index, try #require(MaskRecord(reading: "\(work.path)/r.json")), wasFound: false)
        }
        let lines = summary.csv.split(separator: "\n")
        #expect(lines[1].hasPrefix("a.svs,done,100,90,8,2,0,450,2000.000,0.250000,"))
        #expect(lines[2].hasPrefix("b.png,done,100,90,8,2,0,7,,0.250000,,"))
        #expect(
            lines[3].hasPrefix("c.svs,empty,100,0,100,0,0,,,,,,")
                && lines[4].hasPrefix("d.svs,done,100,90,8,2,0,,,0.25"))
        #expect(
            summary.table == [
                "image  state  windows  predicted  nuclei  per mm²  covered  covered mm²  seconds",
                "a.svs  done       100         90     450     2000  25.00 %        0.062      1.8",
                "b.png  done       100         90       7           25.00 %                   1.8",
                "c.svs  empty      100          0                                             1.8",
                "d.svs  done       100         90                   25.00 %        0.062      1.8",
            ])
    }

    @Test func emptyColumnsAreLeftOut() throws {
        var summary = RunSummary([("a.png", "m.png")])
        summary.finish(0, try record(areas: false), wasFound: false)
        #expect(summary.table[0] == "image  state  windows  predicted  covered  seconds")
        #expect(!summary.hasUnreadableParts && summary.counts == "1 done")
    }

    @Test func onlySummariesAreReplaced() throws {
        let path = "\(work.path)/summary.csv"
        try RunSummary.requireReplaceable(FilePath(path))
        // An earlier version had no numbers of nuclei.
        for csv in [RunSummary([]).csv, "image,state,windows,predicted,background,outside,unreadable,nuclei_share,\n"] {
            try work.write(csv, to: "summary.csv")
            try RunSummary.requireReplaceable(FilePath(path))
        }
        for text in ["", "image,state\n", "my own"] {
            try work.write(text, to: "summary.csv")
            #expect(
                throws: FileError(
                    path, .unwritable, "expected a summary of masks to replace, found another file (--summary)")
            ) { try RunSummary.requireReplaceable(FilePath(path)) }
        }
    }
}

struct MaskFingerprintTests {
    private let work: WorkingFolder

    init() throws {
        work = try WorkingFolder()
        try work.make("a.svs")
    }

    private func request(
        stride: Int = 128, model: String = "m", resolution: ResolutionChoice = .model, tissue: String = "auto",
        version: String = "1", temperature: Double = 1, bits: Int = 8, tolerance: Double = 0.5,
        columns: WindowColumns = .all, refinement: String? = nil, precision: Precision? = nil,
        files: [OutputKind: FilePath] = [:]
    ) throws -> MaskFingerprint {
        var settings = MaskSettings()
        (settings.stride, settings.precision) = (stride, precision)
        var formats = OutputFormats()
        (formats.bits, formats.tolerance, formats.windowColumns) = (bits, tolerance, columns)
        return MaskFingerprint(
            version: version, image: try ImageState("\(work.path)/a.svs"), model: model, temperature: temperature,
            settings: settings,
            resolution: resolution, tissue: tissue, refinement: refinement, formats: formats, files: files)
    }

    @Test func whateverChangesTheFilesChangesTheDigest() throws {
        let all = [
            try request(), try request(stride: 64), try request(model: "n"), try request(resolution: .init(level: 1)),
            try request(resolution: .init(micronsPerPixel: 0.5)), try request(resolution: .init(micronsPerPixel: 0.25)),
            try request(resolution: .init(micronsPerPixel: 0.25, overrides: true)),
            try request(tissue: "off"), try request(version: "2"), try request(temperature: 2), try request(bits: 1),
            try request(tolerance: 0), try request(columns: .wsinfer),
            try request(refinement: "hematoxylin"), try request(files: [.csv: "a.csv"]),
            try request(files: [.csv: "b.csv"]), try request(files: [.geojson: "a.csv"]),
            try request(precision: .int16), try request(precision: .float32),
        ].map(\.digest)
        #expect(Set(all).count == all.count)
        #expect(try request().digest == all[0])
        // Probabilities, and so caches, depend on the precision.
        let cache = CachePlace.folder("c")
        #expect(try cache.path(for: request(precision: .int16)) != cache.path(for: request(precision: .float32)))
        #expect(try request(files: [.csv: "elsewhere/a.csv"]).digest == request(files: [.csv: "a.csv"]).digest)
        try work.write("other", to: "a.svs")
        #expect(try request().digest != all[0])
    }

    @Test func imagesOfTheSameSizeAndTimeAreTold() throws {
        let (path, other) = ("\(work.path)/a.svs", "\(work.path)/b.svs")
        func setTime(_ path: String) throws {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000)], ofItemAtPath: path)
        }
        try work.write("abc", to: "a.svs")
        try setTime(path)
        let first = try request()
        #expect(try request() == first)
        // Written over, and moved over, each with the time of the first file.
        try work.write("abd", to: "a.svs")
        try setTime(path)
        let second = try request()
        #expect(second != first && second.image.file.time == first.image.file.time)
        try work.write("abd", to: "b.svs")
        try setTime(other)
        #expect(rename(other, path) == 0)
        #expect(try request() != second)
    }

    @Test func miraxSlidesAreTheirFolder() throws {
        try work.make("s.mrxs", "s/Data0000.dat", "s/Slidedat.ini", "t/Data0000.dat")
        let first = try ImageState("\(work.path)/s.mrxs")
        #expect(first.parts.map(\.name) == ["Data0000.dat", "Slidedat.ini"])
        try work.write("other", to: "s/Data0000.dat")
        #expect(try ImageState("\(work.path)/s.mrxs") != first)
    }

    @Test func vmsSlidesAreTheFilesOfTheirIndex() throws {
        try work.make("s.jpg", "s_map2.jpg", "t.jpg")
        try work.write(
            "[Virtual Microscope Specimen]\nImageFile=s.jpg\nMapFile=s_map2.jpg\nMacroImage=none.jpg\n", to: "s.vms")
        let first = try ImageState("\(work.path)/s.vms")
        #expect(first.parts.map(\.name) == ["s.jpg", "s_map2.jpg"] && !first.isSingleFile)
        try work.write("other", to: "t.jpg")
        #expect(try ImageState("\(work.path)/s.vms") == first)
        try work.write("other", to: "s.jpg")
        #expect(try ImageState("\(work.path)/s.vms") != first)
    }

    @Test func finishedImagesHaveTheirRecordAndAllFiles() throws {
        let files: [OutputKind: FilePath] = [
            .mask: "\(work.path)/m.png", .record: "\(work.path)/m.json", .csv: "\(work.path)/m.csv",
        ]
        let request = try request(files: files)
        #expect(request.finished(files) == nil)
        try work.make("m.png", "m.csv")
        let digests = ["mask": try FileDigest(files[.mask]!), "csv": try FileDigest(files[.csv]!)]
        try work.write(sampleRecord(request: request.digest, digests: digests), to: "m.json")
        #expect(request.finished(files)?.windows.count == 100)
        for text in ["m.pn", "m.pnG"] {
            try work.write(text, to: "m.png")
            #expect(request.finished(files) == nil, "cut short or replaced")
        }
        try work.make("m.png")
        #expect(request.finished(files) != nil)
        #expect(try self.request(stride: 64, files: files).finished(files) == nil)
        try work.write(sampleRecord(request: request.digest), to: "m.json")
        #expect(request.finished(files) == nil, "a record without digests")
        try work.write(sampleRecord(request: request.digest, digests: digests), to: "m.json")
        try FileManager.default.removeItem(atPath: "\(work.path)/m.csv")
        #expect(request.finished(files) == nil)
        try work.make("m.csv")
        try work.write("{}", to: "m.json")
        #expect(request.finished(files) == nil)
    }
}
