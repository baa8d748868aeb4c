import Foundation
import Foundations
import Imaging
import Masking
import TestSupport
import Testing

struct TissueOutlineTests {
    private let work: WorkingFolder

    init() throws { work = try WorkingFolder() }

    private func roundTrip(_ map: TissueMap) throws -> TissueMap {
        let path = "\(work.path)/t.geojson"
        try map.writeOutlines(to: TissueMap.outlineWriter(FilePath(path)))
        return try TissueMap(outline: FilePath(path), imageWidth: map.imageWidth, imageHeight: map.imageHeight)
    }

    /// Random tissue, with holes, corners that touch, and pieces of one cell.
    private func map(_ width: Int, _ height: Int, share: UInt64, seed: UInt64) -> TissueMap {
        let grid = TissueMap.gridSize(width: width, height: height)
        return TissueMap(
            imageWidth: width, imageHeight: height, width: grid.width, height: grid.height,
            isTissue: (0..<grid.width * grid.height).map { Formula.bits(seed, $0) % 100 < share || $0 == 0 })
    }

    @Test func outlinesRoundTrip() throws {
        var seed: UInt64 = 0
        for (width, height) in [(2220, 2967), (640, 640), (33, 700), (1, 1), (40, 31), (131_072, 90), (4443, 3567)] {
            for share: UInt64 in [5, 50, 95, 100] {
                seed += 1
                let map = map(width, height, share: share, seed: seed)
                #expect(try roundTrip(map).digest == map.digest, "\(width) x \(height), \(share) %")
            }
        }
    }

    /// Slanted outlines are followed pixel by pixel, not in cells.
    @Test func outlinesAreExact() throws {
        let (width, height) = (300, 200)
        try work.write(
            """
            {"type": "MultiPolygon", "coordinates": [[[[10.5, 20], [250, 60.25], [30, 180], [10.5, 20]]],
            [[[200, 100], [290, 100], [290, 190], [200, 190], [200, 100]], [[220, 120], [260, 120], [240, 150], [220, 120]]]]}
            """, to: "u.geojson")
        let map = try TissueMap(outline: "\(work.path)/u.geojson", imageWidth: width, imageHeight: height)
        func columns(_ outline: PixelOutline) -> [[Range<Int>]] {
            var rows = PixelOutline.Rows(outline)
            return (0..<height).map { rows.columns(ofRow: $0).columns }
        }
        let own = columns(try #require(map.outline))
        #expect(own[19].isEmpty && own[99].count == 1 && own[130].count == 3 && own[189] == [200..<290])
        #expect(own[100].last?.upperBound == 290 && own[195].isEmpty)
        let read = try roundTrip(map)
        #expect(columns(try #require(read.outline)) == own)
    }

    @Test func tissueOfACoarserLevelStaysTissue() throws {
        let coarse = TissueMap(
            imageWidth: 5000, imageHeight: 3000, width: 31, height: 19,
            isTissue: (0..<31 * 19).map { Formula.bits(5, $0) % 3 == 0 })
        let fine = try roundTrip(coarse)
        for y in stride(from: 8, to: 3000, by: 16) {
            for x in stride(from: 8, to: 5000, by: 16) {
                let point = PixelRegion(x: x, y: y, width: 1, height: 1)
                if coarse.touches(point) { try #require(fine.touches(point), "\(x), \(y)") }
            }
        }
        #expect(fine.share < coarse.share * 1.5)
        #expect(try roundTrip(fine) == fine)
    }

    @Test func imagesProcessedEverywhere() throws {
        let all = try roundTrip(.everywhere(imageWidth: 700, imageHeight: 300))
        #expect(all.share == 1)
        let text = try String(contentsOfFile: "\(work.path)/t.geojson", encoding: .utf8)
        #expect(text.contains("[[[0,0],[700,0],[700,300],[0,300],[0,0]]]"))
        #expect(text.contains("\"objectType\":\"annotation\",\"classification\":{\"name\":\"Tissue\""))
    }
}
