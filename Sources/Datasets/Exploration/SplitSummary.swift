import Foundations

/// The part of a split that a tile belongs to.
package enum SplitPart: String, Codable, CaseIterable, Sendable {
    case train, validation, test
    /// Unlabeled tiles outside the groups that are held out. Training uses them for pixel statistics and pseudo-labels.
    case unlabeled

    /// Whether the tiles of the part score the network, instead of training it.
    var isHeldOut: Bool { self == .validation || self == .test }
}

/// The split that training would use.
package struct SplitSummary: Codable, Equatable, Sendable {
    package struct Part: Codable, Equatable, Sendable {
        package let name: SplitPart
        package let counts: ClassCounts
    }

    package let settings: Split.Settings
    package let parts: [Part]
    /// The reason that the data set cannot be split; nil where it can.
    package let problem: String?

    /// The summary of a split, and the part of each tile, nil for tiles in no part.
    static func summarize(_ set: TileSet, _ settings: Split.Settings) -> (summary: SplitSummary, parts: [SplitPart?]) {
        var partOf = [SplitPart?](repeating: nil, count: set.tiles.count)
        do {
            let split = try Split(set, settings, learnsOutlines: true)
            let members = [
                (SplitPart.train, split.train), (.validation, split.validation), (.test, split.test),
                (.unlabeled, split.unlabeled),
            ]
            for (part, indices) in members { for index in indices { partOf[index] = part } }
            let parts = members.filter { !$0.1.isEmpty }.map { part, indices in
                Part(name: part, counts: ClassCounts(indices.map { set.tiles[$0].label }))
            }
            return (SplitSummary(settings: settings, parts: parts, problem: nil), partOf)
        } catch {
            return (SplitSummary(settings: settings, parts: [], problem: error.problem), partOf)
        }
    }

    private init(settings: Split.Settings, parts: [Part], problem: String?) {
        self.settings = settings
        self.parts = parts
        self.problem = problem
    }
}
