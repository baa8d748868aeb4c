import Foundations
import Tensors

extension Split {
    /// Separates a share of some tiles from the rest, in whole groups.
    ///
    /// Takes the groups in random order, and holds out each one that brings the class counts closer to the share. Tries
    /// 200 orders and uses the one with the closest result.
    static func holdOut(
        _ share: Double, of indices: [Int], _ tiles: [Tile], _ groups: [Int], _ seed: UInt64, stream: UInt64
    ) -> (rest: [Int], held: [Int]) {
        let classes = ClassesByGroup(indices, tiles, groups)
        func distance(_ counts: [Double]) -> Double {
            zip(counts, classes.totals).reduce(0) { sum, pair in
                pair.1 == 0 ? sum : sum + (pair.0 / pair.1 - share) * (pair.0 / pair.1 - share)
            }
        }
        let ordered = classes.counts.keys.sorted()
        var best: (distance: Double, held: Set<Int>)?
        for attempt in 0..<200 {
            var random = SplitMix64(seed: seed, stream: stream, UInt64(attempt))
            var counts = [Double](repeating: 0, count: classes.totals.count)
            var held = Set<Int>()
            for group in ordered.shuffled(using: &random) {
                let with = zip(counts, classes.counts[group]!).map(+)
                if distance(with) < distance(counts) {
                    counts = with
                    held.insert(group)
                }
            }
            if distance(counts) < best?.distance ?? .infinity { best = (distance(counts), held) }
        }
        let held = best?.held ?? []
        return (indices.filter { !held.contains(groups[$0]) }, indices.filter { held.contains(groups[$0]) })
    }

    /// Separates one fold from the others.
    ///
    /// Assigns the groups to folds one by one, large groups first, each to the fold that leaves the classes most evenly
    /// spread (as scikit-learn's StratifiedGroupKFold does). Throws where there are fewer groups than folds. `path`
    /// names the data set in errors.
    static func holdOut(
        _ fold: Fold, of indices: [Int], _ tiles: [Tile], _ groups: [Int], path: FilePath, _ seed: UInt64
    ) throws(FileError) -> (rest: [Int], held: [Int]) {
        let classes = ClassesByGroup(indices, tiles, groups)
        guard fold.count <= classes.counts.count else {
            throw FileError(
                path, expected: "at least \(fold.count) groups for \(fold.count) folds",
                found: "\(classes.counts.count)")
        }
        func size(_ group: Int) -> Double { classes.counts[group]!.reduce(0, +) }
        var random = SplitMix64(seed: seed, stream: 3)
        // The sort is stable: groups of equal size stay in random order.
        let order = classes.counts.keys.sorted().shuffled(using: &random).sorted { size($0) > size($1) }
        let labels = classes.totals.indices
        var counts = [[Double]](repeating: [Double](repeating: 0, count: labels.count), count: fold.count)
        var foldOfGroup = [Int: Int]()
        for group in order {
            /// The sum over classes of the squared shares of the folds with the group in fold `target`. It is smallest
            /// where all folds have the same share.
            func spread(with target: Int) -> Double {
                var sum = 0.0
                for label in labels where classes.totals[label] > 0 {
                    for index in 0..<fold.count {
                        let count = counts[index][label] + (index == target ? classes.counts[group]![label] : 0)
                        sum += (count / classes.totals[label]) * (count / classes.totals[label])
                    }
                }
                return sum
            }
            let target = (0..<fold.count).min { spread(with: $0) < spread(with: $1) }!
            for label in labels { counts[target][label] += classes.counts[group]![label] }
            foldOfGroup[group] = target
        }
        let held = indices.filter { foldOfGroup[groups[$0]] == fold.number - 1 }
        return (indices.filter { foldOfGroup[groups[$0]] != fold.number - 1 }, held)
    }
}

/// The number of tiles of each class in each group.
private struct ClassesByGroup {
    /// Counts by `TileLabel.rawValue`, by group.
    private(set) var counts = [Int: [Double]]()
    /// Counts over all groups.
    private(set) var totals = [Double](repeating: 0, count: TileLabel.allCases.count)

    init(_ indices: [Int], _ tiles: [Tile], _ groups: [Int]) {
        let none = totals
        for index in indices {
            guard let label = tiles[index].label else { continue }
            counts[groups[index], default: none][label.rawValue] += 1
            totals[label.rawValue] += 1
        }
    }
}
