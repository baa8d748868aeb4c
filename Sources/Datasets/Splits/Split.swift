import Foundations
import Tensors

/// Which tiles a network learns from, which choose among its states, and which judge it.
package struct Split: Equatable, Sendable {
    /// How tiles are shared out.
    package struct Settings: Codable, Equatable, Sendable {
        /// What `validationShare` is when validation is asked for without a number.
        package static let defaultValidationShare = 0.2

        /// Share of the labeled tiles that are held out for the test.
        package var testShare = 0.2
        /// Share of the others that are held out for validation; 0 for none.
        package var validationShare = 0.0
        /// Patterns with `*` and `?`: when there are any, the test is the tiles of the groups that match, whatever
        /// their share.
        package var testGroups = [String]()
        /// The test is this one of so many parts of about the same size; nil for the share.
        package var fold: Fold?
        /// Patterns of groups whose tiles are left out altogether.
        package var excludedGroups = [String]()
        package var seed: UInt64 = 42

        package init() {}
    }

    /// Indices of labeled tiles, ascending.
    package let train: [Int]
    package let validation: [Int]
    package let test: [Int]
    /// Unlabeled tiles that are of no group in validation or test.
    package let unlabeled: [Int]

    /// Parts that somebody else made.
    package init(train: [Int], validation: [Int], test: [Int], unlabeled: [Int]) {
        self.train = train
        self.validation = validation
        self.test = test
        self.unlabeled = unlabeled
    }

    /// Shares out the labeled tiles of a set; see `init(_:path:_:)`.
    package init(_ set: TileSet, _ settings: Settings) throws(FileError) {
        try self.init(set.tiles, path: set.path, settings)
    }

    /// Shares out labeled tiles so that each part has the classes in about the same proportion. Tiles of one group,
    /// and tiles with the same pixels, are never in two parts. The same seed gives the same parts.
    /// Throws when a part would be without one of the classes; `path` names the data set.
    package init(_ tiles: [Tile], path: FilePath, _ settings: Settings) throws(FileError) {
        let groups = Self.groups(of: tiles)
        let excluded = try Self.groups(matching: settings.excludedGroups, tiles, groups, path: path)
        let labeled = tiles.indices.filter { tiles[$0].label != nil && !excluded.contains(groups[$0]) }
        func count(_ label: TileLabel, _ part: [Int]) -> Int { part.count { tiles[$0].label == label } }
        for label in TileLabel.allCases where count(label, labeled) == 0 {
            throw FileError(path, expected: "tiles of both classes", found: "none labeled \(label.name)")
        }
        let held = try Self.groups(matching: settings.testGroups, tiles, groups, path: path)
        let (rest, test): ([Int], [Int])
        if !held.isEmpty {
            test = labeled.filter { held.contains(groups[$0]) }
            if test.isEmpty {
                throw FileError(path, expected: "labeled tiles in the groups for the test", found: "none")
            }
            rest = labeled.filter { !held.contains(groups[$0]) }
        } else if let fold = settings.fold {
            (rest, test) = try Self.holdOut(fold, of: labeled, tiles, groups, path: path, settings.seed)
        } else {
            (rest, test) = Self.holdOut(settings.testShare, of: labeled, tiles, groups, settings.seed, part: 1)
        }
        let (train, validation) =
            settings.validationShare > 0
            ? Self.holdOut(settings.validationShare, of: rest, tiles, groups, settings.seed, part: 2) : (rest, [])
        self.train = train
        self.validation = validation
        self.test = test
        let apart = held.union(excluded).union((validation + test).map { groups[$0] })
        unlabeled = tiles.indices.filter { tiles[$0].label == nil && !apart.contains(groups[$0]) }
        // Groups that somebody chose for the test may be of one class.
        let parts =
            [("training", train)] + (held.isEmpty ? [("test", test)] : [])
            + (settings.validationShare > 0 ? [("validation", validation)] : [])
        for (name, part) in parts {
            let counts = TileLabel.allCases.map { count($0, part) }
            guard counts.contains(0) else { continue }
            let found = zip(TileLabel.allCases, counts).map { "\($1) \($0.name)" }.reversed().joined(separator: " and ")
            let what = tiles.contains { $0.group != nil } ? "groups" : "tiles"
            throw FileError(
                path, expected: "enough \(what) for both classes in every part", found: "\(found) for \(name)")
        }
    }

    /// For each tile the number of its group. Tiles without a group are one each; groups that share a tile with the
    /// same pixels are one.
    package static func groups(of tiles: [Tile]) -> [Int] {
        var parent = Array(tiles.indices)
        func root(_ index: Int) -> Int {
            var index = index
            while parent[index] != index { index = parent[index] }
            return index
        }
        var firstOfGroup = [String: Int]()
        var firstOfPixels = [UInt64: Int]()
        for (index, tile) in tiles.enumerated() {
            var earlier = [Int]()
            if let group = tile.group {
                if let first = firstOfGroup[group] { earlier.append(first) } else { firstOfGroup[group] = index }
            }
            if let first = firstOfPixels[tile.fingerprint] {
                earlier.append(first)
            } else {
                firstOfPixels[tile.fingerprint] = index
            }
            for other in earlier {
                let (a, b) = (root(other), root(index))
                parent[max(a, b)] = min(a, b)
            }
        }
        return tiles.indices.map(root)
    }

    /// Parts a share of some tiles from the others, group by group. Of many random orders in which groups are taken
    /// as long as they bring the class counts nearer to the share, the one that ends nearest is used.
    private static func holdOut(
        _ share: Double, of indices: [Int], _ tiles: [Tile], _ groups: [Int], _ seed: UInt64, part: UInt64
    ) -> (rest: [Int], held: [Int]) {
        let classes = TileLabel.allCases.count
        var countsOfGroup = [Int: [Double]]()
        var totals = [Double](repeating: 0, count: classes)
        for index in indices {
            guard let label = tiles[index].label else { continue }
            countsOfGroup[groups[index], default: [Double](repeating: 0, count: classes)][label.rawValue] += 1
            totals[label.rawValue] += 1
        }
        let names = countsOfGroup.keys.sorted()
        func distance(_ counts: [Double]) -> Double {
            zip(counts, totals).reduce(0) { sum, pair in
                pair.1 == 0 ? sum : sum + (pair.0 / pair.1 - share) * (pair.0 / pair.1 - share)
            }
        }
        var best: (distance: Double, held: Set<Int>)?
        for attempt in 0..<200 {
            var random = SplitMix64(seed: seed, stream: part, UInt64(attempt))
            var counts = [Double](repeating: 0, count: classes)
            var held = Set<Int>()
            for name in names.shuffled(using: &random) {
                let with = zip(counts, countsOfGroup[name]!).map(+)
                if distance(with) < distance(counts) {
                    counts = with
                    held.insert(name)
                }
            }
            if distance(counts) < best?.distance ?? .infinity { best = (distance(counts), held) }
        }
        let held = best?.held ?? []
        return (indices.filter { !held.contains(groups[$0]) }, indices.filter { held.contains(groups[$0]) })
    }
}
