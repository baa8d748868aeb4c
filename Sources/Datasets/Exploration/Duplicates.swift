/// Tiles that are in the data set more than once.
package struct Duplicates: Codable, Equatable, Sendable {
    /// Tiles with the same pixels; the split keeps them together.
    package struct Exact: Codable, Equatable, Sendable {
        /// Indices, ascending.
        package let tiles: [Int]
        /// Whether they have both labels.
        package let isConflict: Bool
        /// Whether they are of different groups.
        package let isAcrossGroups: Bool
    }

    /// Tiles that appearance the same.
    package struct Near: Codable, Equatable, Sendable {
        package let pair: NearDuplicate
        /// Whether they have different labels.
        package let isConflict: Bool
        package let isAcrossGroups: Bool
        /// Whether one of them judges a network that meets the other, or both are held out, but for different ends.
        package let isAcrossParts: Bool
    }

    package let exact: [Exact]
    package let near: [Near]
    /// A near-duplicate's correlation is at least this.
    package let smallestCorrelation: Double

    init(_ pairs: [NearDuplicate], _ tiles: [Tile], _ parts: [SplitPart?]) {
        let byPixels = Dictionary(grouping: tiles.indices) { tiles[$0].fingerprint }
        exact = byPixels.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }.map { indices in
            Exact(
                tiles: indices, isConflict: Set(indices.compactMap { tiles[$0].label }).count > 1,
                isAcrossGroups: Set(indices.map { tiles[$0].group }).count > 1)
        }
        near = pairs.map { pair in
            let (first, second) = (tiles[pair.first], tiles[pair.second])
            var isAcrossParts = false
            if let one = parts[pair.first], let other = parts[pair.second] {
                isAcrossParts = one != other && (one.isHeldOut || other.isHeldOut)
            }
            return Near(
                pair: pair, isConflict: first.label != nil && second.label != nil && first.label != second.label,
                isAcrossGroups: first.group != second.group, isAcrossParts: isAcrossParts)
        }
        smallestCorrelation = NearDuplicate.smallestCorrelation
    }
}
