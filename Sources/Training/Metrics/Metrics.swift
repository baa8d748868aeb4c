/// How often tiles of each class were taken for each class.
package struct ConfusionMatrix: Codable, Equatable, Sendable {
    /// counts[truth][prediction].
    package private(set) var counts: [[Int]]

    package init(classes: Int) {
        counts = Array(repeating: Array(repeating: 0, count: classes), count: classes)
    }

    init(counts: [[Int]]) {
        self.counts = counts
    }

    package init(truth: [Int], predictions: [Int], classes: Int) {
        self.init(classes: classes)
        for (truth, prediction) in zip(truth, predictions) { counts[truth][prediction] += 1 }
    }

    package var total: Int { counts.joined().reduce(0, +) }

    /// Share of the tiles whose class was found; 0 for no tiles.
    package var accuracy: Double {
        Self.ratio(counts.indices.reduce(0) { $0 + counts[$1][$1] }, total)
    }

    /// Precision, recall and F1 of one class against the rest; a ratio without a denominator counts as 0.
    package func figures(of index: Int) -> ClassFigures {
        let hits = counts[index][index]
        let predicted = counts.reduce(0) { $0 + $1[index] }
        let support = counts[index].reduce(0, +)
        return ClassFigures(
            precision: Self.ratio(hits, predicted), recall: Self.ratio(hits, support),
            f1: Self.ratio(2 * hits, predicted + support), support: support)
    }

    /// Averages over the classes, each weighted by its tiles (scikit-learn's "weighted", zero division 0).
    package var weighted: ClassFigures {
        let all = counts.indices.map(figures)
        func average(_ value: (ClassFigures) -> Double) -> Double {
            total == 0 ? 0 : all.reduce(0) { $0 + value($1) * Double($1.support) } / Double(total)
        }
        return ClassFigures(
            precision: average(\.precision), recall: average(\.recall), f1: average(\.f1), support: total)
    }

    /// Matthews correlation coefficient of two or more classes (Gorodkin 2004), -1 ... 1; 0 where it is not defined.
    package var matthewsCorrelation: Double {
        let total = Double(self.total)
        let truth = counts.map { Double($0.reduce(0, +)) }
        let predicted = counts.indices.map { index in Double(counts.reduce(0) { $0 + $1[index] }) }
        let hits = Double(counts.indices.reduce(0) { $0 + counts[$1][$1] })
        let covariance = hits * total - zip(truth, predicted).reduce(0) { $0 + $1.0 * $1.1 }
        let spread = [truth, predicted].map { sums in total * total - sums.reduce(0) { $0 + $1 * $1 } }
        return spread.contains(0) ? 0 : covariance / (spread[0] * spread[1]).squareRoot()
    }

    private static func ratio(_ a: Int, _ b: Int) -> Double { b == 0 ? 0 : Double(a) / Double(b) }
}

package struct ClassFigures: Codable, Equatable, Sendable {
    package var precision: Double
    package var recall: Double
    package var f1: Double
    /// How many tiles of the class there are.
    package var support: Int
}

/// How well a model does on some tiles.
package struct Score: Codable, Equatable, Sendable {
    /// Mean cross-entropy, without label smoothing or class weights.
    package var loss: Double
    package var accuracy: Double
    package var weighted: ClassFigures
    /// Matthews correlation coefficient.
    package var mcc: Double
    /// Area under the ROC curve of NUCLEI; nil when there are tiles of one class only.
    package var rocAUC: Double?
    /// By class name.
    package var classes: [String: ClassFigures]
    package var confusion: ConfusionMatrix
}
