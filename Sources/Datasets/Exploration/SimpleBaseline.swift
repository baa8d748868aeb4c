/// How well a dozen simple numbers tell the classes apart: what a network has to beat to have learned about nuclei.
///
/// A logistic regression on the color and texture of whole tiles, scored on groups that it has not seen. A high
/// number means that the classes differ in stain, brightness or sharpness, by nature or because they come from other
/// sources.
package struct SimpleBaseline: Codable, Equatable, Sendable {
    /// Of the scored tiles' share that is classified correctly.
    package let accuracy: Double
    /// Mean of the classes' shares that are classified correctly; 0.5 is chance.
    package let balancedAccuracy: Double
    /// Accuracy of always saying the more frequent class.
    package let majorityAccuracy: Double
    /// Accuracy of saying for each group its more frequent class, knowing it: nothing but the group can reach that.
    package let groupAccuracy: Double?
    package let folds: Int
    package let tiles: Int
    /// What the regression sees.
    package let statistics: [String]

    private static let wantedFolds = 5

    /// Cross-validates over the labeled tiles, whole groups at a time; nil when the groups do not suffice for both
    /// classes in every fold's training part.
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

    /// For each tile its fold. The largest groups are placed first, each where it leaves the classes most evenly
    /// spread.
    private static func folds(_ groups: [Int], _ isNuclei: [Bool]) -> [Int] {
        let members = Dictionary(grouping: groups.indices) { groups[$0] }
        let order = members.keys.sorted { (-members[$0]!.count, $0) < (-members[$1]!.count, $1) }
        let count = min(wantedFolds, order.count)
        let totals = [Double(max(1, isNuclei.count { !$0 })), Double(max(1, isNuclei.count { $0 }))]
        var shares = [[Double]](repeating: [0, 0], count: count)
        var result = groups
        for group in order {
            let nuclei = Double(members[group]!.count { isNuclei[$0] })
            let own = [(Double(members[group]!.count) - nuclei) / totals[0], nuclei / totals[1]]
            // How much the sum of the squared shares would grow.
            let growth = shares.map { 2 * ($0[0] * own[0] + $0[1] * own[1]) }
            let fold = growth.indices.min { (growth[$0], $0) < (growth[$1], $1) }!
            shares[fold][0] += own[0]
            shares[fold][1] += own[1]
            for member in members[group]! { result[member] = fold }
        }
        return result
    }
}
