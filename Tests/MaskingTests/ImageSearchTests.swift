import Foundation
import Foundations
import Imaging
import Masking
import TestSupport
import Testing

struct ImageSearchTests {
    private let work: WorkingFolder

    init() throws { work = try WorkingFolder() }

    private func find(_ arguments: String...) throws -> ImageSearch {
        try ImageSearch(arguments.map { "\(work.path)/\($0)" })
    }

    private func names(_ paths: [FilePath]) -> [String] {
        paths.map { String($0.string.dropFirst(work.path.count + 1)) }
    }

    @Test func imagesOfFoldersAreSortedByNumber() throws {
        try work.make(
            "s/slide_10.svs", "s/slide_2.SVS", "s/a.png", "s/b.jpeg", "s/notes.txt", "s/.hidden.png", "s/in/c.png",
            "s/folder.png/d.png")
        let found = try find("s")
        #expect(names(found.images) == ["s/a.png", "s/b.jpeg", "s/slide_2.SVS", "s/slide_10.svs"])
        #expect(!found.isSingle && found.leftOut.values.allSatisfy(\.isEmpty))
    }

    @Test func outputsAreLeftOut() throws {
        try work.make(
            "s/a.png", "s/a_nuclei_mask.png", "s/a_nuclei_mask.tif", "s/a_nuclei_overlay.png", "s/a_truth.png",
            "s/heat.png", "s/other.png")
        for (name, software) in [("heat", "nuclei 0.1.0"), ("other", "nuclei toolbox"), ("third", "nuclei-like 2")] {
            let writer = try openImageForWriting("\(work.path)/s/\(name).png", width: 1, height: 1, software: software)
            try writer.write(rows: [1, 2, 3].span.bytes, count: 1)
            try writer.finish()
        }
        let found = try find("s")
        #expect(names(found.images) == ["s/a.png", "s/other.png", "s/third.png"])
        #expect(
            names(found.leftOut[.isOutput] ?? []) == [
                "s/a_nuclei_mask.png", "s/a_nuclei_mask.tif", "s/a_nuclei_overlay.png", "s/a_truth.png", "s/heat.png",
            ])
        #expect(names(try find("s/a.png", "s/heat.png").images) == ["s/a.png"], "as the shell gives patterns")
        let single = try find("s/a_nuclei_mask.png")
        #expect(single.isSingle && names(single.images) == ["s/a_nuclei_mask.png"])
        #expect(
            throws: FileError(
                work.path + "/s/*_truth.png", .unreadable, "expected images or slides, found masks of them only")
        ) {
            try find("s/*_truth.png")
        }
    }

    @Test func patternsAreExpanded() throws {
        try work.make("s/a1.dat", "s/a2.dat", "s/b.dat", "s/a3/x.png", "s/a[1].png")
        #expect(names(try find("s/a?.dat").images) == ["s/a1.dat", "s/a2.dat"], "files as they are, folders not")
        #expect(names(try find("s/a[1].png").images) == ["s/a[1].png"], "a file of that name")
        #expect(try find("s/a[1].png").isSingle && !find("s/b*.dat").isSingle)
        #expect(throws: FileError(work.path + "/s/*.svs", .unreadable, "expected matching files, found none")) {
            try find("s/*.svs")
        }
    }

    @Test func duplicatesAreRemovedButNotLinks() throws {
        try work.make("s/a.png", "s/b.png")
        try FileManager.default.createSymbolicLink(
            atPath: "\(work.path)/link.png", withDestinationPath: "\(work.path)/s/b.png")
        #expect(names(try find("s/b.png", "s", "link.png", "s/./a.png").images) == ["s/b.png", "s/a.png", "link.png"])
        #expect(names(try find("none.png", "s").images) == ["none.png", "s/a.png", "s/b.png"], "to be reported later")
    }

    @Test func linksToFoldersAndFiles() throws {
        try work.make("s/a.png")
        try FileManager.default.createSymbolicLink(
            atPath: "\(work.path)/folder", withDestinationPath: "\(work.path)/s")
        try FileManager.default.createSymbolicLink(
            atPath: "\(work.path)/s/again.png", withDestinationPath: "a.png")
        #expect(names(try find("s", "folder").images) == ["s/a.png", "s/again.png"], "the folder is the same")
    }

    @Test func formatsThatCannotBeReadAreCounted() throws {
        try work.make("s/a.png", "s/b.BMP", "s/d.nd2", "s/e.txt", "s/.f.bmp", "t/a.bmp")
        let batch = try ImageBatch(["\(work.path)/s"], OutputNames()) { _, _ in [] }
        #expect(names(batch.images) == ["s/a.png"])
        #expect(batch.leftOut == ["2 files left out: formats that cannot be read (.bmp, .nd2)"])
        #expect(
            throws: FileError(
                work.path + "/t", .unreadable,
                "expected images or slides, found formats that cannot be read only: .bmp")
        ) {
            try find("t")
        }
        try work.make("u/notes.txt")
        #expect(throws: FileError(work.path + "/u", .unreadable, "expected images or slides, found none")) {
            try find("s", "u")
        }
    }

    @Test func formatsOfOpenSlide4() throws {
        try work.make("s/a.png", "s/c.dcm", "s/d.czi", "t/x/a.dcm")
        let batch = try ImageBatch(["\(work.path)/s"], OutputNames()) { _, _ in [] }
        guard OpenSlideLibrary.isBefore4 else {
            #expect(names(batch.images) == ["s/a.png", "s/c.dcm", "s/d.czi"] && batch.leftOut.isEmpty)
            return
        }
        #expect(names(batch.images) == ["s/a.png"])
        #expect(
            batch.leftOut == [
                "2 files left out: formats that cannot be read (.czi needs OpenSlide 4, .dcm needs OpenSlide 4)"
            ])
        #expect(
            throws: FileError(
                work.path + "/t", .unreadable,
                "expected images or slides, found formats that cannot be read only: .dcm needs OpenSlide 4")
        ) {
            try find("t")
        }
    }

    /// One file of each DICOM series, the largest; also in folders directly inside.
    @Test(.enabled(if: !OpenSlideLibrary.isBefore4, "OpenSlide is older than version 4"))
    func seriesAreSlides() throws {
        func dicom(_ name: String, _ series: String, size: Int) throws {
            try work.make(name)
            var bytes = dicomFile(series: series)
            bytes += [UInt8](repeating: 0, count: size - bytes.count)
            try Data(bytes).write(to: URL(fileURLWithPath: "\(work.path)/\(name)"))
        }
        try dicom("s/a.dcm", "1.2", size: 500)
        try dicom("s/b.DCM", "1.2", size: 700)
        try dicom("s/c.dcm", "1.2", size: 700)
        try dicom("s/d.dcm", "1.3", size: 400)
        try dicom("s/x2/a.dcm", "1.4", size: 400)
        try dicom("s/x2/b.dcm", "1.4", size: 500)
        try dicom("s/x10/a.dcm", "1.4", size: 400)
        try dicom("s/mixed/a.dcm", "1.5", size: 400)
        try work.make("s/mixed/a.png", "s/x2/b_nuclei_mask.png", "s/x2/notes.txt")
        let found = try find("s")
        #expect(names(found.images) == ["s/b.DCM", "s/d.dcm", "s/x2/b.dcm", "s/x10/a.dcm"])
        #expect(names(found.leftOut[.isPartOfSlide] ?? []) == ["s/a.dcm", "s/c.dcm", "s/x2/a.dcm"])
        #expect(names(found.leftOut[.isOutput] ?? []) == ["s/x2/b_nuclei_mask.png"])
        #expect(found.subfolders[found.images[2]] == "x2" && found.subfolders[found.images[0]] == nil)
        #expect(names(try find("s/x2").images) == ["s/x2/b.dcm"])
        #expect(names(try find("s/a.dcm").images) == ["s/a.dcm"], "a single file that was named")
        #expect(names(try find("s/x*/*.dcm").images) == ["s/x2/b.dcm", "s/x10/a.dcm"])
        let state = try ImageState("\(work.path)/s/x2/b.dcm")
        try dicom("s/x2/a.dcm", "1.4", size: 401)
        #expect(try ImageState("\(work.path)/s/x2/b.dcm") != state, "another file of the series has changed")
    }

    @Test func partsOfSlidesAreLeftOut() throws {
        try work.make("s/x.jpg", "s/x(1,0).jpg", "s/x_map.jpg", "s/own.jpg", "m/slide.mrxs", "m/slide/a.jpg")
        try work.write("[Virtual Microscope Specimen]\r\nNoLayers=1\r\nImageFile=x.jpg\r\n", to: "s/x.vms")
        try work.write("ImageFile=x.jpg\r\nImageFile(1,0)=x(1,0).jpg\r\nMapFile = x_map.jpg\n", to: "s/x.vms")
        try work.write("[GENERAL]\n", to: "m/slide/Slidedat.ini")
        let batch = try ImageBatch(["\(work.path)/s"], OutputNames()) { _, _ in [] }
        #expect(names(batch.images) == ["s/own.jpg", "s/x.vms"])
        #expect(batch.leftOut == ["3 files left out: parts of slides"])
        #expect(names(try find("m", "m/slide/a.jpg").images) == ["m/slide.mrxs"])
        #expect(names(try find("s/x_map.jpg").images) == ["s/x_map.jpg"], "a single file that was named")
    }

    /// "Müller" in Latin-1, as old shares have it.
    @Test func namesThatAreNotUTF8() throws {
        try work.make("s/a.png")
        let name = [UInt8](work.path.utf8) + Array("/s/M".utf8) + [0xFC] + Array("ller.png\0".utf8)
        let path = name.withUnsafeBytes { FilePath(platformString: $0.bindMemory(to: CChar.self).baseAddress!) }
        try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite).close()
        let found = try find("s").images
        #expect(found.contains(path) && found.allSatisfy(\.isFile))
        let batch = try ImageBatch(["\(work.path)/s"], OutputNames(folder: "out")) { _, _ in [] }
        #expect(batch.names.mask(for: path) == "out/M\u{FFFD}ller_nuclei_mask.png")
        #expect(batch.names.path(.record, for: path) == "out/M\u{FFFD}ller_nuclei_mask.json")
    }

    @Test func foldersWithoutImages() throws {
        try work.make("s/notes.txt")
        #expect(throws: FileError(work.path + "/s", .unreadable, "expected images or slides, found none")) {
            try find("s")
        }
    }

    @Test func foldersInsideFolders() throws {
        try work.make(
            "s/b.png", "s/x/a.png", "s/x/deep/c.png", "s/x/deep/c_nuclei_mask.png", "s/.hidden/d.png", "s/x10/e.png",
            "s/x9/f.png", "s/none/notes.txt")
        try FileManager.default.createSymbolicLink(
            atPath: "\(work.path)/s/x/loop", withDestinationPath: "\(work.path)/s")
        let found = try ImageSearch(["\(work.path)/s"], recursively: true)
        #expect(
            names(found.images) == ["s/b.png", "s/x/a.png", "s/x/deep/c.png", "s/x9/f.png", "s/x10/e.png"])
        #expect(names(found.leftOut[.isOutput] ?? []) == ["s/x/deep/c_nuclei_mask.png"])
        #expect(found.subfolders[found.images[0]] == nil && found.subfolders[found.images[2]] == "x/deep")
        let batch = try ImageBatch(
            ["\(work.path)/s"], OutputNames([.csv: "{}.csv", .geojson: "/t/{}.geojson"], folder: "out"),
            recursively: true)
        #expect(batch.names.mask(for: batch.images[0]) == "out/b_nuclei_mask.png")
        #expect(batch.names.path(.csv, for: batch.images[2]) == "out/x/deep/c.csv")
        #expect(batch.names.path(.geojson, for: batch.images[2]) == "/t/c.geojson")
        #expect(batch.outputFolders == ["out", "out/x", "out/x/deep", "out/x10", "out/x9"])
        #expect(throws: FileError.self) { try ImageSearch(["\(work.path)/s/none"], recursively: true) }
    }

    @Test func namesForTables() {
        #expect(ImageSearch.shortNames(["a/x.png", "b/y.png"]) == ["x.png", "y.png"])
        #expect(ImageSearch.shortNames(["a/x.png", "b/x.png"]) == ["a/x.png", "b/x.png"])
    }
}
