/// The accuracy of a simple classifier, which a network must exceed to have learned more than color and texture.
///
/// The classifier is a logistic regression on a dozen statistics of whole tiles, scored by cross-validation over groups.
/// A high accuracy means that the classes differ in stain, brightness or sharpness, perhaps because they come from
/// different sources.
package struct SimpleBaseline: Codable, Equatable, Sendable {
    /// The share of correct predictions.
    package let accuracy: Double
    /// The mean over classes of the share of correct predictions; 0.5 is chance.
    package let balancedAccuracy: Double
    /// The accuracy of always predicting the more frequent class.
    package let majorityAccuracy: Double
    /// The accuracy of predicting for each group its own more frequent class; nil for a data set without groups. It is
    /// the best accuracy that recognizing the group alone can reach.
    package let groupAccuracy: Double?
    package let folds: Int
    /// The number of labeled tiles.
    package let tiles: Int
    /// The names of the inputs.
    package let statistics: [String]

    private static let largestFoldCount = 5

    /// Cross-validates over the labeled tiles, with whole groups in one fold. Nil where the training tiles of a fold
    /// would have one class only.
    init?(_ tiles: [Tile], _ measures: [TileMeasures]) {
        let labeled = tiles.indices.filter { tiles[$0].label != nil }
        let isNuclei = labeled.map { tiles[$0].label == .nuclei }
        let inputs = labeled.map { Self.inputs(measures[$0]).map(\.1) }
        let groups = Split.groups(of: tiles)
        let folds = Self.folds(labeled.map { groups[$0] }, isNuclei)
        let count = (folds.max() ?? -1) + 1
        guard count >= 2 else { return nil }
        var correct = [0, 0]
        for fold in 0..<count {
            let training = labeled.indices.filter { folds[$0] != fold }
            let classes = Set(training.map { isNuclei[$0] })
            guard classes.count == 2 else { return nil }
            let model = LogisticRegression(training.map { inputs[$0] }, training.map { isNuclei[$0] })
            for place in labeled.indices where folds[place] == fold {
                let isCorrect = (model.probability(inputs[place]) > 0.5) == isNuclei[place]
                correct[isNuclei[place] ? 1 : 0] += isCorrect ? 1 : 0
            }
        }
        let totals = [isNuclei.count { !$0 }, isNuclei.count { $0 }]
        let all = Double(labeled.count)
        accuracy = Double(correct[0] + correct[1]) / all
        balancedAccuracy = zip(correct, totals).reduce(0) { $0 + Double($1.0) / Double($1.1) } / 2
        majorityAccuracy = Double(totals.max()!) / all
        self.folds = count
        self.tiles = labeled.count
        statistics = Self.inputs(measures[labeled[0]]).map(\.0)
        guard tiles.contains(where: { $0.group != nil }) else {
            groupAccuracy = nil
            return
        }
        let byGroup = Dictionary(grouping: labeled.indices) { groups[labeled[$0]] }
        let best = byGroup.values.reduce(0) { sum, members in
            let nuclei = members.count { isNuclei[$0] }
            return sum + max(nuclei, members.count - nuclei)
        }
        groupAccuracy = Double(best) / all
    }

    /// The inputs of the regression, with their names.
    private static func inputs(_ measures: TileMeasures) -> [(String, Double)] {
        let colors = ["red", "green", "blue"]
        return zip(colors, measures.mean).map { ("mean \($0)", $1) }
            + zip(colors, measures.deviation).map { ("deviation \($0)", $1) }
            + zip([5, 50, 95], measures.luminancePercentiles).map { ("luminance percentile \($0)", Double($1)) }
            + [
                ("colorfulness", measures.colorfulness), ("gradient", measures.gradient),
                ("contrast", measures.contrast),
            ]
    }

    /// The fold of each tile. Assigns groups from the largest on, each to the fold that leaves the classes most evenly
    /// spread.
    private static func folds(_ groups: [Int], _ isNuclei: [Bool]) -> [Int] {
        let members = Dictionary(grouping: groups.indices) { groups[$0] }
        let order = members.keys.sorted { (-members[$0]!.count, $0) < (-members[$1]!.count, $1) }
        let count = min(largestFoldCount, order.count)
        let totals = [Double(max(1, isNuclei.count { !$0 })), Double(max(1, isNuclei.count { $0 }))]
        var shares = [[Double]](repeating: [0, 0], count: count)
        var result = groups
        for group in order {
            let nuclei = Double(members[group]!.count { isNuclei[$0] })
            let own = [(Double(members[group]!.count) - nuclei) / totals[0], nuclei / totals[1]]
            // The growth of the sum of squared shares, except for a constant.
            let growth = shares.map { 2 * ($0[0] * own[0] + $0[1] * own[1]) }
            let fold = growth.indices.min { (growth[$0], $0) < (growth[$1], $1) }!
            shares[fold][0] += own[0]
            shares[fold][1] += own[1]
            for member in members[group]! { result[member] = fold }
        }
        return result
    }
}
