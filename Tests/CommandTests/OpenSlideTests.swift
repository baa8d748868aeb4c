import Foundation
import Imaging
import TestSupport
import Testing

/// Images without OpenSlide, and slides that need version 4 of it.
@Suite(.serialized) struct OpenSlideTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    private func mask(_ arguments: String..., openSlide: String) throws -> Command.Result {
        try Command.mask.start(arguments, in: work.path, environment: ["NUCLEI_OPENSLIDE": openSlide]).wait()
    }

    private func problem(_ name: String, _ reason: String) -> String {
        "error: \(name): expected OpenSlide, which reads slides, found no library that can be loaded (\(reason)); install "
            + "the Debian package libopenslide0 or the Python package openslide-bin, or set NUCLEI_OPENSLIDE to the path "
            + "of the library\n"
    }

    @Test func cropsNeedNoOpenSlide() throws {
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "1", "--crops", "1", "--crop-size", "300", in: work.path)
        try #require(made.status == 0, "\(made)")
        // A TIFF image of one tile, which is no slide.
        let image = try RGBImage(decoding: "\(work.path)/set/tile_0.png")
        let tiff = try TIFFWriter(path: "\(work.path)/set/c.tif", width: 256, height: 3, samples: .rgb, tile: 256)
        try image.pixels.withUnsafeBytes { try tiff.write(rows: $0, count: 3) }
        try tiff.finish()
        for name in ["wsi_crop_1.jpg", "tile_0.png", "c.tif"] {
            let result = try mask(
                "set/\(name)", "--mpp", "0.5", "--output", "m.png", openSlide: "/nowhere/libopenslide.so")
            #expect(result.status == 0 && result.problems.isEmpty, "\(name): \(result)")
        }
    }

    @Test func slidesNeedOpenSlide() throws {
        let writer = try TIFFWriter(path: "\(work.path)/a.tif", width: 600, height: 300, samples: .rgb)
        let rows = [UInt8](repeating: 200, count: 600 * 300 * 3)
        try rows.withUnsafeBytes { try writer.write(rows: $0, count: 300) }
        try writer.finish()
        try work.write("ImageFile=a.jpg\n", to: "b.vms")
        try Data(dicomFile(series: "1.2")).write(to: URL(fileURLWithPath: "\(work.path)/c.dcm"))
        try work.write("no slide\n", to: "d.svs")
        let missing = "/nowhere/o.so: cannot open shared object file: No such file or directory"
        for name in ["a.tif", "b.vms", "c.dcm"] {
            let result = try mask(name, openSlide: "/nowhere/o.so")
            #expect(result.status == 69 && result.problems == problem(name, missing), "\(result)")
            let planned = try mask("plan", name, openSlide: "/nowhere/o.so")
            #expect(planned.status == 69 && planned.output.contains("(\(missing)); install"), "\(planned)")
        }
        let text = try mask("d.svs", openSlide: "/nowhere/o.so")
        #expect(text.status == 65 && text.problems.hasSuffix("found text\n"), "\(text)")
        // A library, but another one.
        let other = try mask("a.tif", openSlide: "libm.so.6")
        #expect(other.status == 69 && other.problems.contains("undefined symbol: openslide_get_version)"), "\(other)")
        // The default library, which the other tests use.
        let found = try mask("a.tif", openSlide: "")
        #expect(found.status == 0 || !isInstalled && found.status == 69, "\(found)")
        #expect(work.files.filter { $0.hasSuffix(".png") } == (isInstalled ? ["a_nuclei_mask.png"] : []))
    }

    /// Whether there is a library without `NUCLEI_OPENSLIDE`.
    private var isInstalled: Bool {
        let names: [String] = ["libopenslide.so.1", "libopenslide.so.0"]
        return names.contains { dlopen($0, RTLD_LAZY) != nil }
    }

    private static let dicom = ProcessInfo.processInfo.environment["NUCLEI_DICOM"]

    @Test(
        .enabled(if: dicom != nil, "no DICOM slide: set NUCLEI_DICOM to one of its files"),
        .enabled(if: !OpenSlideLibrary.isBefore4, "OpenSlide is older than version 4"))
    func dicomSlide() throws {
        let file = URL(fileURLWithPath: try #require(Self.dicom))
        try FileManager.default.createSymbolicLink(
            atPath: "\(work.path)/slide", withDestinationPath: file.deletingLastPathComponent().path)
        let single = try Command.mask.run(
            "slide/\(file.lastPathComponent)", "--output", "a.png", in: work.path)
        #expect(single.status == 0 && single.problems.isEmpty, "\(single)")
        let record = try work.json(String(contentsOfFile: "\(work.path)/a.json", encoding: .utf8))
        let image = try #require(record["image"] as? [String: Any])
        #expect(image["vendor"] as? String == "dicom" && image["resolutionSource"] as? String == "image")
        // The folder is one slide; also by the folder around it.
        for argument in ["slide", "."] {
            let result = try Command.mask.run(
                argument, "--output-folder", "out\(argument)", in: work.path)
            #expect(result.status == 0 && result.output.contains("\n1 images: 1 done"), "\(result)")
            #expect(result.errors.contains("files left out: parts of slides"), "\(result)")
        }
        let masks = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/outslide")
            .filter { $0.hasSuffix("_nuclei_mask.png") }
        try #require(masks.count == 1)
        #expect(
            FileManager.default.contentsEqual(
                atPath: "\(work.path)/outslide/\(masks[0])", andPath: "\(work.path)/a.png"))
    }
}
