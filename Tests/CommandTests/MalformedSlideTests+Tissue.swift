import Foundation
import TestSupport
import Testing

extension MalformedSlideTests {
    /// Tissue is found in what can be decoded of a level, and damage does not change the density of nuclei.
    @Test(.enabled(if: RealImages.slide != nil, RealImages.missing)) func tissueOfDamagedLevels() throws {
        let work = try WorkFolder()
        func density(_ name: String, _ tiles: [Int]) throws -> (density: Double, notes: String) {
            var slide = try DamagedSlide(#require(RealImages.slide).string)
            for tile in tiles { slide.zero(slide.tile(tile)) }
            try Data(slide.bytes).write(to: URL(fileURLWithPath: "\(work.path)/\(name).svs"))
            let result = try Command.mask.run("\(name).svs", "--output", "\(name).png", in: work.path)
            #expect(result.status == (tiles.isEmpty ? 0 : 74), "\(result)")
            let record = try work.json(String(contentsOfFile: "\(work.path)/\(name).json", encoding: .utf8))
            let nuclei = try #require(record["nuclei"] as? [String: Any])
            return (try #require(nuclei["perSquareMillimeter"] as? Double), result.errors)
        }
        let (intact, damaged) = (try density("a", []), try density("b", [Self.tile, Self.tile + 1]))
        #expect(damaged.notes.contains("cannot be decoded there and count as tissue"), "\(damaged)")
        #expect(abs(damaged.density / intact.density - 1) < 0.1, "\(damaged.density), \(intact.density)")
        var slide = try DamagedSlide(#require(RealImages.slide).string)
        for tile in 0..<130 { slide.zero(slide.tile(tile)) }
        try Data(slide.bytes).write(to: URL(fileURLWithPath: "\(work.path)/c.svs"))
        for command in [["c.svs"], ["plan", "c.svs"]] {
            #expect(try Command.mask.start(command, in: work.path).wait().status == 65)
        }
    }
}
