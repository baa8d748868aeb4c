import Datasets
import Foundations
import TestSupport
import Testing

@Suite(.kernelTurns) struct LookalikeTests {
    /// The tiles of a data set that look like its first tile.
    private func lookalikes(_ tiles: [DrawnTile]) throws -> Set<Int> {
        let folder = try DatasetFolder()
        try folder.draw(tiles.map { ($0, "NUCLEI", "") })
        let set = try TileSet(path: FilePath(folder.path), threads: 2)
        let index = LookalikeIndex([set.tiles[0].appearance].compactMap { $0 })
        return index.lookalikes(among: Array(set.tiles.indices.dropFirst()), in: set, threads: 2)
    }

    @Test func changedAndTurnedCopiesAreRecognized() throws {
        let (tile, last) = (DrawnTile(seed: 1), DrawnTile.side - 1)
        let turned = Orientation.all.map { orientation in
            tile.moved { x, y in
                let (x, y) = (orientation.mirroredX ? last - x : x, orientation.mirroredY ? last - y : y)
                return orientation.transposed ? (y, x) : (x, y)
            }
        }
        let copies = (turned + [tile.blurred(2), tile]).map { copy in copy.mapped { $0 / 12 * 12 + 5 } }
        let others = (100..<120).map { DrawnTile(seed: $0) }
        #expect(try lookalikes([tile] + copies + others) == Set(1...copies.count))
    }

    @Test func tilesWithoutStructureResembleNone() throws {
        let blank = DrawnTile(color: [240, 240, 240])
        let gradient = DrawnTile(color: [0, 0, 0]).lit { x, y in UInt8(100 + (x + y / 2) / 12) }
        #expect(try lookalikes([blank, DrawnTile(color: [10, 10, 10]), blank]).isEmpty)
        #expect(
            try lookalikes([gradient, DrawnTile(color: [0, 0, 0]).lit { x, y in UInt8(120 + (x + y) / 9) }]).isEmpty)
    }

    @Test func hashesSurviveARoundTrip() throws {
        let folder = try DatasetFolder()
        try folder.draw([(DrawnTile(seed: 3), "NUCLEI", "")])
        let hash = try #require(TileSet(path: FilePath(folder.path), threads: 1).tiles[0].appearance)
        #expect(PerceptualHash(bytes: hash.bytes) == hash && hash.bytes.count == PerceptualHash.byteCount)
        #expect(hash.distance(to: hash) == 0)
        for orientation in Orientation.all where !orientation.transposed {
            #expect(hash.oriented(orientation).oriented(orientation) == hash)
        }
    }
}
