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

    /// The probability of what is predicted, for each tile.
    package var confidences: [Double] {
        targets.indices.map { rows[$0 * classes..<($0 + 1) * classes].max()! }
    }

    package func reliability(bins: Int = 15) -> Reliability {
        Reliability(confidences: confidences, hits: zip(predictions, targets).map(==), bins: bins)
    }
}
