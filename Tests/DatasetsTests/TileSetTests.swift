import Datasets
import Foundation
import Foundations
import Imaging
import TestSupport
import Testing

/// A data set folder that is removed after the test.
final class DatasetFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "nuclei-dataset-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func labels(_ text: String) throws { try AtomicFile.write(text, to: "\(path)/labels.csv") }

    /// Writes a tile of one color, with another value for the first byte.
    func tile(_ name: String, _ color: [UInt8], first: UInt8? = nil, side: Int = 256) throws {
        var pixels = (0..<side * side).flatMap { _ in color }
        if let first { pixels[0] = first }
        let writer = try PNGWriter(path: "\(path)/\(name)", width: side, height: side, channels: .rgb)
        try pixels.withUnsafeBytes { try writer.write(rows: $0, count: side) }
        try writer.finish()
    }

    func message(threads: Int = 2) -> String {
        do {
            _ = try TileSet(path: FilePath(path), threads: threads)
            return "no error"
        } catch {
            return "\(error)".replacingOccurrences(of: "\(path)/", with: "")
        }
    }
}

@Suite(.kernelTurns) struct TileSetTests {
    @Test func tilesAreReadInTheOrderOfTheFile() throws {
        let folder = try DatasetFolder()
        try folder.labels("tile_id,label,group\n2,NUCLEI,a\n1,NO_NUCLEUS,b\n3,,a\n")
        try folder.tile("tile_1.png", [10, 20, 30])
        try folder.tile("tile_2.png", [40, 50, 60])
        try folder.tile("tile_3.png", [70, 80, 90])
        try folder.tile("tile_4.png", [10, 20, 30])
        for threads in [1, 3] {
            let set = try TileSet(path: FilePath(folder.path), threads: threads)
            #expect(set.tiles.map(\.filename) == ["tile_2.png", "tile_1.png", "tile_3.png", "tile_4.png"])
            #expect(set.tiles.map(\.label) == [.nuclei, .noNucleus, nil, nil])
            #expect(set.tiles.map(\.group) == ["a", "b", "a", nil])
            #expect(set.labeled == [0, 1] && set.unlabeled == [2, 3] && set.hasGroups)
            #expect(set.counts(of: [0, 1]) == [1, 1])
            #expect(set.tiles[1].fingerprint == set.tiles[3].fingerprint)
            #expect(Set(set.tiles.map(\.fingerprint)).count == 3)
            let windows = set.windows(of: [2, 0])
            set.withPixels { pixels in
                #expect(pixels[Int(windows.offsets[0])] == 70 && pixels[Int(windows.offsets[1]) + 1] == 50)
            }
        }
    }

    @Test func tilesCanBeBlurred() throws {
        let folder = try DatasetFolder()
        try folder.labels("tile_id,label\n1,NUCLEI\n2,NO_NUCLEUS\n")
        try folder.tile("tile_1.png", [10, 100, 30])
        try folder.tile("tile_2.png", [50, 200, 30], first: 250)
        let set = try TileSet(path: FilePath(folder.path), threads: 1)
        func reds(_ sigma: Double) throws -> [UInt8] {
            try set.withPixels(of: [1, 0], blurredBy: sigma) { bytes, windows in
                #expect(windows.offsets.count == 2)
                let (second, first) = (Int(windows.offsets[0]), Int(windows.offsets[1]))
                #expect(bytes[first] == 10 && bytes[first + 1] == 100 && bytes[second + 300] == 50)
                return (0..<4).map { bytes[second + 3 * $0] }
            }
        }
        #expect(try reds(0) == [250, 50, 50, 50])
        let blurred = try reds(1)
        #expect(blurred[0] < 250 && blurred[0] > blurred[1] && blurred[1] > blurred[2] && blurred[2] > 50)
    }

    @Test func contradictingLabelsAreFound() throws {
        let folder = try DatasetFolder()
        try folder.labels("tile_id,label\n1,NUCLEI\n2,NO_NUCLEUS\n3,NUCLEI\n4,NO_NUCLEUS\n")
        for (name, color) in [(1, 10), (2, 20), (3, 10), (4, 10)] as [(Int, UInt8)] {
            try folder.tile("tile_\(name).png", [color, 0, 0])
        }
        let found = try TileSet(path: FilePath(folder.path), threads: 1).contradictions
        #expect(found.count == 1 && found[0] == (0, 3))
    }

