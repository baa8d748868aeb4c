/// How many tiles are of each class.
package struct ClassCounts: Codable, Equatable, Sendable {
    package private(set) var nuclei = 0
    package private(set) var noNucleus = 0
    package private(set) var unlabeled = 0

    enum CodingKeys: String, CodingKey {
        case nuclei = "NUCLEI"
        case noNucleus = "NO_NUCLEUS"
        case unlabeled
    }

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

/// The tiles of one slide, patient or source image.
package struct GroupSummary: Codable, Equatable, Sendable {
    /// nil: tiles that are of no group.
    package let name: String?
    package let counts: ClassCounts
    /// Of all pixels of the group's tiles, on the 0-255 scale: red, green, blue.
    package let mean: [Double]
    package let deviation: [Double]
    /// Median of the tiles' edge widths in pixels; nil when none has one.
    package let edgeWidth: Double?

    /// Groups in the order of their names; tiles of no group come last.
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
                edgeWidth: median(members.compactMap { measures[$0].edgeWidth }))
        }
    }
}

/// The middle value, or the mean of the two in the middle; nil of nothing.
func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
