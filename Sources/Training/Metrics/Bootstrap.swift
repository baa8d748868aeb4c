import Tensors

/// Where a figure most likely lies.
package struct Interval: Codable, Equatable, Sendable {
    package let low: Double
    package let high: Double

    package init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }
}

/// Percentile intervals from resampling with replacement (Efron 1979).
///
/// What is drawn are groups (slides, patients, source images) with all their tiles: tiles of one group resemble each
/// other, and drawing them one by one would promise far more than they tell.
package struct Bootstrap: Sendable {
    package static let confidence = 0.95

    package var resamples = 2000
    package var seed: UInt64 = 42

    package init() {}

    /// Intervals of figures that are functions of how often each of some groups was drawn.
    ///
    /// nil for all when there are fewer than two groups, and for a figure that is not defined in more than 5 % of the
    /// resamples: the others are no fair sample then.
    package func intervals(groups: Int, _ figures: ([Int]) -> [Double?]) -> [Interval?] {
        let count = figures(Array(repeating: 1, count: groups)).count
        guard groups > 1 else { return Array(repeating: nil, count: count) }
        var random = SplitMix64(seed: seed, stream: 0x626F_6F74)
        var values = Array(repeating: [Double](), count: count)
        for _ in 0..<resamples {
            var draws = Array(repeating: 0, count: groups)
            for _ in 0..<groups { draws[Int(random.next().multipliedFullWidth(by: UInt64(groups)).high)] += 1 }
            for (index, value) in figures(draws).enumerated() {
                if let value { values[index].append(value) }
            }
        }
        return values.map { values in
            guard values.count > 0, Double(values.count) >= 0.95 * Double(resamples) else { return nil }
            let sorted = values.sorted()
            let tail = (1 - Self.confidence) / 2
            return Interval(low: Self.quantile(tail, of: sorted), high: Self.quantile(1 - tail, of: sorted))
        }
    }

    /// A quantile of sorted numbers, linear between two of them.
    private static func quantile(_ share: Double, of sorted: [Double]) -> Double {
        let place = share * Double(sorted.count - 1)
        let index = min(Int(place), sorted.count - 1)
        let next = min(index + 1, sorted.count - 1)
        return sorted[index] + (place - Double(index)) * (sorted[next] - sorted[index])
    }

    /// A number from 0 on for each tile: the same for tiles of the same group, one of its own for a tile without one.
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
