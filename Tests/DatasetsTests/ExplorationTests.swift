import Datasets
import Foundation
import Foundations
import TestSupport
import Testing

@Suite(.kernelTurns) struct ExplorationTests {
    /// Ten groups of four tiles each, whose classes differ in color or not at all.
    private func folder(classesDiffer: Bool) throws -> DatasetFolder {
        let folder = try DatasetFolder()
        try folder.draw(
            (0..<40).map { index in
                let isNuclei = (index / 10 + index) % 2 == 0
                let ground: [UInt8] = classesDiffer && isNuclei ? [190, 130, 200] : [220, 150, 190]
                return (
                    DrawnTile(seed: UInt64(index), disks: 20, ground: ground), isNuclei ? "NUCLEI" : "NO_NUCLEUS",
                    "g\(index % 10)"
                )
            })
        return folder
    }

    @Test func countsAndPixelStatistics() throws {
        let folder = try DatasetFolder()
        try folder.labels("tile_id,label,group\n1,NUCLEI,b\n2,NO_NUCLEUS,b\n3,NUCLEI,a\n4,,\n")
        for (id, color) in [(1, 10), (2, 20), (3, 30), (4, 50)] as [(Int, UInt8)] {
            try folder.tile("tile_\(id).png", [color, 100, 200], first: 5)
        }
        let exploration = try folder.exploration()
        #expect(exploration.counts == ClassCounts([.nuclei, .noNucleus, .nuclei, nil]))
        #expect(exploration.groups.map(\.name) == ["a", "b", nil])
        #expect(exploration.groups[1].counts == ClassCounts([.nuclei, .noNucleus]))
        #expect(abs(exploration.groups[1].mean[0] - 15) < 0.01 && abs(exploration.groups[1].deviation[0] - 5) < 0.01)
        #expect(exploration.pixels.map(\.name) == ["all", "NUCLEI", "NO_NUCLEUS", "unlabeled"])
        #expect(exploration.pixels.map(\.tiles) == [4, 2, 1, 1])
        let nuclei = exploration.pixels[1]
        #expect(nuclei.red.histogram[10] == 65535 && nuclei.red.histogram[30] == 65535 && nuclei.red.histogram[5] == 2)
        #expect(nuclei.red.minimum == 5 && nuclei.red.maximum == 30)
        #expect(nuclei.green.mean == 100 && nuclei.green.deviation == 0 && nuclei.blue.minimum == 200)
        #expect(exploration.tiles.map(\.filename) == (1...4).map { "tile_\($0).png" })
        #expect(exploration.tiles[0].measures.minimum == [5, 100, 200])
        #expect(exploration.tiles[0].measures.maximum == [10, 100, 200])
        // The only group with both classes is b, which cannot be in two parts.
        #expect(exploration.split.problem?.hasPrefix("expected enough groups") == true)
        #expect(exploration.findings.contains { $0.kind == .cannotSplit })
        #expect(exploration.findings.contains { $0.text == "1 tile without a group; each counts as its own group" })
        let oneClass = try #require(exploration.findings.first { $0.kind == .oneClassGroups })
        #expect(oneClass.text.hasPrefix("1 of 2 labeled groups have one class only, 33.3 % of the labeled tiles"))
    }

    @Test func theBaselineSeparatesClassesByColorOnly() throws {
        let differing = try #require(try folder(classesDiffer: true).exploration().baseline)
        #expect(differing.accuracy == 1 && differing.balancedAccuracy == 1)
        #expect(differing.folds == 5 && differing.tiles == 40 && differing.majorityAccuracy == 0.5)
        let alike = try #require(try folder(classesDiffer: false).exploration().baseline)
        #expect((0.2...0.8).contains(alike.balancedAccuracy))
        #expect(alike.groupAccuracy == 0.5)
    }

    @Test func resultsDoNotDependOnThreads() throws {
        let folder = try folder(classesDiffer: false)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let alone = try encoder.encode(folder.exploration(threads: 1))
        #expect(try encoder.encode(folder.exploration(threads: 3)) == alone)
        let decoded = try JSONDecoder().decode(Exploration.self, from: alone)
        #expect(decoded.counts.nuclei == 20 && decoded.split.parts.map(\.name) == [.train, .test])
    }

