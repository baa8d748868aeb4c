import TestSupport
import Testing
import Training

struct BootstrapTests {
    /// Tiles of two classes with mostly correct predictions. Scores are rounded, so that some tie.
    private func tiles(_ count: Int, seed: UInt64) -> LabeledProbabilities {
        let targets = Formula.integers(seed: seed, count: count, below: 2)
        let noise = Formula.values(seed: seed + 1, count: count, scale: 0.4)
        let probabilities = targets.indices.map { index -> Double in
            let value = 0.5 + (targets[index] == 1 ? 0.15 : -0.15) + Double(noise[index])
            return min(0.95, max(0.05, (value * 20).rounded() / 20))
        }
        return LabeledProbabilities(classes: 2, rows: probabilities.flatMap { [1 - $0, $0] }, targets: targets)
    }

    @Test func metricsMatchTheScore() throws {
        let tiles = tiles(60, seed: 1)
        let score = Evaluation.score(tiles)
        let assessment = MetricEstimates(tiles, groups: Array(repeating: nil, count: 60))
        let figures = try Metric.allCases.map { try #require(assessment[$0]).value }
        let expected = [
            score.loss, score.accuracy, score.weighted.precision, score.weighted.recall, score.weighted.f1,
            try #require(score.mcc),
            try #require(score.rocAUC), try #require(tiles.reliability().expectedCalibrationError),
        ]
        try compare("figures", figures, expected, Tolerance(absolute: 1e-12))
        #expect(score.accuracy > 0.6 && score.accuracy < 0.95)
        for figure in Metric.allCases {
            let estimate = try #require(assessment[figure])
            let interval = try #require(estimate.interval)
            #expect(interval.low < interval.high && interval.low < estimate.value, "\(figure)")
        }
    }

    /// Drawing a group twice equals duplicating its tiles.
    @Test func weightsCountTilesAgain() throws {
        let tiles = tiles(50, seed: 3)
        let groups = Formula.integers(seed: 9, count: 50, below: 6)
        let figures = WeightedMetrics(tiles, groups: groups, positive: 1)
        for weights in [[1, 1, 1, 1, 1, 1], [2, 0, 1, 3, 0, 0], [0, 0, 0, 0, 0, 4]] {
            let drawn = groups.indices.flatMap { Array(repeating: $0, count: weights[groups[$0]]) }
            let copies = LabeledProbabilities(
                classes: 2, rows: drawn.flatMap { tiles.rows[$0 * 2..<$0 * 2 + 2] },
                targets: drawn.map { tiles.targets[$0] })
            let expected = WeightedMetrics(copies, groups: drawn.map { _ in 0 }, positive: 1).values([1])
            let actual = figures.values(weights)
            #expect(actual.map { $0 == nil } == expected.map { $0 == nil })
            try compare(
                "\(weights)", actual.compactMap(\.self), expected.compactMap(\.self), Tolerance(absolute: 1e-12))
        }
    }

    @Test func intervalsOfTwoGroupsAreTheirExtremes() {
        let bootstrap = Bootstrap()
        // The share of the first group is 0, 1/2 or 1, with chances of 1/4, 1/2 and 1/4.
        let share = bootstrap.intervals(groups: 2) { [Double($0[0]) / 2, 7, nil, $0[0] == 1 ? 3 : nil] }
        #expect(share == [Interval(low: 0, high: 1), Interval(low: 7, high: 7), nil, nil])
        #expect(bootstrap.intervals(groups: 1) { _ in [1, 2] } == [nil, nil])
        #expect(bootstrap.intervals(groups: 0) { _ in [1] } == [nil])
    }

    /// The interval of a mean over many groups matches the normal approximation of 1.96 standard errors.
    @Test func intervalsOfAMeanMatchTheNormalApproximation() throws {
        let values = Formula.values(seed: 5, count: 400).map(Double.init)
        let mean = values.reduce(0, +) / 400
        let error = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 400 / 400).squareRoot()
        let found = try #require(
            Bootstrap().intervals(groups: 400) { draws in
                [zip(draws, values).reduce(0) { $0 + Double($1.0) * $1.1 } / 400]
            }[0])
        #expect(((found.high - found.low) / (2 * 1.96 * error) - 1).magnitude < 0.08)
        #expect(((found.high + found.low) / 2 - mean).magnitude < 0.2 * error)
    }

    @Test func aSeedGivesTheSameIntervals() {
        let tiles = tiles(60, seed: 1)
        let groups = (0..<60).map { "group \($0 % 12)" as String? }
        var other = Bootstrap()
        other.seed = 43
        let first = MetricEstimates(tiles, groups: groups)
        #expect(first.metrics == MetricEstimates(tiles, groups: groups).metrics)
        #expect(first.metrics != MetricEstimates(tiles, groups: groups, other).metrics)
        #expect(first.resampledGroups == 12)
    }

    /// All tiles of a group are right or wrong together, so only intervals over groups have the nominal coverage.
    @Test func intervalsOfGroupsCoverTheTruth() throws {
        var bootstrap = Bootstrap()
        bootstrap.resamples = 200
        var (covered, coveredByTiles) = (0, 0)
        let trials = 150
        for trial in 0..<trials {
            let chances = Formula.values(seed: 1000 + UInt64(trial), count: 40, scale: 0.5).map { Double($0) + 0.5 }
            let isRight = chances.map { $0 < 0.7 }
            let targets = (0..<200).map { $0 % 2 }
            let tiles = LabeledProbabilities(
                classes: 2,
                rows: targets.indices.flatMap { isRight[$0 / 5] == (targets[$0] == 1) ? [0.2, 0.8] : [0.8, 0.2] },
                targets: targets)
            func covers(_ groups: [String?]) throws -> Bool {
                let interval = try #require(MetricEstimates(tiles, groups: groups, bootstrap)[.accuracy]?.interval)
                return interval.low <= 0.7 && 0.7 <= interval.high
            }
            if try covers((0..<200).map { "\($0 / 5)" }) { covered += 1 }
            if try covers(Array(repeating: nil, count: 200)) { coveredByTiles += 1 }
        }
        #expect(Double(covered) / Double(trials) > 0.88 && Double(covered) / Double(trials) <= 1)
        #expect(Double(coveredByTiles) / Double(trials) < 0.8)
    }

    @Test func fewTilesDefineFewMetrics() {
        let empty = MetricEstimates(LabeledProbabilities(classes: 2, rows: [], targets: []), groups: [])
        #expect(empty.metrics.isEmpty && empty.brierScore == nil && empty.resampledGroups == 0)
        let one = MetricEstimates(LabeledProbabilities(classes: 2, rows: [0.25, 0.75], targets: [1]), groups: [nil])
        #expect(one[.accuracy]?.value == 1 && one[.accuracy]?.interval == nil && one[.f1]?.value == 1)
        #expect(one[.rocAUC] == nil && one[.mcc] == nil && one.brierScore == 0.0625)
        // One class occurs in one group of three only, so it is missing from too many resamples.
        let rows = [0.9, 0.1, 0.8, 0.2, 0.3, 0.7]
        let three = MetricEstimates(
            LabeledProbabilities(classes: 2, rows: rows, targets: [0, 0, 1]), groups: ["a", "b", "c"])
        #expect(three[.rocAUC]?.value == 1 && three[.rocAUC]?.interval == nil && three[.loss]?.interval != nil)
    }

    @Test func tilesWithoutAGroupAreGroupsOfTheirOwn() {
        #expect(Bootstrap.numbers(of: ["a", nil, "b", "a", nil]) == [0, 1, 2, 0, 3])
    }

    @Test func theWorstGroupsComeFirst() throws {
        let rows = [0.9, 0.1, 0.4, 0.6, 0.2, 0.8, 0.4, 0.6, 0.5, 0.5]
        let tiles = LabeledProbabilities(classes: 2, rows: rows, targets: [0, 0, 1, 1, 1])
        #expect(tiles.predictions == [0, 1, 1, 1, 0], "of equals, the first")
        let scores = GroupScore.all(of: tiles, groups: ["b", "b", "c", "a", nil], names: ["NO", "YES"])
        #expect(scores.map(\.group) == [nil, "b", "a", "c"])
        let worst = scores[1]
        #expect(worst.accuracy == 0.5 && worst.counts == ["NO": 2, "YES": 0] && worst.recall == ["NO": 0.5])
        // (log(1 / 0.9) + log(1 / 0.4)) / 2
        #expect((worst.loss - 0.510825623765991).magnitude < 1e-12)
        #expect(
            GroupScore.all(of: LabeledProbabilities(classes: 2, rows: [], targets: []), groups: [], names: ["A", "B"])
                .isEmpty)
    }
}
