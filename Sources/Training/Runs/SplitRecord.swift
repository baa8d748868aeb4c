import Datasets
import FoundationEssentials
import Foundations
import NeuralNetworks

/// The tiles to score, by their part in the training of a model.
package enum EvaluationSplit: String, Codable, CaseIterable, Sendable {
    /// Tiles held out for the test.
    case test
    /// Tiles that the best epoch was picked on.
    case validation
    /// Tiles that the model was trained on.
    case train
    /// Labeled tiles in no part of the training data, and in none of its groups.
    case unseen
}

/// The split of a model's training data, stored in its file. Tiles are identified by hashes of their pixels, so they are
/// recognized under any name and in any folder.
package struct SplitRecord: Codable, Equatable, Sendable {
    /// The key of the record in a model's metadata.
    package static let key = "split"

    package let settings: Split.Settings
    package let grouped: Bool
    /// The part that the best epoch was picked on. Nil when none was picked.
    package let chosenOn: EvaluationSplit?
    private let train: [String]
    private let validation: [String]
    private let test: [String]
    /// Unlabeled tiles, whose pixels contribute to the channel statistics.
    private let unlabeled: [String]
    /// Names of all groups in the training data, of earlier models too.
    private let groups: [String]
    /// Training tiles of the initial model and its predecessors. Nil for random initial weights.
    private let learnedBefore: [String]?
    /// Tiles in any part of the data of the initial model and its predecessors. Nil for random initial weights.
    private let metBefore: [String]?

    /// The keys in model files, some of which keep the spelling of earlier versions.
    private enum CodingKeys: String, CodingKey {
        case settings, grouped, chosenOn, train, validation, test, groups, metBefore
        case unlabeled = "unlabelled"
        case learnedBefore = "learntBefore"
    }

    /// `initial` is the record of the initial model, if there is one.
    package init(
        _ split: Split, of set: TileSet, _ settings: Split.Settings, chosenOn: EvaluationSplit?,
        initial: SplitRecord? = nil
    ) {
        self.settings = settings
        self.chosenOn = chosenOn
        grouped = set.hasGroups
        func hashes(_ indices: [Int]) -> [String] { indices.map { Self.hash(set.tiles[$0]) } }
        train = hashes(split.train)
        validation = hashes(split.validation)
        test = hashes(split.test)
        unlabeled = hashes(split.unlabeled)
        let all = split.train + split.validation + split.test + split.unlabeled
        groups = Set(all.compactMap { set.tiles[$0].group } + (initial?.groups ?? [])).sorted()
        learnedBefore = initial.map { Set($0.train + ($0.learnedBefore ?? [])).sorted() }
        metBefore = initial.map { Set($0.hashes(of: .unseen)).sorted() }
    }

    /// Reads the record in a model's metadata. Throws `FileError` for a model without one.
    package init(_ model: Model, path: FilePath) throws(FileError) {
        guard let json = model.records[Self.key],
            let record = try? JSON.decode(SplitRecord.self, from: Data(json.utf8))
        else {
            throw FileError(path, expected: "a record of the tiles that the model was trained on", found: "none")
        }
        self = record
    }

    /// Indices of the labeled tiles of a set that belong to a part. Validation and test leave out tiles that the initial
    /// model was trained on.
    package func indices(of part: EvaluationSplit, in set: TileSet) -> [Int] {
        let isHeldOut = part == .test || part == .validation
        let known = Set(hashes(of: part)).subtracting(isHeldOut ? learnedBefore ?? [] : [])
        let groups = Set(groups)
        return set.labeled.filter { index in
            let tile = set.tiles[index]
            let isKnown = known.contains(Self.hash(tile))
            return part == .unseen ? !isKnown && !(tile.group.map(groups.contains) ?? false) : isKnown
        }
    }

    /// Indices of the labeled tiles that the model or its predecessors were trained on.
    package func learned(in set: TileSet) -> Set<Int> {
        let known = Set(train + (learnedBefore ?? []))
        return Set(set.labeled.filter { known.contains(Self.hash(set.tiles[$0])) })
    }

    /// Indices of the labeled tiles that belong to a part for every one of several models.
    package static func indices(of part: EvaluationSplit, in set: TileSet, for records: [SplitRecord]) -> [Int] {
        let parts = records.map { Set($0.indices(of: part, in: set)) }
        return set.labeled.filter { tile in parts.allSatisfy { $0.contains(tile) } }
    }

    /// The number of tiles in a part during training. Nil for unseen tiles.
    package func count(of part: EvaluationSplit) -> Int? { part == .unseen ? nil : hashes(of: part).count }

    /// Hashes of the tiles of a part; for unseen tiles, hashes of the tiles that are not unseen.
    private func hashes(of part: EvaluationSplit) -> [String] {
        switch part {
        case .train: train
        case .validation: validation
        case .test: test
        case .unseen: train + validation + test + unlabeled + (metBefore ?? [])
        }
    }

    private static func hash(_ tile: Tile) -> String { String(tile.fingerprint, radix: 16) }
}
