import Datasets
import Foundations
import Foundation
import NeuralNetworks

/// Which part of a data set is scored.
package enum EvaluationSplit: String, Codable, CaseIterable, Sendable {
    /// Tiles that the model's training held out for the test.
    case test
    /// Tiles that chose among the states of the model in training.
    case validation
    /// Tiles that the model learnt from.
    case train
    /// Labelled tiles that the model's training has not met at all, nor others of their groups.
    case unseen
}

/// What a model remembers of how its tiles were shared out: hashes of their pixels, so that a tile is known again
/// under any name and in any folder.
package struct SplitRecord: Codable, Equatable, Sendable {
    package static let key = "split"

    package let settings: Split.Settings
    package let grouped: Bool
    /// The part whose loss chose the best epoch.
    package let chosenOn: EvaluationSplit?
    private let train: [String]
    private let validation: [String]
    private let test: [String]
    /// Unlabelled tiles whose pixels are in the channel statistics.
    private let unlabelled: [String]
    /// Names of all groups that training met.
    private let groups: [String]
    /// What the model that training started from, and those before it, had learnt, and all that they had met.
    /// nil for fresh weights.
    private let learntBefore: [String]?
    private let metBefore: [String]?

    /// `initial` is the record of the model that training started from, if there was one.
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
        unlabelled = hashes(split.unlabeled)
        let met = split.train + split.validation + split.test + split.unlabeled
        groups = Set(met.compactMap { set.tiles[$0].group } + (initial?.groups ?? [])).sorted()
        learntBefore = initial.map { Set($0.train + ($0.learntBefore ?? [])).sorted() }
        metBefore = initial.map { Set($0.hashes(of: .unseen)).sorted() }
    }

    /// The record in a model's metadata.
    package init(_ model: Model, path: FilePath) throws(FileError) {
        guard let json = model.records[Self.key],
            let record = try? JSONDecoder().decode(SplitRecord.self, from: Data(json.utf8))
        else {
            throw FileError(path, expected: "a record of the tiles that the model was trained on", found: "none")
        }
        self = record
    }

    /// Indices of the labelled tiles of a set that are in a part. Tiles that a model before this one learnt from are in
    /// neither validation nor test.
    package func indices(of part: EvaluationSplit, in set: TileSet) -> [Int] {
        let isHeldOut = part == .test || part == .validation
        let known = Set(hashes(of: part)).subtracting(isHeldOut ? learntBefore ?? [] : [])
        let groups = Set(groups)
        return set.labeled.filter { index in
            let tile = set.tiles[index]
            let isKnown = known.contains(Self.hash(tile))
            return part == .unseen ? !isKnown && !(tile.group.map(groups.contains) ?? false) : isKnown
        }
    }

    /// Indices of the labelled tiles that the model, or one before it, learnt from.
    package func learnt(in set: TileSet) -> Set<Int> {
        let known = Set(train + (learntBefore ?? []))
        return Set(set.labeled.filter { known.contains(Self.hash(set.tiles[$0])) })
    }

    /// Indices of the labelled tiles that are in a part for each of several models: whatever one of them learnt from
    /// is in the test part of none.
    package static func indices(of part: EvaluationSplit, in set: TileSet, for records: [SplitRecord]) -> [Int] {
        let parts = records.map { Set($0.indices(of: part, in: set)) }
        return set.labeled.filter { tile in parts.allSatisfy { $0.contains(tile) } }
    }

    /// How many tiles training had in a part; nil for unseen ones.
    package func count(of part: EvaluationSplit) -> Int? { part == .unseen ? nil : hashes(of: part).count }

    /// The tiles of a part, or all that training met.
    private func hashes(of part: EvaluationSplit) -> [String] {
        switch part {
        case .train: train
        case .validation: validation
        case .test: test
        case .unseen: train + validation + test + unlabelled + (metBefore ?? [])
        }
    }

    private static func hash(_ tile: Tile) -> String { String(tile.fingerprint, radix: 16) }
}
