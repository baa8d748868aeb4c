import Datasets
import Foundation

/// What labelled tiles say of the probabilities that they were given.
package struct Assessment: Encodable, Sendable {
    package struct Estimate: Encodable, Equatable, Sendable {
        package let value: Double
        /// Where 95 % of the resamples lie (see `Bootstrap`); nil where there are too few groups to say.
        package let interval: Interval?
    }

    /// By the name of the figure; without figures that these tiles do not define.
    package let figures: [String: Estimate]
    /// nil without tiles.
    package let brierScore: Double?
    package let reliability: Reliability
    /// How many groups were resampled; a tile without a group counts as one.
    package let resampledGroups: Int

    /// `tiles`: classes in the order of `TileLabel`.
    package init(_ tiles: LabelledProbabilities, groups: [String?], _ bootstrap: Bootstrap = Bootstrap()) {
        let numbers = Bootstrap.numbers(of: groups)
        let count = (numbers.max() ?? -1) + 1
        let weighted = WeightedFigures(tiles, groups: numbers, positive: TileLabel.nuclei.rawValue)
        let values = weighted.values(Array(repeating: 1, count: count))
        let intervals = bootstrap.intervals(groups: count, weighted.values)
        var figures = [String: Estimate]()
        for (index, figure) in Figure.allCases.enumerated() {
            guard let value = values[index] else { continue }
            figures[figure.rawValue] = Estimate(value: value, interval: intervals[index])
        }
        self.figures = figures
        brierScore = Training.brierScore(probabilities: tiles.rows, classes: tiles.classes, targets: tiles.targets)
        reliability = tiles.reliability()
        resampledGroups = count
    }

    package subscript(figure: Figure) -> Estimate? { figures[figure.rawValue] }
}
