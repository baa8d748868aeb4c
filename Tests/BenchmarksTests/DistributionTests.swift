import Benchmarks
import Testing

struct DistributionTests {
    @Test func quantilesLieBetweenNeighbors() {
        let five = Distribution([5, 1, 4, 2, 3])
        #expect(five.values == [1, 2, 3, 4, 5])
        #expect(five.median == 3 && five.quartiles == 2...4)
        #expect(five.quantile(0) == 1 && five.quantile(1) == 5 && five.quantile(0.9) == 4.6)
        #expect(abs(five.spread - 1.0 / 3) < 1e-12)
        let two = Distribution([10, 20])
        #expect(two.median == 15 && two.quartiles == 12.5...17.5)
        let one = Distribution([7])
        #expect(one.median == 7 && one.quartiles == 7...7 && one.spread == 0)
    }

    @Test func oneDisturbedMeasurementMovesTheMedianLittle() {
        let calm = Distribution([10, 10.1, 9.9, 10, 10.2, 9.8, 10])
        let disturbed = Distribution([10, 10.1, 9.9, 10, 10.2, 9.8, 400])
        #expect(abs(disturbed.median - calm.median) < 0.2 && disturbed.values.last == 400)
    }

    @Test func differencesAreBeyondTheNoiseWhenTheMiddleHalvesAreApart() {
        let base = Distribution([9.8, 9.9, 10, 10.1, 10.2])
        #expect(base.differs(from: Distribution([10.8, 10.9, 11, 11.1, 11.2])))
        #expect(Distribution([10.8, 10.9, 11, 11.1, 11.2]).differs(from: base))
        #expect(!base.differs(from: base))
        // Medians differ, but the ranges overlap.
        #expect(!Distribution([5, 8, 11, 20, 30]).differs(from: base))
        // Disjoint, but only 1 % apart.
        #expect(!Distribution([10, 10, 10]).differs(from: Distribution([10.1, 10.1, 10.1])))
        #expect(Distribution([10, 10, 10]).differs(from: Distribution([10.1, 10.1, 10.1]), byMoreThan: 0.001))
    }
}
