import Foundations
import Tensors

/// A confidence interval.
package struct Interval: Codable, Equatable, Sendable {
    package let low: Double
    package let high: Double

    package init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }
}

/// Percentile intervals from resampling groups with replacement (Efron 1979).
///
/// Groups (slides, patients, source images) are drawn with all their tiles. Tiles of one group resemble each other, so
/// drawing single tiles would give intervals that are too narrow.
package struct Bootstrap: Sendable {
    package static let confidence = 0.95
    /// The share of resamples in which a metric must be defined. With fewer, the rest is a biased sample.
    private static let smallestDefinedShare = 0.95

    package var resamples = 2000
    package var seed: UInt64 = 42

    package init() {}

    /// Intervals of metrics that are functions of the number of times each group is drawn.
    ///
    /// Returns nil for every metric when there are fewer than two groups, and for a metric that is undefined in more than
    /// 5 % of the resamples.
    package func intervals(groups: Int, _ metrics: ([Int]) -> [Double?]) -> [Interval?] {
        let count = metrics(Array(repeating: 1, count: groups)).count
        guard groups > 1 else { return Array(repeating: nil, count: count) }
        var random = SplitMix64(seed: seed, stream: 0x626F_6F74)
        var values = Array(repeating: [Double](), count: count)
        for _ in 0..<resamples {
            var draws = Array(repeating: 0, count: groups)
            for _ in 0..<groups { draws[Int(random.next().multipliedFullWidth(by: UInt64(groups)).high)] += 1 }
            for (index, value) in metrics(draws).enumerated() {
                if let value { values[index].append(value) }
            }
        }
        return values.map { values in
            guard !values.isEmpty, Double(values.count) >= Self.smallestDefinedShare * Double(resamples) else {
                return nil
            }
            let sorted = values.sorted()
            let tail = (1 - Self.confidence) / 2
            return Interval(low: quantile(tail, ofSorted: sorted), high: quantile(1 - tail, ofSorted: sorted))
        }
    }

    /// Numbers the groups of tiles from 0 on. Tiles of one group share a number; a tile without a group has its own.
    package static func numbers(of groups: [String?]) -> [Int] {
        var known = [String: Int]()
        var next = 0
        return groups.map { group in
            if let group, let number = known[group] { return number }
            defer { next += 1 }
            if let group { known[group] = next }
            return next
        }
    }
}
