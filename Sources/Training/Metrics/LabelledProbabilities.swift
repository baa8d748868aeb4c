import Foundation

/// What one model, or several together, say of tiles whose labels are known.
package struct LabelledProbabilities: Equatable, Sendable {
    package let classes: Int
    /// A row of `classes` probabilities for each tile.
    package let rows: [Double]
    /// The right class of each tile.
    package let targets: [Int]

    package init(classes: Int, rows: [Double], targets: [Int]) {
        precondition(rows.count == classes * targets.count && targets.allSatisfy { 0..<classes ~= $0 })
        self.classes = classes
        self.rows = rows
        self.targets = targets
    }

    /// The mean of what several say of the same tiles.
    package init(meanOf members: [LabelledProbabilities]) {
        let first = members[0]
        precondition(members.allSatisfy { $0.classes == first.classes && $0.targets == first.targets })
        let rows = first.rows.indices.map { place in
            members.reduce(0) { $0 + $1.rows[place] } / Double(members.count)
        }
        self.init(classes: first.classes, rows: rows, targets: first.targets)
    }

    /// The class of the largest probability of each tile, the first of equals.
    package var predictions: [Int] {
        targets.indices.map { tile in
            (1..<classes).reduce(0) { rows[tile * classes + $1] > rows[tile * classes + $0] ? $1 : $0 }
        }
    }

    /// The negative logarithm of the right class's probability, for each tile. A probability that is too small for a
    /// number counts as the smallest one.
    package var losses: [Double] {
        targets.indices.map { -log(max(rows[$0 * classes + targets[$0]], .leastNormalMagnitude)) }
    }

    /// The logarithm of a class's odds against all others, for each tile. It tells probabilities apart that round to 1.
    package func logOdds(of index: Int) -> [Double] {
        targets.indices.map { tile in
            let row = rows[tile * classes..<(tile + 1) * classes]
            let own = row[tile * classes + index]
            let others = row.indices.reduce(0) { $1 == tile * classes + index ? $0 : $0 + row[$1] }
            return log(max(own, .leastNormalMagnitude)) - log(max(others, .leastNormalMagnitude))
        }
    }

    /// The probability of what is predicted, for each tile.
    package var confidences: [Double] {
        targets.indices.map { rows[$0 * classes..<($0 + 1) * classes].max()! }
    }

    package func reliability(bins: Int = 15) -> Reliability {
        Reliability(confidences: confidences, hits: zip(predictions, targets).map(==), bins: bins)
    }
}