    @Test func channelStatistics() throws {
        let folder = try DatasetFolder()
        try folder.labels("tile_id,label\n1,NUCLEI\n2,NO_NUCLEUS\n")
        try folder.tile("tile_1.png", [10, 100, 30])
        try folder.tile("tile_2.png", [30, 200, 30])
        let statistics = try TileSet(path: FilePath(folder.path), threads: 1).channelStatistics(of: [0, 1])
        #expect(statistics.mean == [20, 150, 30])
        #expect(statistics.deviation == [10, 50, 1], "no deviation counts as one gray level")
    }

    @Test func everyUnusableTileIsReported() throws {
        let folder = try DatasetFolder()
        #expect(
            folder.message() == "labels.csv: expected the labels of a data set, found no readable file")
        try folder.labels("tile_id,label\n1,NUCLEI\n2,NO_NUCLEUS\n3,NUCLEI\n4,NUCLEI\n")
        try folder.tile("tile_1.png", [1, 2, 3])
        try folder.tile("tile_2.png", [1, 2, 3], side: 255)
        let whole = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/tile_2.png"))
        try whole.prefix(60).write(to: URL(fileURLWithPath: "\(folder.path)/tile_2.png"))
        try Data("no image".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/tile_3.png"))
        let lines = folder.message().split(separator: "\n").map(String.init)
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("tile_2.png: expected ") && lines[0].hasSuffix("(labels.csv:3)"))
        #expect(
            lines[1] == "tile_3.png: expected a PNG, JPEG, TIFF or whole-slide image, found text (labels.csv:4)")
        #expect(lines[2].hasPrefix("tile_4.png: ") && lines[2].hasSuffix("(labels.csv:5)"))
    }

    /// "é" is one scalar, or "e" and an accent: as in names from macOS.
    @Test func tilesAreFoundInAnotherUnicodeSpelling() throws {
        let folder = try DatasetFolder()
        try folder.tile("e\u{301}.png", [1, 2, 3])
        try folder.labels("filename,label\n\u{E9}.png,NUCLEI\n")
        let set = try TileSet(path: FilePath(folder.path), threads: 1)
        #expect(set.tiles.count == 1 && set.tiles[0].label == .nuclei)
        try folder.labels("filename,label\n\u{E9}.png,NUCLEI\ne\u{301}.png,NUCLEI\n")
        #expect(folder.message().hasPrefix("labels.csv:3: expected each tile once"))
        // With both files, each name means its own.
        try folder.tile("\u{E9}.png", [4, 5, 6])
        let both = try TileSet(path: FilePath(folder.path), threads: 1)
        #expect(Set(both.tiles.map(\.fingerprint)).count == 2)
        try folder.labels("tile_id,label\n")
        try folder.tile("tile_\u{E9}.png", [4, 5, 6])
        try folder.tile("tile_e\u{301}.png", [4, 5, 7])
        #expect(try TileSet(path: FilePath(folder.path), threads: 1).unlabeled.count == 2)
    }

    @Test func classesMayBeFolders() throws {
        let folder = try DatasetFolder()
        for name in ["NUCLEI", "NO_NUCLEUS", "unlabeled", "other"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: false)
        }
        try folder.tile("NUCLEI/b.png", [1, 2, 3])
        try folder.tile("NUCLEI/a.PNG", [1, 2, 4])
        try folder.tile("NO_NUCLEUS/a.png", [1, 2, 5])
        try folder.tile("unlabeled/c.png", [1, 2, 6])
        try folder.tile("other/d.png", [1, 2, 7])
        for name in ["NUCLEI/notes.txt", "NUCLEI/._b.png", "tile_7.png"] {
            try Data("no image".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
        }
        let set = try TileSet(path: FilePath(folder.path), threads: 2)
        #expect(set.tiles.map(\.filename) == ["NO_NUCLEUS/a.png", "NUCLEI/a.PNG", "NUCLEI/b.png", "unlabeled/c.png"])
        #expect(set.tiles.map(\.label) == [.noNucleus, .nuclei, .nuclei, nil] && !set.hasGroups)
        try folder.labels("filename,label,group\nunlabeled/c.png,NUCLEI,g\n")
        #expect(folder.message().hasPrefix("tile_7.png"), "labels.csv takes precedence")
    }

    @Test func foldersOfClassesMayHaveTIFF() throws {
        let folder = try DatasetFolder()
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/NUCLEI", withIntermediateDirectories: false)
        for (index, name) in ["NUCLEI/b.tif", "NUCLEI/c.TIFF"].enumerated() {
            let pixels = [UInt8](repeating: UInt8(100 + index), count: 256 * 256 * 3)
            let writer = try TIFFWriter(path: "\(folder.path)/\(name)", width: 256, height: 256, samples: .rgb)
            try writer.write(rows: pixels.span.bytes, count: 256)
            try writer.finish()
        }
        try folder.tile("NUCLEI/a.png", [1, 2, 3])
        let set = try TileSet(path: FilePath(folder.path), threads: 2)
        #expect(set.tiles.map(\.filename) == ["NUCLEI/a.png", "NUCLEI/b.tif", "NUCLEI/c.TIFF"])
    }

    /// The name of a file does not tell tiles of one data set from those of another.
    @Test func namesOfFilesAreNotStatedGroups() {
        func tile(_ filename: String, _ group: String?, isPart: Bool) -> Tile {
            Tile(filename: filename, label: nil, group: group, fingerprint: 0, isPart: isPart)
        }
        #expect(tile("1.png@0,0", "1.png", isPart: true).statedGroup == nil)
        #expect(tile("1.png@0,0", "slide", isPart: true).statedGroup == "slide")
        #expect(tile("1.png", "1.png", isPart: false).statedGroup == "1.png")
        #expect(tile("1.png", nil, isPart: false).statedGroup == nil)
    }

    /// Folders inside the folders of classes are groups, with all folders below.
    @Test func classesMayHaveGroups() throws {
        let folder = try DatasetFolder()
        for name in ["nuclei/s1/block 1/a", "No_Nucleus/s2", "No_Nucleus/.hidden"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        try folder.tile("nuclei/a.png", [1, 2, 3])
        try folder.tile("nuclei/s1/b.png", [1, 2, 4])
        try folder.tile("No_Nucleus/s2/a.png", [1, 2, 5])
        try folder.tile("No_Nucleus/.hidden/a.png", [1, 2, 6])
        try folder.tile("nuclei/s1/block 1/c.png", [1, 2, 7])
        try folder.tile("nuclei/s1/block 1/a/d.png", [1, 2, 8])
        #expect(symlink("../..", "\(folder.path)/nuclei/s1/block 1/loop") == 0)
        let set = try TileSet(path: FilePath(folder.path), threads: 2)
        #expect(
            set.tiles.map(\.filename) == [
                "No_Nucleus/s2/a.png", "nuclei/a.png", "nuclei/s1/b.png", "nuclei/s1/block 1/c.png",
                "nuclei/s1/block 1/a/d.png",
            ])
        #expect(set.tiles.map(\.group) == ["s2", nil, "s1", "s1", "s1"])
        #expect(set.tiles.map(\.label) == [.noNucleus, .nuclei, .nuclei, .nuclei, .nuclei])
    }

    @Test func outputsThatAreInputsAreRefused() throws {
        let folder = try DatasetFolder()
        try folder.labels("tile_id,label\n1,NUCLEI\n")
        try folder.tile("tile_1.png", [1, 2, 3])
        let set = try TileSet(path: FilePath(folder.path), threads: 1)
        try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: "tile_1.png")
        try FileManager.default.linkItem(atPath: "\(folder.path)/labels.csv", toPath: "\(folder.path)/hard")
        for name in ["tile_1.png", "./tile_1.png", "link", "hard", "labels.csv"] {
            let error = #expect(throws: FileError.self) { try set.requireNoInput(FilePath("\(folder.path)/\(name)")) }
            #expect(error?.kind == .unwritable)
        }
        try set.requireNoInput(FilePath("\(folder.path)/tile_2.png"))
    }

    @Test(.enabled(if: RealImages.tiles != nil, RealImages.missing))
    func realTilesAreReadAndSplitByGroup() throws {
        let path = try #require(RealImages.tiles)
        let set = try TileSet(path: path, threads: 2)
        #expect(set.tiles.count == 1551)
        #expect(set.counts(of: set.labeled) == [382, 666])
        var settings = Split.Settings()
        settings.validationShare = 0.2
        let split = try Split(set, settings)
        expectSound(split, of: set.tiles)
        for (part, share) in [(split.test, 0.2), (split.validation, 0.16)] {
            for (count, all) in zip(set.counts(of: part), [382.0, 666.0]) {
                #expect((Double(count) / all - share).magnitude < 0.02)
            }
        }
        let other = try TileSet(path: path, threads: 1)
        #expect(other.tiles == set.tiles)
    }
}
