import Console
import Datasets
import Foundation

/// What a person wants to see of an exploration at once: tables on the standard output.
struct ExplorationSummary {
    private let exploration: Exploration
    private static let listed = 8

    init(_ exploration: Exploration) { self.exploration = exploration }

    func show() {
        showCounts()
        showPixels()
        showGroups()
        showQuality()
        showDuplicates()
        showStructure()
        Terminal.printLine("\nto look into")
        for remark in exploration.findings {
            Terminal.printLine("  \(remark.severity == .serious ? "!" : "-") \(remark.text)")
        }
        if exploration.findings.isEmpty { Terminal.printLine("  nothing") }
    }

    private func showCounts() {
        Terminal.printLine("tiles          NUCLEI  NO_NUCLEUS   unlabeled")
        let rows =
            [("all", exploration.counts)] + exploration.split.parts.map { ($0.name.rawValue, $0.counts) }
        for (name, counts) in rows { Terminal.printLine(name.padded(12) + Self.numbers(counts)) }
    }

    private static func numbers(_ counts: ClassCounts) -> String {
        String(counts.nuclei).padded(-9) + String(counts.noNucleus).padded(-12) + String(counts.unlabeled).padded(-12)
    }

    private func showPixels() {
        Terminal.printLine(
            "\npixels        red: mean  dev    range   green: mean  dev    range   blue: mean  dev    range")
        for part in exploration.pixels {
            let columns = part.channels.map { _, values in
                String(
                    format: "%13.1f %5.1f  %3d-%3d", values.mean, values.deviation, values.minimum, values.maximum)
            }
            Terminal.printLine(part.name.padded(11) + columns.joined(separator: " "))
        }
    }

    private func showGroups() {
        guard exploration.hasGroups else { return }
        let groups = exploration.groups.sorted { ($1.counts.total, $0.name ?? "") < ($0.counts.total, $1.name ?? "") }
        let width = max(24, groups.prefix(Self.listed).map { ($0.name ?? "no group").count }.max() ?? 0) + 2
        Terminal.printLine(
            "\n" + "\(groups.count) groups, largest".padded(width)
                + "  NUCLEI  NO_NUCLEUS   unlabeled     red  green   blue  edge width")
        for group in groups.prefix(Self.listed) {
            let colours = group.mean.map { String(format: "%7.1f", $0) }.joined()
            let edges = group.edgeWidth.map { String(format: "%9.1f px", $0) } ?? "-".padded(-12)
            Terminal.printLine(
                (group.name ?? "no group").padded(width - 1) + Self.numbers(group.counts) + " \(colours)\(edges)")
        }
        if groups.count > Self.listed { Terminal.printLine("... \(groups.count - Self.listed) more") }
    }

    private func showQuality() {
        let limits = exploration.thresholds
        let rows: [(QualityProblem, String, String)] = [
            (.blank, "blank", String(format: "contrast below %.1f grey levels", limits.contrast)),
            (.blurred, "blurred", String(format: "edges wider than %.1f px", limits.edgeWidth)),
            (.saturated, "saturated", String(format: "over %.0f %% clipped pixels", limits.clippedShare * 100)),
            (.penMarked, "pen-marked", String(format: "over %.0f %% ink", limits.inkShare * 100)),
        ]
        Terminal.printLine("\nquality       tiles  meaning                              worst first")
        for (problem, name, meaning) in rows {
            let found = exploration.quality.filter { $0.problem == problem }
            let names = found.prefix(3).map { exploration.tiles[$0.tile].filename }.joined(separator: " ")
            Terminal.printLine(
                (name.padded(12) + String(found.count).padded(-7) + "  " + meaning.padded(37) + names)
                    .trimmingCharacters(in: .whitespaces))
        }
    }

    private func showDuplicates() {
        let (exact, near) = (exploration.duplicates.exact, exploration.duplicates.near)
        Terminal.printLine("\nduplicates             other labels  other groups  across the split")
        let rows = [
            ("exact sets", exact.count, exact.count { $0.isConflict }, exact.count { $0.isAcrossGroups }, nil),
            (
                "near pairs", near.count, near.count { $0.isConflict }, near.count { $0.isAcrossGroups },
                near.count { $0.isAcrossParts }
            ),
        ]
        for (name, count, conflicts, groups, parts) in rows {
            Terminal.printLine(
                name.padded(12) + String(count).padded(-7) + String(conflicts).padded(-16) + String(groups).padded(-14)
                    + (parts.map(String.init) ?? "never").padded(-18))
        }
        for set in exact.filter(\.isConflict).prefix(Self.listed) {
            Terminal.printLine("same pixels, other labels: \(set.tiles.map(described).joined(separator: ", "))")
        }
        let worst = near.filter { $0.isConflict || $0.isAcrossParts }.sorted {
            $0.pair.correlation > $1.pair.correlation
        }
        for pair in worst.prefix(Self.listed) {
            let numbers = String(format: "%.2f", pair.pair.correlation)
            Terminal.printLine("alike (\(numbers)): \(described(pair.pair.first)), \(described(pair.pair.second))")
        }
    }

    private func described(_ index: Int) -> String {
        let tile = exploration.tiles[index]
        let details = [tile.label ?? "unlabeled", tile.part?.rawValue].compactMap { $0 }
        return "\(tile.filename) (\(Set(details).count == 1 ? details[0] : details.joined(separator: ", ")))"
    }

    private func showStructure() {
        let shares = exploration.components.explained.map { String(format: "%.1f %%", $0 * 100) }
        if !shares.isEmpty {
            Terminal.printLine("\nprincipal components of 32 x 32 thumbnails explain \(shares.joined(separator: ", "))")
        }
        guard let baseline = exploration.baseline else { return }
        Terminal.printLine(
            String(
                format: "colour and texture alone: accuracy %.3f, balanced %.3f (%d folds of whole groups)",
                baseline.accuracy, baseline.balancedAccuracy, baseline.folds))
        let group = baseline.groupAccuracy.map { String(format: ", the class of each group's majority %.3f", $0) } ?? ""
        Terminal.printLine(String(format: "always the same class %.3f", baseline.majorityAccuracy) + group)
    }
}
