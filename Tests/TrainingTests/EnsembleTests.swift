import Datasets
import Foundation
import NeuralNetworks
import TestSupport
import Testing
import Training

struct EnsembleTests {
    @Test func outputOrderDoesNotMatter() throws {
        let scaling = TemperatureScaling(temperature: 2)
        let first = LabeledLogits(classes: TileLabel.names, rows: [2, 0, 0, 4], targets: [0, 1])
        let second = LabeledLogits(classes: TileLabel.names.reversed(), rows: [0, 2, 4, 0], targets: [1, 0])
        #expect(first.probabilities(scaling) == second.probabilities(scaling))
        let sure = LabeledProbabilities(classes: 2, rows: [0, 1, 0.5, 0.5], targets: [0, 1])
        let mean = LabeledProbabilities(meanOf: [first.probabilities(scaling), sure])
        // sigmoid(1) and sigmoid(2)
        let expected = [0.7310585786300049 / 2, 1 - 0.7310585786300049 / 2]
        try compare("mean", Array(mean.rows[..<2]), expected, Tolerance(absolute: 1e-15))
        #expect((mean.rows[3] - (0.8807970779778823 + 0.5) / 2).magnitude < 1e-15)
        #expect(mean.targets == [0, 1] && mean.predictions == [1, 1])
        #expect(LabeledProbabilities(meanOf: [sure]) == sure)
    }

    @Test func impossibleTruthHasAFiniteLoss() {
        let tiles = LabeledProbabilities(classes: 2, rows: [0, 1, 1, 0], targets: [0, 0])
        #expect(tiles.losses[0] > 700 && tiles.losses[0].isFinite && tiles.losses[1] == 0)
        #expect(tiles.logOdds(of: 0)[0] < -700 && tiles.logOdds(of: 0)[1] > 700)
        #expect(tiles.logOdds(of: 0).allSatisfy { $0.isFinite })
    }

    /// Training tiles of one model are test tiles of none.
    @Test func ensemblesAreTestedOnTilesThatAllModelsHeldOut() throws {
        let set = try SyntheticTiles.set.get()
        func record(seed: UInt64) throws -> (split: Split, record: SplitRecord) {
            var settings = Split.Settings()
            settings.seed = seed
            settings.testShare = 0.5
            let split = try Split(set, settings)
            return (split, SplitRecord(split, of: set, settings, chosenOn: .test))
        }
        let (first, second) = (try record(seed: 1), try record(seed: 2))
        let common = SplitRecord.indices(of: .test, in: set, for: [first.record, second.record])
        #expect(Set(common) == Set(first.split.test).intersection(second.split.test))
        #expect(!common.isEmpty && common.count < first.split.test.count)
        #expect(Set(common).isDisjoint(with: first.split.train + second.split.train))
        #expect(SplitRecord.indices(of: .test, in: set, for: [first.record]) == first.split.test)
        #expect(SplitRecord.indices(of: .unseen, in: set, for: [first.record, second.record]).isEmpty)
    }
}
