import Foundations
import Glibc

extension Split {
    /// For each tile, the number of its group. A tile without a group forms its own. Groups that share a tile with the
    /// same pixels count as one.
    package static func groups(of tiles: [Tile]) -> [Int] {
        var sets = UnionFind(count: tiles.count)
        var firstOfGroup = [String: Int]()
        var firstOfPixels = [UInt64: Int]()
        for (index, tile) in tiles.enumerated() {
            var earlier = [Int]()
            if let group = tile.group {
                if let first = firstOfGroup[group] { earlier.append(first) } else { firstOfGroup[group] = index }
            }
            if let first = firstOfPixels[tile.fingerprint] {
                earlier.append(first)
            } else {
                firstOfPixels[tile.fingerprint] = index
            }
            for other in earlier {
                sets.join(other, index)
            }
        }
        return tiles.indices.map { sets.root(of: $0) }
    }

    /// The names that a pattern means: the one that is equal to it, or else those that match it (`*`, `?`, `[...]`).
    package static func names(_ names: Set<String>, matching pattern: String) -> Set<String> {
        names.contains(pattern) ? [pattern] : names.filter { fnmatch(pattern, $0, 0) == 0 }
    }

    /// The groups, as numbered by `groups(of:)`, whose names match any of the patterns. Throws where a pattern matches
    /// no group.
    static func groups(
        matching patterns: [String], _ tiles: [Tile], _ groups: [Int], path: FilePath
    ) throws(FileError) -> Set<Int> {
        var found = Set<Int>()
        let names = Set(tiles.compactMap(\.group))
        for pattern in patterns {
            let meant = Self.names(names, matching: pattern)
            let matching = tiles.indices.filter { tiles[$0].group.map(meant.contains) ?? false }
            guard !matching.isEmpty else {
                throw FileError(path, expected: "groups that match \"\(pattern)\"", found: "none")
            }
            found.formUnion(matching.map { groups[$0] })
        }
        return found
    }
}
