import Foundations

/// What a tile serves for in training.
package enum SplitPart: String, Codable, CaseIterable, Sendable {
    case train, validation, test
    /// Without a label, and of no group that is held out: for the statistics of the pixels and pseudo-labels.
    case unlabeled

    /// Whether tiles of the part judge the network.
    var isHeldOut: Bool { self == .validation || self == .test }
}

/// How training would share out the tiles.
package struct SplitSummary: Codable, Equatable, Sendable {
    package struct Part: Codable, Equatable, Sendable {
        package let name: SplitPart
        package let counts: ClassCounts
    }

    package let settings: Split.Settings
    package let parts: [Part]
    /// Why there are no parts; nil when there are.
    package let problem: String?

    /// The summary, and for each tile its part; nil for unlabeled tiles of groups that are held out.
    static func summarize(_ set: TileSet, _ settings: Split.Settings) -> (summary: SplitSummary, parts: [SplitPart?]) {
        var partOf = [SplitPart?](repeating: nil, count: set.tiles.count)
        do {
            let split = try Split(set, settings)
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
