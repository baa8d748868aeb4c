/// Counts of tiles by true and predicted class.
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

    /// The share of tiles that are classified correctly; 0 without tiles.
    package var accuracy: Double {
        Self.ratio(counts.indices.reduce(0) { $0 + counts[$1][$1] }, total) ?? 0
    }

    /// Precision, recall and F1 of one class against the rest.
    package func metrics(of index: Int) -> ClassMetrics {
        let hits = counts[index][index]
        let predicted = counts.reduce(0) { $0 + $1[index] }
        let support = counts[index].reduce(0, +)
        return ClassMetrics(
            precision: Self.ratio(hits, predicted), recall: Self.ratio(hits, support),
            f1: Self.ratio(2 * hits, predicted + support), support: support)
    }

    /// The mean over classes, weighted by their tiles: scikit-learn's "weighted" average with zero division 0.
    package var weighted: WeightedAverage {
        let all = counts.indices.map(metrics)
        func average(_ value: (ClassMetrics) -> Double?) -> Double {
            total == 0 ? 0 : all.reduce(0) { $0 + (value($1) ?? 0) * Double($1.support) } / Double(total)
        }
        return WeightedAverage(
            precision: average(\.precision), recall: average(\.recall), f1: average(\.f1), support: total)
    }

    /// Matthews correlation coefficient for two or more classes, in -1...1 (Gorodkin 2004); 0 where all predictions are
    /// equal. Nil for tiles of one class, where it is undefined.
    package var matthewsCorrelation: Double? {
        let total = Double(self.total)
        let truth = counts.map { Double($0.reduce(0, +)) }
        let predicted = counts.indices.map { index in Double(counts.reduce(0) { $0 + $1[index] }) }
        let hits = Double(counts.indices.reduce(0) { $0 + counts[$1][$1] })
        let covariance = hits * total - zip(truth, predicted).reduce(0) { $0 + $1.0 * $1.1 }
        let spread = [truth, predicted].map { sums in total * total - sums.reduce(0) { $0 + $1 * $1 } }
        if spread[0] == 0 { return nil }
        return spread[1] == 0 ? 0 : covariance / (spread[0] * spread[1]).squareRoot()
    }

    private static func ratio(_ a: Int, _ b: Int) -> Double? { b == 0 ? nil : Double(a) / Double(b) }
}

/// Metrics of one class. A ratio whose denominator is 0 is undefined, and nil.
package struct ClassMetrics: Codable, Equatable, Sendable {
    package var precision: Double?
    package var recall: Double?
    package var f1: Double?
    /// The number of tiles of the class.
    package var support: Int
}

/// The mean of metrics over classes.
package struct WeightedAverage: Codable, Equatable, Sendable {
    package var precision: Double
    package var recall: Double
    package var f1: Double
    /// The number of all tiles.
    package var support: Int
}