    @Test func outlinesAndResolutionsAreSummarized() throws {
        let folder = try DatasetFolder()
        try folder.labels("filename,label,group,mpp,mask\na.png,,s,0.5,a_mask.png\nb.png,NUCLEI,s,,\n")
        try folder.image("a.png", 512, 256) { x, y in [UInt8(x / 2), UInt8(y), 3] }
        try folder.mask("a_mask.png", 512, 256) { x, y in x < 64 && y < 64 ? 1 : x < 64 && y < 128 ? 2 : 0 }
        try folder.image("b.png", 256, 256) { x, y in [UInt8(x), UInt8(y), 9] }
        let exploration = try folder.exploration()
        let outlines = try #require(exploration.outlines)
        #expect(outlines.tiles == 2 && outlines.areaShare == 1.0 / 16)
        for (found, expected) in zip(outlines.nucleiPerTile, [0.2, 1, 1.8]) {
            #expect((found - expected).magnitude < 1e-9)
        }
        #expect(exploration.resolutions?.map(\.micronsPerPixel) == [0.5, nil])
        #expect(exploration.resolutions?.map(\.tiles) == [2, 1])
        #expect(exploration.tiles.map(\.nuclei) == [2, 0, nil] && exploration.tiles[0].nuclearShare == 0.125)
        #expect(exploration.findings.contains { $0.text == "2 tiles cut from larger images, 0 of them unlabeled" })
        #expect(exploration.findings.contains { $0.kind == .unknownResolutions && $0.text.hasPrefix("1 tile of") })
        let plain = try self.folder(classesDiffer: true).exploration()
        #expect(plain.outlines == nil && plain.resolutions == nil)
        #expect(!plain.findings.contains { [.cutImages, .unknownResolutions].contains($0.kind) })
    }

    @Test func tilesOfAnySizeAreMeasured() throws {
        for side in [64, 100, 128, 333] {
            let folder = try DatasetFolder()
            try folder.labels("filename,label\na.png,NUCLEI\n")
            try folder.image("a.png", side, side) { x, y in x < side / 2 ? [10, 20, 30] : [200, 100, 50] }
            let set = try TileSet(path: FilePath(folder.path), target: TileTarget(side: side), threads: 1)
            let measures = try Exploration(set, Split.Settings(), threads: 1).tiles[0].measures
            #expect(measures.minimum == [10, 20, 30] && measures.maximum == [200, 100, 50])
            #expect((measures.contrast - 62).magnitude < 4 && (2...4).contains(measures.edgeWidth ?? 0), "\(side)")
        }
    }

    @Test func setsWithoutLabelsGroupsOrTiles() throws {
        let empty = try DatasetFolder()
        try empty.labels("tile_id,label\n")
        let error = #expect(throws: FileError.self) { try empty.exploration() }
        #expect(error?.problem == "expected tiles to explore, found none")

        let one = try DatasetFolder()
        try one.labels("tile_id,label\n1,\n")
        try one.tile("tile_1.png", [1, 2, 3])
        let exploration = try one.exploration()
        #expect(exploration.baseline == nil && exploration.groups.isEmpty && !exploration.hasGroups)
        #expect(exploration.split.problem == "expected tiles of both classes, found none labeled NO_NUCLEUS")
        #expect(exploration.pixels.map(\.name) == ["all", "unlabeled"])
        #expect(exploration.components.explained.isEmpty)
    }

    @Test func errorsOfTheCallbackStopTheWork() throws {
        struct Stop: Error {}
        let folder = try folder(classesDiffer: false)
        let set = try TileSet(path: FilePath(folder.path), threads: 2)
        for stage in [Exploration.Stage.measuring, .comparing] {
            #expect(throws: Stop.self) {
                _ = try Exploration(set, Split.Settings(), threads: 2) { at, done in
                    if at == stage && done == 3 { throw Stop() }
                }
            }
        }
    }
}
