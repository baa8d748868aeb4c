/// Performance on the tiles of one group (slide, patient or source image).
package struct GroupScore: Codable, Equatable, Sendable {
    /// Nil for the tiles without a group.
    package let group: String?
    package let tiles: Int
    /// Tiles by class name.
    package let counts: [String: Int]
    package let accuracy: Double
    /// Recall by class name, without classes that have no tile in the group.
    package let recall: [String: Double]
    package let loss: Double

    /// Scores of all groups, the worst first: by accuracy, then by loss, then by name.
    package static func all(
        of probabilities: LabeledProbabilities, groups: [String?], names: [String]
    ) -> [GroupScore] {
        precondition(groups.count == probabilities.targets.count && names.count == probabilities.classes)
        let (predictions, losses) = (probabilities.predictions, probabilities.losses)
        let members = Dictionary(grouping: groups.indices) { groups[$0] }
        let scores = members.map { group, tiles in
            let confusion = ConfusionMatrix(
                truth: tiles.map { probabilities.targets[$0] }, predictions: tiles.map { predictions[$0] },
                classes: names.count)
            return GroupScore(
                group: group, tiles: tiles.count,
                counts: Dictionary(
                    uniqueKeysWithValues: names.indices.map { (names[$0], confusion.metrics(of: $0).support) }),
                accuracy: confusion.accuracy,
                recall: Dictionary(
                    uniqueKeysWithValues: names.indices.compactMap { index in
                        confusion.metrics(of: index).recall.map { (names[index], $0) }
                    }),
                loss: tiles.reduce(0) { $0 + losses[$1] } / Double(tiles.count))
        }
        return scores.sorted { a, b in
            if a.accuracy != b.accuracy { return a.accuracy < b.accuracy }
            if a.loss != b.loss { return a.loss > b.loss }
            return (a.group ?? "") < (b.group ?? "")
        }
    }
}
