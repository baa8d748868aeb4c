import Datasets
import TestSupport
import Testing

@Suite(.kernelTurns) struct DuplicatesTests {
    /// The near-duplicates of a tile that are found among changed copies of it and other tiles.
    private func found(_ copies: [DrawnTile], of tile: DrawnTile) throws -> [NearDuplicate] {
        let folder = try DatasetFolder()
        let others = (100..<108).map { DrawnTile(seed: $0) }
        try folder.draw(([tile] + copies + others).map { ($0, "", "") })
        let pairs = try folder.exploration().duplicates.near.map(\.pair)
        #expect(pairs.allSatisfy { $0.second <= copies.count }, "different tiles are paired: \(pairs)")
        return pairs.filter { $0.first == 0 }
    }

    @Test func changedCopiesAreFound() throws {
        let tile = DrawnTile(seed: 1)
        let pairs = try found(
            [
                tile.shifted(5, -3), tile.mapped { UInt8(Double($0) * 0.7 + 20) }, tile.blurred(2),
                tile.mapped { $0 / 24 * 24 },
            ], of: tile)
        #expect(pairs.map(\.second) == [1, 2, 3, 4])
        #expect(pairs.allSatisfy { $0.orientation.isUpright && $0.correlation > 0.8 && $0.correlation < 1.0001 })
    }

    /// The reported orientation transforms the first tile into the second.
    @Test func turnedCopiesAreFoundWithTheirOrientation() throws {
        let (tile, last) = (DrawnTile(seed: 2), DrawnTile.side - 1)
        let turned: [(Orientation, DrawnTile)] = Orientation.all.dropFirst().map { orientation in
            let copy = tile.moved { x, y in
                let (x, y) = (orientation.mirroredX ? last - x : x, orientation.mirroredY ? last - y : y)
                return orientation.transposed ? (y, x) : (x, y)
            }
            return (orientation, copy)
        }
        let pairs = try found(turned.map(\.1), of: tile)
        #expect(pairs.map(\.orientation) == turned.map(\.0))
    }

    @Test func blankTilesAndExactCopiesAreNotNearDuplicates() throws {
        let folder = try DatasetFolder()
        let tile = DrawnTile(seed: 3)
        var dust = DrawnTile(color: [240, 240, 240])
        dust.fill(9, 9, 2, 2, [200, 200, 200])
        try folder.draw([
            (tile, "NUCLEI", "a"), (tile, "NO_NUCLEUS", "b"), (tile, "", "a"), (DrawnTile(seed: 4), "NUCLEI", "a"),
            (DrawnTile(color: [240, 240, 240]), "NO_NUCLEUS", "a"), (dust, "NO_NUCLEUS", "b"),
        ])
        let exploration = try folder.exploration()
        #expect(exploration.duplicates.near.isEmpty)
        #expect(exploration.duplicates.exact.map(\.tiles) == [[0, 1, 2]])
        #expect(exploration.duplicates.exact[0].isConflict && exploration.duplicates.exact[0].isAcrossGroups)
        #expect(exploration.findings.contains { $0.kind == .contradictoryLabels && $0.severity == .serious })
    }

    /// Gradients of light are similar in all tiles.
    @Test func gradientsOfLightAreNotStructure() throws {
        let folder = try DatasetFolder()
        let tiles = (1...4).map { strength in
            DrawnTile(color: [0, 0, 0]).lit { x, y in UInt8(100 + (x + y / 2) * strength / 12) }
        }
        try folder.draw(tiles.map { ($0, "", "") })
        let exploration = try folder.exploration()
        #expect(exploration.quality.allSatisfy { $0.problem != .blank })
        #expect(exploration.duplicates.near.isEmpty && exploration.duplicates.exact.isEmpty)
    }

    /// Each group has a copy of one tile with another brightness, with alternating labels.
    @Test func leaksAndConflictsAreReported() throws {
        let folder = try DatasetFolder()
        let tile = DrawnTile(seed: 5)
        var tiles = [(tile: DrawnTile, label: String, group: String)]()
        for group in 0..<10 {
            for (offset, label) in ["NUCLEI", "NO_NUCLEUS"].enumerated() {
                tiles.append((DrawnTile(seed: UInt64(200 + 2 * group + offset)), label, "g\(group)"))
            }
            let brightness = UInt8(group)
            tiles.append((tile.mapped { $0 + brightness }, group % 2 == 0 ? "NUCLEI" : "NO_NUCLEUS", "g\(group)"))
        }
        try folder.draw(tiles)
        var settings = Split.Settings()
        settings.validationShare = 0.2
        let exploration = try folder.exploration(settings)
        let near = exploration.duplicates.near
        #expect(near.count == 45 && near.allSatisfy(\.isAcrossGroups))
        for pair in near {
            let (first, second) = (exploration.tiles[pair.pair.first], exploration.tiles[pair.pair.second])
            #expect(pair.isConflict == (first.label != second.label))
            #expect(pair.isAcrossParts == (first.part != second.part))
        }
        #expect(near.count(where: \.isConflict) == 25)
        let leaks = near.count(where: \.isAcrossParts)
        #expect(leaks > 0 && leaks < 45)
        let texts = exploration.findings.filter { $0.severity == .serious }.map(\.text)
        #expect(texts.count == 2 && texts[0].hasPrefix("\(leaks) pairs of near-duplicates across parts of the split"))
        #expect(texts[1] == "25 pairs of near-duplicates with different labels")
    }
}
