import Datasets
import Foundations
import Tensors
import Testing

/// Expects that every labeled tile is in exactly one part, and no group in two parts.
func expectSound(_ split: Split, of tiles: [Tile], _ location: SourceLocation = #_sourceLocation) {
    #expect(
        (split.train + split.validation + split.test).sorted() == labeled(tiles), sourceLocation: location)
    let groups = Split.groups(of: tiles)
    func names(_ part: [Int]) -> Set<Int> { Set(part.map { groups[$0] }) }
    #expect(names(split.train).isDisjoint(with: names(split.test)), sourceLocation: location)
    #expect(names(split.validation).isDisjoint(with: names(split.train + split.test)), sourceLocation: location)
    #expect(names(split.unlabeled).isDisjoint(with: names(split.validation + split.test)), sourceLocation: location)
}

func labeled(_ tiles: [Tile]) -> [Int] { tiles.indices.filter { tiles[$0].label != nil } }

func counts(_ part: [Int], of tiles: [Tile]) -> [Int] {
    TileLabel.allCases.map { label in part.count { tiles[$0].label == label } }
}

struct SplitTests {
    private func tile(
        _ index: Int, _ label: TileLabel?, _ group: String? = nil, fingerprint: UInt64? = nil
    ) -> Tile {
        Tile(filename: "\(index)", label: label, group: group, fingerprint: fingerprint ?? UInt64(index))
    }

    private func settings(seed: UInt64 = 42, validation: Double = 0.2) -> Split.Settings {
        var settings = Split.Settings()
        settings.seed = seed
        settings.validationShare = validation
        return settings
    }

