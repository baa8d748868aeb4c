import Foundations

/// The number of tiles of each class.
package struct ClassCounts: Equatable, Sendable {
    package private(set) var nuclei = 0
    package private(set) var noNucleus = 0
    package private(set) var unlabeled = 0

    package init(_ labels: some Sequence<TileLabel?> = []) {
        for label in labels {
            switch label {
            case .nuclei: nuclei += 1
            case .noNucleus: noNucleus += 1
            case nil: unlabeled += 1
            }
        }
    }

    package var labeled: Int { nuclei + noNucleus }
    package var total: Int { labeled + unlabeled }
    package var hasOneClassOnly: Bool { labeled > 0 && (nuclei == 0 || noNucleus == 0) }
}

/// An object with the keys "NUCLEI", "NO_NUCLEUS" and "unlabeled".
extension ClassCounts: Codable {
    private static let unlabeledKey = "unlabeled"

    package init(from decoder: any Decoder) throws {
        let counts = try [String: Int](from: decoder)
        nuclei = counts[TileLabel.nuclei.name] ?? 0
        noNucleus = counts[TileLabel.noNucleus.name] ?? 0
        unlabeled = counts[Self.unlabeledKey] ?? 0
    }

    package func encode(to encoder: any Encoder) throws {
        try [TileLabel.nuclei.name: nuclei, TileLabel.noNucleus.name: noNucleus, Self.unlabeledKey: unlabeled]
            .encode(to: encoder)
    }
}

/// The tiles of one slide, patient or source image.
package struct GroupSummary: Codable, Equatable, Sendable {
    /// Nil for the tiles without a group.
    package let name: String?
    package let counts: ClassCounts
    /// The mean of each channel (red, green, blue) over all pixels of the group, on the 0-255 scale.
    package let mean: [Double]
    /// The standard deviation of each channel.
    package let deviation: [Double]
    /// The median edge width of the tiles, in pixels; nil where no tile has one.
    package let edgeWidth: Double?

    /// One summary per group, by name. The tiles without a group come last.
    static func summaries(of tiles: [Tile], _ measures: [TileMeasures]) -> [GroupSummary] {
        let groups = Dictionary(grouping: tiles.indices) { tiles[$0].group }
        let names = groups.keys.sorted { first, second in
            guard let first, let second else { return first != nil }
            return first < second
        }
        return names.map { name in
            let members = groups[name]!
            let count = Double(members.count)
            let mean = (0..<3).map { channel in members.reduce(0) { $0 + measures[$1].mean[channel] } / count }
            let deviation = (0..<3).map { channel in
                let square = members.reduce(0.0) { sum, index in
                    let (mean, deviation) = (measures[index].mean[channel], measures[index].deviation[channel])
                    return sum + mean * mean + deviation * deviation
                }
                return max(0, square / count - mean[channel] * mean[channel]).squareRoot()
            }
            return GroupSummary(
                name: name, counts: ClassCounts(members.map { tiles[$0].label }), mean: mean, deviation: deviation,
                edgeWidth: members.compactMap { measures[$0].edgeWidth }.median)
        }
    }
}
