import Datasets
import FoundationEssentials
import Foundations
import NeuralNetworks
import Tensors

/// The tiles to score, by their part in the training of a model.
package enum EvaluationSplit: String, Codable, CaseIterable, Sendable {
    /// Tiles held out for the test.
    case test
    /// Tiles that the best epoch was picked on.
    case validation
    /// Tiles that the model was trained on.
    case train
    /// Labeled tiles in no part of the training data, in none of its groups, and that look like none of its tiles.
    case unseen
}

/// The split of a model's training data, stored in its file. Tiles are identified by hashes of their pixels, so they are
/// recognized under any name and in any folder. Perceptual hashes recognize copies in other encodings and orientations.
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
    /// Unlabeled tiles. Their pixels contribute to the channel statistics.
    private let unlabeled: [String]
    /// Whether pseudo-labels of unlabeled tiles may have been learned. Nil without, and in models of earlier versions.
    private var learnsUnlabeled: Bool?
    /// Names of all groups in the training data, of earlier models too, without names of files, which are often the same in
    /// other data sets.
    private var groups: [String]
    /// Other tiles that the initial model, the teachers and their predecessors were trained on. Nil without such models.
    private var learnedBefore: [String]?
    /// Other tiles in any part of their data. Nil without such models.
    private var metBefore: [String]?
    /// Perceptual hashes of the tiles. Nil in models of earlier versions.
    private var appearances: Appearances?

    /// The keys in model files, some of which keep the spelling of earlier versions.
    private enum CodingKeys: String, CodingKey {
        case settings, grouped, chosenOn, train, validation, test, learnsUnlabeled, groups, metBefore, appearances
        case unlabeled = "unlabelled"
        case learnedBefore = "learntBefore"
    }

    /// With `learnsUnlabeled`, unlabeled tiles count as learned: any of them may get a pseudo-label. `predecessors` are the
    /// records of the initial model and of the teachers. They were trained on copies of the `leaked` tiles, or on these tiles
    /// themselves.
    package init(
        _ split: Split, of set: TileSet, _ settings: Split.Settings, chosenOn: EvaluationSplit?,
        learnsUnlabeled: Bool = false, after predecessors: [SplitRecord] = [], leaked: Set<Int> = []
    ) {
        self.settings = settings
        self.chosenOn = chosenOn
        grouped = set.hasGroups
        func hashes(_ indices: [Int]) -> [String] { indices.map { Self.hash(set.tiles[$0]) } }
        train = hashes(split.train)
        validation = hashes(split.validation)
        test = hashes(split.test)
        unlabeled = hashes(split.unlabeled)
        self.learnsUnlabeled = learnsUnlabeled ? true : nil
        let all = split.train + split.validation + split.test + split.unlabeled
        groups = Set(all.compactMap { set.tiles[$0].statedGroup } + predecessors.flatMap(\.groups)).sorted()
        appearances = Appearances(
            train: split.train + (learnsUnlabeled ? split.unlabeled : []),
            others: split.validation + split.test + (learnsUnlabeled ? [] : split.unlabeled), of: set,
            after: predecessors.compactMap(\.appearances))
        if predecessors.isEmpty { return }
        learnedBefore = predecessors.flatMap(\.learned) + hashes(Array(leaked))
        metBefore = predecessors.flatMap { $0.hashes(of: .unseen) }
        leaveOutRepetitions()
    }

    /// Tiles that the model or its predecessors were trained on.
    private var learned: [String] {
        train + (learnsUnlabeled == true ? unlabeled : []) + (learnedBefore ?? [])
    }

    /// Leaves tiles of this record out of those of earlier ones.
    private mutating func leaveOutRepetitions() {
        learnedBefore = learnedBefore.map { Set($0).subtracting(train).sorted() }
        metBefore = metBefore.map { Set($0).subtracting(train + validation + test + unlabeled).sorted() }
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
    /// model was trained on. `unseen` leaves out tiles that look like those of the training data.
    package func indices(of part: EvaluationSplit, in set: TileSet) -> [Int] {
        let indices = indicesByPixels(of: part, in: set)
        if part != .unseen { return indices }
        let copies = lookalikes(among: indices, in: set)
        return indices.filter { !copies.contains($0) }
    }

    /// Like `indices(of:in:)`, but tiles with other pixels count as other tiles. `evenIfLearned` keeps tiles of validation
    /// and test that earlier models were trained on.
    private func indicesByPixels(of part: EvaluationSplit, in set: TileSet, evenIfLearned: Bool = false) -> [Int] {
        let leavesOut = (part == .test || part == .validation) && !evenIfLearned
        let known = Set(hashes(of: part)).subtracting(leavesOut ? learnedBefore ?? [] : [])
        let groups = Set(groups)
        return set.labeled.filter { index in
            let tile = set.tiles[index]
            let isKnown = known.contains(Self.hash(tile))
            return part == .unseen ? !isKnown && !(tile.statedGroup.map(groups.contains) ?? false) : isKnown
        }
    }

    /// Those of the given tiles that look like tiles of the training data.
    private func lookalikes(among indices: [Int], in set: TileSet) -> Set<Int> {
        LookalikeIndex(appearances?.all ?? []).lookalikes(among: indices, in: set, threads: Kernels.threadCount)
    }

    /// Indices of the labeled tiles that the model or its predecessors were trained on, as they are or as copies.
    package func learned(in set: TileSet) -> Set<Int> {
        let known = Set(learned)
        let exact = Set(set.labeled.filter { known.contains(Self.hash(set.tiles[$0])) })
        let others = set.labeled.filter { !exact.contains($0) }
        return exact.union(
            LookalikeIndex(appearances?.train ?? [])
                .lookalikes(among: others, in: set, threads: Kernels.threadCount))
    }

    /// Indices of the labeled tiles that belong to a part for every one of several models.
    package static func indices(of part: EvaluationSplit, in set: TileSet, for records: [SplitRecord]) -> [Int] {
        common(in: set, records.map { $0.indices(of: part, in: set) })
    }

    /// The number of tiles that are not unseen only because they look like tiles of the training data of a model.
    package static func copyCount(in set: TileSet, for records: [SplitRecord]) -> Int {
        let byPixels = common(in: set, records.map { $0.indicesByPixels(of: .unseen, in: set) })
        return byPixels.count - indices(of: .unseen, in: set, for: records).count
    }

    /// The number of tiles that are not in a part only because the initial model or a teacher of a model was trained on
    /// them.
    package static func learnedCount(of part: EvaluationSplit, in set: TileSet, for records: [SplitRecord]) -> Int {
        if part == .unseen { return 0 }
        let all = common(in: set, records.map { $0.indicesByPixels(of: part, in: set, evenIfLearned: true) })
        return all.count - indices(of: part, in: set, for: records).count
    }

    private static func common(in set: TileSet, _ parts: [[Int]]) -> [Int] {
        let parts = parts.map { Set($0) }
        return set.labeled.filter { tile in parts.allSatisfy { $0.contains(tile) } }
    }

    /// Whether copies of the training tiles in other encodings can be recognized.
    package var hasAppearances: Bool { appearances != nil }

    /// Whether two records describe the same split of the same tiles. Records of earlier versions have no appearances,
    /// repeat tiles, and have names of files among the groups, which follow from the tiles.
    func matches(_ other: SplitRecord) -> Bool {
        var (own, other) = (self, other)
        (own.appearances, other.appearances) = (nil, nil)
        (own.learnsUnlabeled, other.learnsUnlabeled) = (nil, nil)
        (own.groups, other.groups) = ([], [])
        own.leaveOutRepetitions()
        other.leaveOutRepetitions()
        return own == other
    }

    /// The number of tiles in a part during training. Nil for unseen tiles.
    package func count(of part: EvaluationSplit) -> Int? { part == .unseen ? nil : hashes(of: part).count }

    /// The number of groups in the training data, of earlier models too.
    package var groupCount: Int { groups.count }

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

/// Perceptual hashes of the tiles of a training data set and of those of its predecessors.
private struct Appearances: Codable, Equatable, Sendable {
    /// Hashes of the tiles that a model was trained on, one after another.
    private let trainBytes: Data
    /// Hashes of the other tiles.
    private let otherBytes: Data

    private enum CodingKeys: String, CodingKey {
        case trainBytes = "train"
        case otherBytes = "others"
    }

    init(train: [Int], others: [Int], of set: TileSet, after earlier: [Appearances]) {
        func bytes(_ earlier: [Data], _ indices: [Int]) -> Data {
            var known = Set<Data>()
            let hashes =
                earlier.flatMap(Self.pieces) + indices.compactMap { set.tiles[$0].appearance.map { Data($0.bytes) } }
            return Data(hashes.filter { known.insert($0).inserted }.joined())
        }
        trainBytes = bytes(earlier.map(\.trainBytes), train)
        otherBytes = bytes(earlier.map(\.otherBytes), others)
    }

    var train: [PerceptualHash] { Self.hashes(trainBytes) }
    var all: [PerceptualHash] { train + Self.hashes(otherBytes) }

    private static func hashes(_ bytes: Data) -> [PerceptualHash] { pieces(bytes).map { PerceptualHash(bytes: $0) } }

    /// The bytes of each hash.
    private static func pieces(_ bytes: Data) -> [Data] {
        let size = PerceptualHash.byteCount
        return (0..<bytes.count / size).map { bytes.dropFirst($0 * size).prefix(size) }
    }
}
