import Foundations

/// A partition of a data set: tiles to train on, tiles to choose the best epoch with, and tiles to score.
package struct Split: Equatable, Sendable {
    /// How a data set is split.
    package struct Settings: Codable, Equatable, Sendable {
        /// The `validationShare` of commands that ask for validation without a number.
        package static let defaultValidationShare = 0.2

        /// Share of the labeled tiles that is held out for the test.
        package var testShare = 0.2
        /// Share of the remaining labeled tiles that is held out for validation; 0 for none.
        package var validationShare = 0.0
        /// Patterns (`*`, `?`) of group names. Where there are any, the matching groups are the test, and `testShare`
        /// and `fold` are not used.
        package var testGroups = [String]()
        /// The fold to test on in a cross-validation; nil to use `testShare`.
        package var fold: Fold?
        /// Patterns of groups that are in no part.
        package var excludedGroups = [String]()
        package var seed: UInt64 = 42

        package init() {}
    }

    /// One of the parts of a data set that serve as the test in turn (cross-validation).
    package struct Fold: Codable, Equatable, Sendable {
        /// From 1 to `count`.
        package let number: Int
        /// The number of folds, 2 or more.
        package let count: Int

        /// Nil where the numbers are out of range.
        package init?(_ number: Int, of count: Int) {
            guard count >= 2, 1...count ~= number else { return nil }
            self.number = number
            self.count = count
        }

        private enum CodingKeys: CodingKey {
            case number, count
        }

        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            let (number, count) = try (
                values.decode(Int.self, forKey: .number), values.decode(Int.self, forKey: .count)
            )
            guard let fold = Self(number, of: count) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .number, in: values, debugDescription: "no fold \(number) of \(count)")
            }
            self = fold
        }
    }

    /// Indices of labeled tiles, ascending.
    package let train: [Int]
    package let validation: [Int]
    package let test: [Int]
    /// Indices of the unlabeled tiles whose groups are neither in validation nor in the test.
    package let unlabeled: [Int]

    /// A split with the given parts.
    package init(train: [Int], validation: [Int], test: [Int], unlabeled: [Int]) {
        self.train = train
        self.validation = validation
        self.test = test
        self.unlabeled = unlabeled
    }

    /// Splits the tiles of a set; see `init(_:path:_:learnsOutlines:)`.
    package init(_ set: TileSet, _ settings: Settings, learnsOutlines: Bool = false) throws(FileError) {
        try self.init(set.tiles, path: set.path, settings, learnsOutlines: learnsOutlines)
    }

    /// Splits labeled tiles into parts with about the same class proportions.
    ///
    /// Tiles of one group, and tiles with the same pixels, are always in the same part. The same seed gives the same
    /// parts. Throws where a part would have no tile of a class. A network that learns outlines finds background in them
    /// too, and then tiles without nuclei may be missing. `path` names the data set in errors.
    package init(
        _ tiles: [Tile], path: FilePath, _ settings: Settings, learnsOutlines: Bool = false
    ) throws(FileError) {
        let groups = Self.groups(of: tiles)
        let excluded = try Self.groups(matching: settings.excludedGroups, tiles, groups, path: path)
        let labeled = tiles.indices.filter { tiles[$0].label != nil && !excluded.contains(groups[$0]) }
        func count(_ label: TileLabel, _ part: [Int]) -> Int { part.count { tiles[$0].label == label } }
        func needed(_ part: [Int]) -> [TileLabel] {
            let hasOutlines = part.contains { tiles[$0].label == .nuclei && tiles[$0].outlines != nil }
            return learnsOutlines && hasOutlines ? [.nuclei] : TileLabel.allCases
        }
        for label in needed(labeled) where count(label, labeled) == 0 {
            throw FileError(path, expected: "tiles of both classes", found: "none labeled \(label.name)")
        }
        let held = try Self.groups(matching: settings.testGroups, tiles, groups, path: path)
        let (rest, test): ([Int], [Int])
        if !held.isEmpty {
            test = labeled.filter { held.contains(groups[$0]) }
            if test.isEmpty {
                throw FileError(path, expected: "labeled tiles in the test groups", found: "none")
            }
            rest = labeled.filter { !held.contains(groups[$0]) }
        } else if let fold = settings.fold {
            (rest, test) = try Self.holdOut(fold, of: labeled, tiles, groups, path: path, settings.seed)
        } else {
            (rest, test) = Self.holdOut(settings.testShare, of: labeled, tiles, groups, settings.seed, stream: 1)
        }
        let (train, validation) =
            settings.validationShare > 0
            ? Self.holdOut(settings.validationShare, of: rest, tiles, groups, settings.seed, stream: 2) : (rest, [])
        let weighted = train.filter { tiles[$0].weight > 0 }
        if !train.isEmpty, weighted.isEmpty {
            throw FileError(path, expected: "tiles to train on with a weight above 0", found: "none")
        }
        for label in needed(train) where count(label, train) > 0 && count(label, weighted) == 0 {
            throw FileError(
                path, expected: "tiles to train on of both classes with a weight above 0",
                found: "none labeled \(label.name)")
        }
        self.train = train
        self.validation = validation
        self.test = test
        let unavailable = held.union(excluded).union((validation + test).map { groups[$0] })
        unlabeled = tiles.indices.filter { tiles[$0].label == nil && !unavailable.contains(groups[$0]) }
        // Groups that the user chose for the test may have one class only.
        let parts =
            [("training", train)] + (held.isEmpty ? [("test", test)] : [])
            + (settings.validationShare > 0 ? [("validation", validation)] : [])
        let wanted = needed(train)
        for (name, part) in parts {
            let counts = TileLabel.allCases.map { count($0, part) }
            if wanted.allSatisfy({ counts[$0.rawValue] > 0 }) { continue }
            let found = zip(TileLabel.allCases, counts).map { "\($1) \($0.name)" }.reversed().joined(separator: " and ")
            let unit = tiles.contains { $0.group != nil } ? "groups" : "tiles"
            throw FileError(
                path, expected: "enough \(unit) for \(wanted.count == 1 ? "nuclei" : "both classes") in every part",
                found: "\(found) for \(name)")
        }
    }
}
