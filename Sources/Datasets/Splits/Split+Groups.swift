import Foundations
import Foundation
import Tensors

extension Split {
    /// One of several parts of a data set that take turns as the test (cross-validation).
    package struct Fold: Codable, Equatable, Sendable {
        /// Counts from 1.
        package let number: Int
        package let count: Int

        /// nil unless 1 <= number <= count, and there are 2 folds or more.
        package init?(_ number: Int, of count: Int) {
            guard count >= 2, 1...count ~= number else { return nil }
            self.number = number
            self.count = count
        }
    }

    /// Groups, as `groups(of:)` numbers them, that have a name which matches one of the patterns.
    /// Throws when a pattern matches none.
    static func groups(
        matching patterns: [String], _ tiles: [Tile], _ groups: [Int], path: FilePath
    ) throws(FileError) -> Set<Int> {
        var found = Set<Int>()
        for pattern in patterns {
            let matching = tiles.indices.filter { index in
                tiles[index].group.map { fnmatch(pattern, $0, 0) == 0 } ?? false
            }
            guard !matching.isEmpty else {
                throw FileError(path, expected: "groups that match \"\(pattern)\"", found: "none")
            }
            found.formUnion(matching.map { groups[$0] })
        }
        return found
    }

    /// Parts one fold from the others. Groups are dealt out one after another, large ones first, each to the fold
    /// that then has the least spread of class counts over the folds (as scikit-learn's StratifiedGroupKFold).
    /// Throws when there are fewer groups than folds; `path` names the data set.
    static func holdOut(
        _ fold: Fold, of indices: [Int], _ tiles: [Tile], _ groups: [Int], path: FilePath, _ seed: UInt64
    ) throws(FileError) -> (rest: [Int], held: [Int]) {
        let classes = TileLabel.allCases.count
        var countsOfGroup = [Int: [Double]]()
        var totals = [Double](repeating: 0, count: classes)
        for index in indices {
            guard let label = tiles[index].label else { continue }
            countsOfGroup[groups[index], default: [Double](repeating: 0, count: classes)][label.rawValue] += 1
            totals[label.rawValue] += 1
        }
        guard fold.count <= countsOfGroup.count else {
            throw FileError(path, expected: "\(fold.count) groups for as many folds", found: "\(countsOfGroup.count)")
        }
        func size(_ group: Int) -> Double { countsOfGroup[group]!.reduce(0, +) }
        var random = SplitMix64(seed: seed, stream: 3)
        // Sorting is stable: groups of one size stay in random order.
        let order = countsOfGroup.keys.sorted().shuffled(using: &random).sorted { size($0) > size($1) }
        var counts = [[Double]](repeating: [Double](repeating: 0, count: classes), count: fold.count)
        var foldOfGroup = [Int: Int]()
        for group in order {
            /// Sum over classes of the squared shares of the folds, which is least when all have the same.
            func spread(with target: Int) -> Double {
                var sum = 0.0
                for label in 0..<classes where totals[label] > 0 {
                    for index in 0..<fold.count {
                        let count = counts[index][label] + (index == target ? countsOfGroup[group]![label] : 0)
                        sum += (count / totals[label]) * (count / totals[label])
                    }
                }
                return sum
            }
            let target = (0..<fold.count).min { spread(with: $0) < spread(with: $1) }!
            for label in 0..<classes { counts[target][label] += countsOfGroup[group]![label] }
            foldOfGroup[group] = target
        }
        let held = indices.filter { foldOfGroup[groups[$0]] == fold.number - 1 }
        return (indices.filter { foldOfGroup[groups[$0]] != fold.number - 1 }, held)
    }
}
