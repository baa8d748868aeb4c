import Foundation
import Foundations
import TestSupport
import Testing

/// Damaged slides of each vendor's format, with the exact message of each.
@Suite(.serialized) struct MalformedVendorSlideTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let format: SlideMaker.Format
        let status: Int32
        /// The only line on standard error, after the name of the slide.
        let problem: String
        let damage: @Sendable (Files) throws -> Void

        init(
            _ name: String, _ format: SlideMaker.Format, _ problem: String, status: Int32 = 65,
            _ damage: @escaping @Sendable (Files) throws -> Void
        ) {
            (self.name, self.format, self.status) = (name, format, status)
            (self.problem, self.damage) = (problem, damage)
        }

        var testDescription: String { "\(format): \(name)" }
    }

    /// The files of a slide.
    struct Files {
        let folder: TemporaryFolder
        let slide: String

        func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: folder.file(name).string) }

        func bytes(_ name: String) throws -> [UInt8] {
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file(name).string)))
        }

        /// Cuts a file to a share of its length.
        func cut(_ name: String, to share: Double) throws {
            let whole = try bytes(name)
            try folder.file(name, Array(whole[..<Int(Double(whole.count) * share)]))
        }

        /// Replaces the first occurrence of a text by one of the same length.
        func replace(_ old: String, by new: String, in name: String) throws {
            try #require(old.utf8.count == new.utf8.count)
            var whole = try bytes(name)
            let place = try #require(whole.firstRange(of: Array(old.utf8)))
            whole.replaceSubrange(place, with: Array(new.utf8))
            try folder.file(name, whole)
        }

        /// Overwrites the beginning of the JPEG file at an index, of those inside a file.
        func damageJPEG(_ index: Int, in name: String) throws {
            var whole = try bytes(name)
            let starts = whole.indices.dropLast(2).filter { whole[$0...].starts(with: [0xFF, 0xD8, 0xFF]) }
            for place in starts[index]..<starts[index] + 40 { whole[place] = 0 }
            try folder.file(name, whole)
        }
    }

    private static func atOpening(_ words: String) -> String {
        "expected an intact slide, found a read error at opening (\(words))"
    }

    private static func withoutXML(_ vendor: String) -> String {
        "expected a \(vendor) slide, with XML that describes its images, found none that can be parsed"
    }

    private static func cut(_ directory: Int) -> String {
        "expected a PNG, JPEG, TIFF or whole-slide image, found a TIFF file that is cut off, without its directory at byte "
            + "\(directory)"
    }

    private static func lost(_ windows: String, _ share: String) -> String {
        "\(windows) could not be read; nothing is known about \(share) % of the image"
    }

    static let cases: [Case] = [
        Case(
            "no folder", .mirax,
            "expected the folder mirax of this MIRAX slide, with Slidedat.ini, next to it, found none; the .mrxs file is "
                + "only its preview"
        ) { try $0.remove("mirax") },
        Case(
            "no Slidedat.ini", .mirax,
            "expected the folder mirax of this MIRAX slide, with Slidedat.ini, next to it, found a folder without "
                + "Slidedat.ini"
        ) { try $0.remove("mirax/Slidedat.ini") },
        Case(
            "no Index.dat", .mirax, atOpening("Couldn't open mirax/Index.dat: No such file or directory")
        ) { try $0.remove("mirax/Index.dat") },
        Case(
            "no data", .mirax,
            atOpening("Can't hash images: Couldn't open mirax/Data0000.dat: No such file or directory")
        ) {
            try $0.remove("mirax/Data0000.dat")
        },
        Case("half of the data", .mirax, atOpening("Can't hash images: Can't read from mirax/Data0000.dat")) {
            try $0.cut("mirax/Data0000.dat", to: 0.5)
        },
        Case("half of the index", .mirax, atOpening("image_index < 0")) {
            try $0.cut("mirax/Index.dat", to: 0.5)
        },
        Case("index of another slide", .mirax, atOpening("Index.dat doesn't have a matching slide identifier")) {
            try $0.replace("0123456789", by: "9876543210", in: "mirax/Index.dat")
        },
        Case(
            "settings that do not parse", .mirax,
            atOpening(
                "Can't load Slidedat.ini file: Key file contains line “?GENERAL?” which is not a key-value pair, group, or comment"
            )
        ) {
            try $0.replace("[GENERAL]", by: "?GENERAL?", in: "mirax/Slidedat.ini")
        },
        Case("a damaged image", .mirax, lost("1 window", "8.33"), status: 74) {
            try $0.damageJPEG(50, in: "mirax/Data0000.dat")
        },

        Case("no image", .vms, atOpening("Can't open JPEG 1: Couldn't open ./vms(1,0).jpg: No such file or directory"))
        {
            try $0.remove("vms(1,0).jpg")
        },
        Case("no map", .vms, atOpening("Couldn't open ./vms_map2.jpg: No such file or directory")) {
            try $0.remove("vms_map2.jpg")
        },
        Case("no name of the map", .vms, atOpening("Can't read map file")) {
            try $0.replace("MapFile", by: "MapFill", in: $0.slide)
        },
        Case(
            "index that is cut off", .vms,
            "expected a PNG, JPEG, TIFF or whole-slide image, found the index of a Hamamatsu slide, of which a line cannot "
                + "be parsed"
        ) { try $0.cut($0.slide, to: 0.4) },
        Case("no restart markers", .vms, atOpening("Can't validate JPEG 0: No restart markers")) {
            try $0.folder.file(
                "vms.jpg", JPEGMaker(width: 256, height: 384, components: 3, adobeTransform: 0) { _, _, _ in 9 }.bytes)
        },
        Case("half of an image", .vms, lost("4 windows", "50.00"), status: 74) { try $0.cut("vms(1,0).jpg", to: 0.5) },

        Case("XML", .leica, withoutXML("Leica")) { try $0.replace("</scn>", by: "</snc>", in: $0.slide) },
        Case("a photograph alone", .leica, atOpening("Can't find main image")) {
            try $0.replace(
                "brightfield</illuminationSource></illuminationSettings></scanSettings></image></coll",
                by: "fluorescent</illuminationSource></illuminationSettings></scanSettings></image></coll", in: $0.slide
            )
        },
        Case("XML", .philips, withoutXML("Philips")) {
            try $0.replace("</DataObject></Array>", by: "</DateObject></Array>", in: $0.slide)
        },
        Case("no picture", .philips, atOpening("Expected one WSI image, found 0")) {
            try $0.replace(">WSI<", by: ">SWI<", in: $0.slide)
        },
        Case("XML of the scanner", .ventana, withoutXML("Ventana")) {
            try $0.replace("</iScan>", by: "</iScam>", in: $0.slide)
        },
        Case("XML of the tiles", .ventana, atOpening("Parsing level 0 XML: Could not parse XML")) {
            try $0.replace("</EncodeInfo>", by: "</EncodeInf0>", in: $0.slide)
        },

        Case("cut off", .ndpi, cut(8280)) { try $0.cut($0.slide, to: 0.5) },
        Case("last directory cut off", .ndpi, cut(10_313)) { try $0.cut($0.slide, to: 0.99) },
        Case(
            "a damaged JPEG", .ndpi, atOpening("Can't validate JPEG for directory 0: Expected marker at 12, found none")
        ) { try $0.damageJPEG(0, in: $0.slide) },
        Case("a damaged tile", .aperio, lost("1 window", "8.33"), status: 74) { try $0.damageJPEG(0, in: $0.slide) },
        Case("cut off", .aperio, cut(23_809)) { try $0.cut($0.slide, to: 0.5) },
    ]

    @Test(arguments: cases) func everyDamageHasItsMessage(_ item: Case) throws {
        let folder = try TemporaryFolder()
        let slide = try SlideMaker().write(item.format, to: folder).name
        try item.damage(Files(folder: folder, slide: slide))
        let before = folder.names
        let result = try Command.mask.run(
            slide, "--model", "nuclei-compact", "--tissue", "off", "--output", "m.png", in: folder.path.string)
        #expect(result.status == item.status, "\(result)")
        let kind = item.status == 74 ? "warning" : "error"
        #expect(result.problems == "\(kind): \(slide): \(item.problem)\n")
        #expect(folder.names == (before + (item.status == 74 ? ["m.json", "m.png"] : [])).sorted())
        let planned = try Command.mask.run(
            "plan", slide, "--model", "nuclei-compact", "--tissue", "off", in: folder.path.string)
        #expect(planned.status == item.status, "\(planned)")
    }

    @Test(arguments: ["nuclei-compact", "nuclei-unet"]) func nothingReadableIsAFailure(model: String) throws {
        let folder = try TemporaryFolder()
        let slide = try SlideMaker().write(.aperio, to: folder).name
        var whole = try Files(folder: folder, slide: slide).bytes(slide)
        for place in whole.indices.dropLast(40) where whole[place...].starts(with: [0xFF, 0xD8, 0xFF]) {
            for byte in place..<place + 40 { whole[byte] = 0 }
        }
        try folder.file(slide, whole)
        let result = try Command.mask.run(
            slide, "--model", model, "--tissue", "off", "--output", "m.png", in: folder.path.string)
        #expect(result.status == 65, "\(result)")
        #expect(result.problems.hasPrefix("error: \(slide): expected parts that can be decoded, found none of "))
        #expect(folder.names == [slide])
    }
}
