/// Tiles that occur more than once in a data set.
package struct Duplicates: Codable, Equatable, Sendable {
    /// Tiles with the same pixels. A split keeps them in one part.
    package struct Exact: Codable, Equatable, Sendable {
        /// Indices of the tiles, ascending.
        package let tiles: [Int]
        /// Whether the tiles have different labels.
        package let isConflict: Bool
        /// Whether the tiles are from different groups.
        package let isAcrossGroups: Bool
    }

    /// A pair of tiles that look the same.
    package struct Near: Codable, Equatable, Sendable {
        package let pair: NearDuplicate
        /// Whether the tiles have different labels.
        package let isConflict: Bool
        /// Whether the tiles are from different groups.
        package let isAcrossGroups: Bool
        /// Whether the tiles are in different parts of the split, at least one of them validation or test.
        package let isAcrossParts: Bool
    }

    package let exact: [Exact]
    package let near: [Near]
    /// The least correlation of near-duplicates.
    package let smallestCorrelation: Double

    /// `parts` has the part of each tile.
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