    @Test func someTilesNeedAWeight() throws {
        func split(_ weights: [Double]) throws -> Split {
            let tiles = weights.indices.map {
                Tile(
                    filename: "\($0)", label: $0 % 2 == 0 ? .noNucleus : .nuclei, group: nil, fingerprint: UInt64($0),
                    weight: weights[$0])
            }
            return try Split(tiles, path: "memory", settings())
        }
        #expect(
            throws: FileError("memory" as FilePath, expected: "tiles to train on with a weight above 0", found: "none")
        ) {
            _ = try split([Double](repeating: 0, count: 40))
        }
        _ = try split([Double](repeating: 0.01, count: 40))
        for (odd, name) in [(0.0, "NUCLEI"), (1, "NO_NUCLEUS")] {
            #expect(
                throws: FileError(
                    "memory" as FilePath, expected: "tiles to train on of both classes with a weight above 0",
                    found: "none labeled \(name)")
            ) {
                _ = try split((0..<40).map { $0 % 2 == 1 ? odd : 1 - odd })
            }
        }
    }

    @Test func withoutGroupsEveryClassIsSharedOutExactly() throws {
        let tiles = (0..<250).map { tile($0, $0 % 5 == 0 ? .noNucleus : .nuclei) }
        let split = try Split(tiles, path: "memory", settings())
        expectSound(split, of: tiles)
        #expect(counts(split.test, of: tiles) == [10, 40])
        #expect(counts(split.validation, of: tiles) == [8, 32])
        #expect(try Split(tiles, path: "memory", settings()) == split)
        #expect(try Split(tiles, path: "memory", settings(seed: 1)).test != split.test)
        #expect(try Split(tiles, path: "memory", settings(validation: 0)).validation.isEmpty)
        #expect(
            try Split(tiles, path: "memory", settings(validation: 0)).test == split.test,
            "the test does not depend on validation")
    }

    @Test func groupsAreNeverCut() throws {
        var random = SplitMix64(seed: 5)
        for seed in 1...20 as ClosedRange<UInt64> {
            let tiles = (0..<400).map { index in
                let label: TileLabel? = index % 7 == 0 ? nil : index % 3 == 0 ? .noNucleus : .nuclei
                return tile(index, label, "g\(Int.random(in: 0..<30, using: &random))")
            }
            let split = try Split(tiles, path: "memory", settings(seed: seed))
            expectSound(split, of: tiles)
            let all = counts(labeled(tiles), of: tiles)
            for (count, all) in zip(counts(split.test, of: tiles), all) {
                #expect((Double(count) / Double(all) - 0.2).magnitude < 0.05)
            }
        }
    }

    @Test func tilesWithTheSamePixelsStayTogether() {
        let tiles = [
            tile(0, .nuclei, "a"), tile(1, .nuclei, "b"), tile(2, .nuclei, "c", fingerprint: 0), tile(3, nil, "b"),
            tile(4, .nuclei), tile(5, .nuclei, fingerprint: 4), tile(6, .nuclei, fingerprint: 1),
        ]
        #expect(Split.groups(of: tiles) == [0, 1, 0, 1, 4, 4, 1])
    }

    @Test func aPartWithoutAClassIsRefused() {
        func message(_ tiles: [Tile], learnsOutlines: Bool = false) -> String {
            do {
                _ = try Split(tiles, path: "memory", settings(), learnsOutlines: learnsOutlines)
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        #expect(
            message((0..<9).map { tile($0, .nuclei) })
                == "memory: expected tiles of both classes, found none labeled NO_NUCLEUS")
        // Without outlines, there is no background to learn.
        #expect(
            message((0..<9).map { tile($0, .nuclei) }, learnsOutlines: true)
                == "memory: expected tiles of both classes, found none labeled NO_NUCLEUS")
        #expect(message([]) == "memory: expected tiles of both classes, found none labeled NO_NUCLEUS")
        let twoGroups = (0..<40).map { tile($0, $0 % 2 == 0 ? .nuclei : .noNucleus, $0 < 20 ? "a" : "b") }
        #expect(
            message(twoGroups).hasPrefix(
                "memory: expected enough groups for both classes in every part, found 0 NUCLEI"))
    }

    @Test func foldsTakeTurnsAsTheTest() throws {
        let tiles = (0..<300).map { index in
            tile(index, index % 8 == 0 ? nil : index % 3 == 0 ? .noNucleus : .nuclei, "g\(index * 7 % 41)")
        }
        var settings = settings(validation: 0)
        var tested = [Int]()
        for number in 1...4 {
            settings.fold = Split.Fold(number, of: 4)
            let split = try Split(tiles, path: "memory", settings)
            expectSound(split, of: tiles)
            tested += split.test
            let all = counts(labeled(tiles), of: tiles)
            for (count, all) in zip(counts(split.test, of: tiles), all) {
                #expect((Double(count) / Double(all) - 0.25).magnitude < 0.06)
            }
        }
        #expect(tested.sorted() == labeled(tiles), "every tile is in the test of one fold")
        #expect(Split.Fold(0, of: 4) == nil && Split.Fold(5, of: 4) == nil && Split.Fold(1, of: 1) == nil)
    }

    @Test func groupsMayBeNamedForTheTestAndLeftOut() throws {
        let sources = ["A:one", "A:two", "B:one", "B:two", "C:one"]
        let tiles = (0..<100).map { index in
            tile(index, index % 9 == 8 ? nil : index % 2 == 0 ? .noNucleus : .nuclei, sources[index / 2 % 5])
        }
        var settings = settings(validation: 0)
        settings.testGroups = ["A:*"]
        settings.excludedGroups = ["C:*"]
        let split = try Split(tiles, path: "memory", settings)
        func groups(_ part: [Int]) -> Set<String> { Set(part.map { tiles[$0].group! }) }
        #expect(groups(split.test) == ["A:one", "A:two"])
        #expect(groups(split.train) == ["B:one", "B:two"])
        #expect(groups(split.unlabeled).isSubset(of: ["B:one", "B:two"]) && !split.unlabeled.isEmpty)
        settings.testGroups = ["C:*"]
        #expect(
            throws: FileError("memory", expected: "labeled tiles in the test groups", found: "none"),
            "excluded groups are not in the test"
        ) { try Split(tiles, path: "memory", settings) }
        settings.testGroups = []
        settings.fold = Split.Fold(1, of: 5)
        #expect(throws: FileError("memory", expected: "at least 5 groups for 5 folds", found: "4")) {
            try Split(tiles, path: "memory", settings)
        }
        settings.testGroups = ["D:*"]
        #expect(throws: FileError("memory", expected: "groups that match \"D:*\"", found: "none")) {
            try Split(tiles, path: "memory", settings)
        }
    }
}
