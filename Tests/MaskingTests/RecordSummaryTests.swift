import Foundations
import Glibc
import Masking
import TestSupport
import Testing

/// Summaries of folders, from the records of masks alone.
struct RecordSummaryTests {
    private let work: WorkingFolder
    private var folder: FilePath { FilePath(work.path) }

    init() throws {
        work = try WorkingFolder()
        try add("a", image: "/slides/a.svs")
        try add("deep/b", image: "slides/b.svs")
        try work.write("{}", to: "other.json")
    }

    private func add(_ name: String, image: String, files: String = "") throws {
        let mask = "\(files)\(FilePath(name).name).png"
        let record = try sampleRecord(files: ["mask": mask, "record": "\(name).json"])
        try work.write(record.replacing("\"path\": \"a.svs\"", with: "\"path\": \"\(image)\""), to: "\(name).json")
        try work.write("mask", to: "\(name).png")
    }

    private func lines(_ list: String? = nil) throws -> [String] {
        let images = try list.map {
            try work.write($0, to: "list.txt")
            return try ImageList("\(work.path)/list.txt")
        }
        return try RunSummary(recordsIn: folder, list: images).csv.split(separator: "\n").dropFirst().map(String.init)
    }

    private let numbers = ",done,100,90,8,2,0,,,0.250000,0.062500,0.162500,0.020000,0.005000,0.000000,1.750,"

    @Test func allRecordsWithoutAList() throws {
        #expect(
            try lines() == [
                "/slides/a.svs\(numbers)\(work.path)/a.png,", "slides/b.svs\(numbers)\(work.path)/deep/b.png,",
            ])
        let empty = try TemporaryFolder()
        #expect(fileError { _ = try RunSummary(recordsIn: empty.path, list: nil) }?.kind == .unreadable)
        #expect(fileError { _ = try RunSummary(recordsIn: empty.file("none"), list: nil) }?.kind == .unreadable)
    }

    /// Records of earlier versions have paths from the working directory.
    @Test func oldRecordsAreRead() throws {
        try add("c", image: "c.svs", files: "/elsewhere/then/")
        #expect(try lines("c.svs") == ["c.svs\(numbers)\(work.path)/c.png,"])
    }

    @Test func imagesOfAListInItsOrder() throws {
        let found = try lines("slides/b.svs\n/none/x.svs\n/slides/a.svs\n")
        #expect(
            found.count == 3 && found[0].hasPrefix("slides/b.svs,done,") && found[2].hasPrefix("/slides/a.svs,done,"))
        #expect(found[1] == "/none/x.svs,missing,,,,,,,,,,,,,,,,no record in \(work.path)")
        // A workflow engine has linked the image into a folder of its own.
        #expect(try lines("/archive/2024/b.svs")[0].hasPrefix("/archive/2024/b.svs,done,"))
        let twice = try lines("/archive/1/b.svs\n/archive/2/b.svs")
        #expect(twice.allSatisfy { $0.contains(",missing,") }, "the name is that of two images: \(twice)")
    }

    @Test func whatIsNotFinishedIsNamed() throws {
        unlink(folder.appending("a.png").string)
        let lock = try FileLock(for: folder.appending("c.png"), owner: MaskLock("c.svs").text)
        try work.write(MaskLock("d.svs").text, to: ".d.png.lock")
        let found = try lines("/slides/a.svs\nc.svs\nd.svs")
        #expect(found[0].hasPrefix("/slides/a.svs,missing,") && found[0].hasSuffix("a.png does not\""), "\(found)")
        #expect(found[1].hasPrefix("c.svs,busy,") && found[1].contains("in work on \(UniqueName.host)"), "\(found)")
        #expect(found[2].hasPrefix("d.svs,missing,") && found[2].contains("begun on "), "\(found)")
        let all = try RunSummary(recordsIn: folder, list: nil)
        #expect(all.counts == "1 done, 1 busy, 2 missing")
        withExtendedLifetime(lock) {}
    }

    @Test func damagedRecordsAndMasksAreNamed() throws {
        let texts = ["": "e", "\u{0}\u{0}": "n", "{\n": "b", "{\"a\": 1}": "j"]
        for (text, name) in texts {
            try work.write(text, to: "\(name)_nuclei_mask.json")
            try work.make("\(name)_nuclei_mask.png")
        }
        // Named like a mask of ours by chance.
        try work.write("{\"a\": 1}", to: "photo.json")
        try work.make("photo.png")
        let found = try RunSummary(recordsIn: folder, list: nil)
        #expect(
            found.damagedRecords.map(\.name).sorted() == ["b", "e", "j", "n"].map { "\($0)_nuclei_mask.json" },
            "\(found.damagedRecords)")
        let digest = try FileDigest(folder.appending("a.png"))
        let record = try sampleRecord(files: ["mask": "a.png", "record": "a.json"], digests: ["mask": digest])
        try work.write(record, to: "a.json")
        #expect(try RunSummary(recordsIn: folder, list: nil).counts == "2 done")
        try work.write("ma", to: "a.png")
        #expect(try RunSummary(recordsIn: folder, list: nil).counts == "1 done, 1 missing")
        let line = try lines().first { $0.contains(",missing,") }
        #expect(line?.contains("its record states 4 bytes of its mask \(work.path)/a.png, which has 2") ?? false)
    }
}
