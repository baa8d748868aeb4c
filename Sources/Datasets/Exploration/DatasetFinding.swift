import Foundations

/// A possible problem of a data set, in words.
package struct DatasetFinding: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable {
        case cannotSplit, contradictoryLabels, nearDuplicatesAcrossParts, nearDuplicateConflicts
        case exactDuplicates, nearDuplicates
        case noGroups, ungroupedTiles, oneClassGroups, imbalance, simpleBaseline
        case blank, blurred, saturated, penMarked
        case cutImages, unknownResolutions
    }

    package enum Severity: String, Codable, Sendable {
        /// Makes scores unreliable; check it first.
        case serious
        /// For information.
        case note
    }

    package let kind: Kind
    package let severity: Severity
    package let text: String

    private init(_ kind: Kind, _ severity: Severity, _ text: String) {
        (self.kind, self.severity, self.text) = (kind, severity, text)
    }

    /// All findings on a data set, serious ones first.
    static func all(
        _ counts: ClassCounts, _ groups: [GroupSummary], _ split: SplitSummary, _ quality: [QualityFinding],
        _ duplicates: Duplicates, _ baseline: SimpleBaseline?, _ tiles: [Tile]
    ) -> [DatasetFinding] {
        let all =
            (split.problem.map { [.init(.cannotSplit, .serious, "cannot be split for training: \($0)")] } ?? [])
            + findings(on: duplicates) + findings(on: groups, counts) + findings(on: counts, baseline)
            + findings(on: quality, tiles) + findings(on: tiles)
        return all.filter { $0.severity == .serious } + all.filter { $0.severity == .note }
    }

    private static func findings(on duplicates: Duplicates) -> [DatasetFinding] {
        var findings = [DatasetFinding]()
        let contradictory = duplicates.exact.count(where: \.isConflict)
        if contradictory > 0 {
            findings.append(
                .init(
                    .contradictoryLabels, .serious,
                    "\(contradictory.counted("set")) of tiles with the same pixels and different labels"))
        }
        let leaks = duplicates.near.count(where: \.isAcrossParts)
        if leaks > 0 {
            findings.append(
                .init(
                    .nearDuplicatesAcrossParts, .serious,
                    "\(leaks.counted("pair")) of near-duplicates across parts of the split: scores are optimistic; put "
                        + "such tiles in one group"))
        }
        let conflicts = duplicates.near.count(where: \.isConflict)
        if conflicts > 0 {
            findings.append(
                .init(
                    .nearDuplicateConflicts, .serious,
                    "\(conflicts.counted("pair")) of near-duplicates with different labels"))
        }
        if !duplicates.exact.isEmpty {
            let tiles = duplicates.exact.reduce(0) { $0 + $1.tiles.count - 1 }
            findings.append(
                .init(
                    .exactDuplicates, .note,
                    "\(tiles.counted("exact copy", plural: "exact copies")) of other tiles, which count more than once")
            )
        }
        if !duplicates.near.isEmpty {
            findings.append(
                .init(.nearDuplicates, .note, "\(duplicates.near.count.counted("pair")) of near-duplicates"))
        }
        return findings
    }

    private static func findings(on groups: [GroupSummary], _ counts: ClassCounts) -> [DatasetFinding] {
        var findings = [DatasetFinding]()
        if groups.isEmpty, counts.labeled > 0 {
            findings.append(
                .init(
                    .noGroups, .serious,
                    "no groups: tiles of one slide may be in both training and test, which makes "
                        + "scores optimistic"))
        }
        if let ungrouped = groups.first(where: { $0.name == nil }) {
            findings.append(
                .init(
                    .ungroupedTiles, .note,
                    "\(ungrouped.counts.total.counted("tile")) without a group; each counts as its own group"))
        }
        let named = groups.filter { $0.name != nil && $0.counts.labeled > 0 }
        let oneClass = named.filter(\.counts.hasOneClassOnly)
        if !oneClass.isEmpty, !counts.hasOneClassOnly {
            let tiles = oneClass.reduce(0) { $0 + $1.counts.labeled }
            findings.append(
                .init(
                    .oneClassGroups, .note,
                    "\(oneClass.count) of \(named.count) labeled groups have one class only, "
                        + "\(percent(Double(tiles) / Double(counts.labeled))) of the labeled tiles: a network may learn "
                        + "the look of a group instead of the class"))
        }
        return findings
    }

    private static func findings(on counts: ClassCounts, _ baseline: SimpleBaseline?) -> [DatasetFinding] {
        var findings = [DatasetFinding]()
        if counts.nuclei > 0, counts.noNucleus == 0 {
            findings.append(
                .init(
                    .imbalance, .note,
                    "no tile is labeled \(TileLabel.noNucleus.name): a network learns little of tissue that has no nuclei"
                ))
        } else if counts.labeled > 0, max(counts.nuclei, counts.noNucleus) > 3 * min(counts.nuclei, counts.noNucleus) {
            findings.append(
                .init(
                    .imbalance, .note,
                    "the classes are unbalanced: \(counts.nuclei) \(TileLabel.nuclei.name), "
                        + "\(counts.noNucleus) \(TileLabel.noNucleus.name)"))
        }
        if let baseline {
            findings.append(
                .init(
                    .simpleBaseline, .note,
                    "color and texture alone predict the class of \(percent(baseline.accuracy)) of the tiles of held-out "
                        + "groups (always the same class: \(percent(baseline.majorityAccuracy))); a network must do "
                        + "better"))
        }
        return findings
    }

    private static func findings(on tiles: [Tile]) -> [DatasetFinding] {
        var findings = [DatasetFinding]()
        let parts = tiles.filter(\.isPart)
        if !parts.isEmpty {
            let unlabeled = parts.count { $0.label == nil }
            findings.append(
                .init(
                    .cutImages, .note,
                    "\(parts.count.counted("tile")) cut from larger images, \(unlabeled) of them unlabeled"))
        }
        let unknown = tiles.count { $0.micronsPerPixel == nil }
        if unknown > 0, unknown < tiles.count {
            findings.append(
                .init(
                    .unknownResolutions, .note,
                    "\(unknown.counted("tile")) of unknown resolution, which cannot be resampled like the others"))
        }
        return findings
    }

    private static func findings(on quality: [QualityFinding], _ tiles: [Tile]) -> [DatasetFinding] {
        let kinds: [(QualityProblem, Kind, String)] = [
            (.blank, .blank, "blank"), (.blurred, .blurred, "blurred"), (.saturated, .saturated, "saturated"),
            (.penMarked, .penMarked, "pen-marked"),
        ]
        return kinds.compactMap { problem, kind, word in
            let found = ClassCounts(quality.filter { $0.problem == problem }.map { tiles[$0.tile].label })
            guard found.total > 0 else { return nil }
            let classes = [
                (found.nuclei, TileLabel.nuclei.name), (found.noNucleus, TileLabel.noNucleus.name),
                (found.unlabeled, "unlabeled"),
            ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
            return .init(kind, .note, "\(found.total.counted("\(word) tile")): \(classes.joined(separator: ", "))")
        }
    }

    private static func percent(_ share: Double) -> String { "\(String(share * 100, decimals: 1)) %" }
}
