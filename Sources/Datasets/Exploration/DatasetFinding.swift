import Foundation

/// Something about a data set that a careful person would appearance into, in words.
package struct DatasetFinding: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable {
        case cannotSplit, contradictoryLabels, nearDuplicatesAcrossParts, nearDuplicateConflicts
        case exactDuplicates, nearDuplicates
        case noGroups, ungroupedTiles, oneClassGroups, imbalance, simpleBaseline
        case blank, blurred, saturated, penMarked
    }

    package enum Severity: String, Codable, Sendable {
        /// Scores cannot be trusted before this is looked into.
        case serious
        /// Good to know.
        case note
    }

    package let kind: Kind
    package let severity: Severity
    package let text: String

    /// The findings on a data set, serious ones first.
    static func findings(
        _ counts: ClassCounts, _ groups: [GroupSummary], _ split: SplitSummary, _ quality: [QualityFinding],
        _ duplicates: Duplicates, _ baseline: SimpleBaseline?, labels: [TileLabel?]
    ) -> [DatasetFinding] {
        var findings = [DatasetFinding]()
        func add(_ kind: Kind, _ severity: Severity, _ text: String) {
            findings.append(DatasetFinding(kind: kind, severity: severity, text: text))
        }
        if let problem = split.problem { add(.cannotSplit, .serious, "cannot be split for training: \(problem)") }
        let contradictory = duplicates.exact.count(where: \.isConflict)
        if contradictory > 0 {
            add(
                .contradictoryLabels, .serious,
                "\(number(contradictory, "set")) of tiles with the same pixels, but different labels")
        }
        let leaks = duplicates.near.count(where: \.isAcrossParts)
        if leaks > 0 {
            add(
                .nearDuplicatesAcrossParts, .serious,
                "\(number(leaks, "pair")) of near-duplicates across the parts of the split: scores will flatter; give "
                    + "such tiles one group")
        }
        let conflicts = duplicates.near.count(where: \.isConflict)
        if conflicts > 0 {
            add(
                .nearDuplicateConflicts, .serious,
                "\(number(conflicts, "pair")) of near-duplicates with different labels")
        }
        if !duplicates.exact.isEmpty {
            let tiles = duplicates.exact.reduce(0) { $0 + $1.tiles.count - 1 }
            add(
                .exactDuplicates, .note,
                "\(number(tiles, "tile")) with the pixels of another; they count more than once")
        }
        if !duplicates.near.isEmpty {
            add(.nearDuplicates, .note, "\(number(duplicates.near.count, "pair")) of near-duplicates")
        }
        addGroups(counts, groups, add)
        addBaseline(counts, baseline, add)
        addQuality(quality, labels, add)
        return findings.filter { $0.severity == .serious } + findings.filter { $0.severity == .note }
    }

    private typealias Add = (Kind, Severity, String) -> Void

    private static func addGroups(_ counts: ClassCounts, _ groups: [GroupSummary], _ add: Add) {
        if groups.isEmpty, counts.labeled > 0 {
            add(
                .noGroups, .serious,
                "no column group in labels.csv: tiles of one slide may be in training and in the test, which flatters")
        }
        if let ungrouped = groups.first(where: { $0.name == nil }) {
            add(
                .ungroupedTiles, .note,
                "\(number(ungrouped.counts.total, "tile")) of no group; each counts as one of its own")
        }
        let named = groups.filter { $0.name != nil && $0.counts.labeled > 0 }
        let oneClass = named.filter(\.counts.hasOneClassOnly)
        if !oneClass.isEmpty {
            let tiles = oneClass.reduce(0) { $0 + $1.counts.labeled }
            add(
                .oneClassGroups, .note,
                "\(oneClass.count) of \(named.count) groups with labels have one class only, "
                    + "\(percent(Double(tiles) / Double(counts.labeled))) of the labeled tiles: their appearance can stand "
                    + "in for the class")
        }
    }

    private static func addBaseline(_ counts: ClassCounts, _ baseline: SimpleBaseline?, _ add: Add) {
        if counts.labeled > 0, max(counts.nuclei, counts.noNucleus) > 3 * min(counts.nuclei, counts.noNucleus) {
            add(
                .imbalance, .note,
                "the classes are unbalanced: \(counts.nuclei) \(TileLabel.nuclei.name), "
                    + "\(counts.noNucleus) \(TileLabel.noNucleus.name)")
        }
        guard let baseline else { return }
        add(
            .simpleBaseline, .note,
            "color and texture alone tell the class in \(percent(baseline.accuracy)) of the tiles of unseen groups "
                + "(always the same class: \(percent(baseline.majorityAccuracy))): a network must beat that")
    }

    private static func addQuality(_ quality: [QualityFinding], _ labels: [TileLabel?], _ add: Add) {
        let kinds: [(QualityProblem, Kind, String)] = [
            (.blank, .blank, "blank"), (.blurred, .blurred, "blurred"), (.saturated, .saturated, "saturated"),
            (.penMarked, .penMarked, "pen-marked"),
        ]
        for (problem, kind, word) in kinds {
            let found = ClassCounts(quality.filter { $0.problem == problem }.map { labels[$0.tile] })
            guard found.total > 0 else { continue }
            let classes = [
                (found.nuclei, TileLabel.nuclei.name), (found.noNucleus, TileLabel.noNucleus.name),
                (found.unlabeled, "unlabeled"),
            ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
            add(kind, .note, "\(number(found.total, "\(word) tile")): \(classes.joined(separator: ", "))")
        }
    }

    private static func number(_ count: Int, _ what: String) -> String { "\(count) \(what)\(count == 1 ? "" : "s")" }
    private static func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }
}
