import Foundations
import Glibc

/// Class probabilities of labeled tiles, from one model or the mean of several.
package struct LabeledProbabilities: Equatable, Sendable {
    package let classes: Int
    /// A row of `classes` probabilities for each tile.
    package let rows: [Double]
    /// The true class of each tile.
    package let targets: [Int]

    package init(classes: Int, rows: [Double], targets: [Int]) {
        precondition(rows.count == classes * targets.count && targets.allSatisfy { 0..<classes ~= $0 })
        self.classes = classes
        self.rows = rows
        self.targets = targets
    }

    /// The mean probabilities of several models for the same tiles.
    package init(meanOf members: [LabeledProbabilities]) {
        let first = members[0]
        precondition(members.allSatisfy { $0.classes == first.classes && $0.targets == first.targets })
        let rows = first.rows.indices.map { place in
            members.reduce(0) { $0 + $1.rows[place] } / Double(members.count)
        }
        self.init(classes: first.classes, rows: rows, targets: first.targets)
    }

    /// The probabilities of one tile.
    private func row(_ tile: Int) -> ArraySlice<Double> { rows[tile * classes..<(tile + 1) * classes] }

    /// The class with the largest probability of each tile; the first of equal ones.
    package var predictions: [Int] { targets.indices.map { row($0).argmax! } }

    /// The negative logarithm of the true class's probability, for each tile. A probability of 0 counts as the smallest
    /// normal number.
    package var losses: [Double] {
        targets.indices.map { -log(max(rows[$0 * classes + targets[$0]], .leastNormalMagnitude)) }
    }

    /// The logarithm of the odds of a class against all others, for each tile. Unlike probabilities, log odds do not
    /// round to 1.
    package func logOdds(of index: Int) -> [Double] {
        targets.indices.map { tile in
            let row = row(tile)
            let own = row[tile * classes + index]
            let others = row.indices.reduce(0) { $1 == tile * classes + index ? $0 : $0 + row[$1] }
            return log(max(own, .leastNormalMagnitude)) - log(max(others, .leastNormalMagnitude))
        }
    }

    /// The probability of the predicted class, for each tile.
    package var confidences: [Double] { targets.indices.map { row($0).max()! } }

    package func reliability(bins: Int = Reliability.defaultBinCount) -> Reliability {
        Reliability(confidences: confidences, hits: zip(predictions, targets).map(==), bins: bins)
    }
}
