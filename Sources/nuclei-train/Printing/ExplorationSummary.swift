import Console
import Datasets
import Foundations

/// Prints the main results of an exploration as tables.
struct ExplorationSummary {
    private let exploration: Exploration
    private static let listed = 8

    init(_ exploration: Exploration) { self.exploration = exploration }

    func show() {
        showCounts()
        showOutlines()
        showPixels()
        showGroups()
        showQuality()
        showDuplicates()
        showStructure()
        Terminal.printLine()
        Terminal.printLine("to look into")
        for finding in exploration.findings {
            Terminal.printLine("  \(finding.severity == .serious ? "!" : "-") \(finding.text)")
        }
        if exploration.findings.isEmpty { Terminal.printLine("  nothing") }
    }

    private func showCounts() {
        Terminal.printLine("tiles          NUCLEI  NO_NUCLEUS   unlabeled")
        let rows =
            [("all", exploration.counts)] + exploration.split.parts.map { ($0.name.rawValue, $0.counts) }
        for (name, counts) in rows { Terminal.printLine(name.padded(12) + Self.numbers(counts)) }
    }

    private func showOutlines() {
        if let outlines = exploration.outlines {
            let nuclei = outlines.nucleiPerTile.map { String($0, decimals: 0) }
            Terminal.printLine()
            Terminal.printLine(
                "outlines of nuclei in \(outlines.tiles) tiles; nuclei a tile: median \(nuclei[1]) (10 %: \(nuclei[0]), "
                    + "90 %: \(nuclei[2])); \(String(outlines.areaShare * 100, decimals: 1)) % of the area")
        }
        guard let resolutions = exploration.resolutions else { return }
        let counts = resolutions.map { count in
            "\(count.micronsPerPixel.map { "\($0)" } ?? "unknown") (\(count.tiles))"
        }
        Terminal.printLine("microns per pixel (tiles): \(counts.joined(separator: ", "))")
    }

    private static func numbers(_ counts: ClassCounts) -> String {
        String(counts.nuclei).padded(-9) + String(counts.noNucleus).padded(-12) + String(counts.unlabeled).padded(-12)
    }

    private func showPixels() {
        Terminal.printLine()
        Terminal.printLine(
            "pixels        red: mean  dev    range   green: mean  dev    range   blue: mean  dev    range")
        for part in exploration.pixels {
            let columns = part.channels.map { _, values in
                [
                    String(values.mean, decimals: 1).padded(-13), String(values.deviation, decimals: 1).padded(-6),
                    String(values.minimum).padded(-5), "-", String(values.maximum).padded(-3),
                ].joined()
            }
            Terminal.printLine(part.name.padded(11) + columns.joined(separator: " "))
        }
    }

    private func showGroups() {
        guard exploration.hasGroups else { return }
        let groups = exploration.groups.sorted { ($1.counts.total, $0.name ?? "") < ($0.counts.total, $1.name ?? "") }
        let names = groups.map { ($0.name ?? "no group").escapingControls }
        let width = max(24, names.prefix(Self.listed).map(\.columns).max() ?? 0) + 2
        Terminal.printLine()
        Terminal.printLine(
            "\(groups.count) groups, largest".padded(width)
                + "  NUCLEI  NO_NUCLEUS   unlabeled     red  green   blue  edge width")
        for (name, group) in zip(names, groups).prefix(Self.listed) {
            let colors = group.mean.map { String($0, decimals: 1).padded(-7) }.joined()
            let edges = (group.edgeWidth.map { "\(String($0, decimals: 1)) px" } ?? "-").padded(-12)
            Terminal.printLine(
                name.padded(width - 1) + Self.numbers(group.counts) + " \(colors)\(edges)")
        }
        if groups.count > Self.listed { Terminal.printLine("... \(groups.count - Self.listed) more") }
    }

    private func showQuality() {
        let limits = exploration.thresholds
        let rows: [(QualityProblem, String, String)] = [
            (.blank, "blank", "contrast below \(String(limits.contrast, decimals: 1)) gray levels"),
            (.blurred, "blurred", "edges wider than \(String(limits.edgeWidth, decimals: 1)) px"),
            (.saturated, "saturated", "over \(String(limits.clippedShare * 100, decimals: 0)) % clipped pixels"),
            (.penMarked, "pen-marked", "over \(String(limits.inkShare * 100, decimals: 0)) % ink"),
        ]
        var table = TextTable([("quality", .left), ("tiles", .right), ("meaning", .left), ("worst first", .left)])
        for (problem, name, meaning) in rows {
            let found = exploration.quality.filter { $0.problem == problem }
            let names = found.prefix(3).map { exploration.tiles[$0.tile].filename }.joined(separator: " ")
            table.append([name, String(found.count), meaning, names])
        }
        Terminal.printLine()
        for line in table.lines { Terminal.printLine(line) }
    }

    private func showDuplicates() {
        let (exact, near) = (exploration.duplicates.exact, exploration.duplicates.near)
        Terminal.printLine()
        Terminal.printLine("duplicates             other labels  other groups  across the split")
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
            Terminal.printLine("same pixels, different labels: \(set.tiles.map(described).joined(separator: ", "))")
        }
        let worst = near.filter { $0.isConflict || $0.isAcrossParts }.sorted {
            $0.pair.correlation > $1.pair.correlation
        }
        for pair in worst.prefix(Self.listed) {
            let tiles = [pair.pair.first, pair.pair.second].map(described).joined(separator: ", ")
            Terminal.printLine("similar (correlation \(String(pair.pair.correlation, decimals: 2))): \(tiles)")
        }
    }

    private func described(_ index: Int) -> String {
        let tile = exploration.tiles[index]
        let details = [tile.label ?? "unlabeled", tile.part?.rawValue].compactMap { $0 }
        return "\(tile.filename) (\(Set(details).count == 1 ? details[0] : details.joined(separator: ", ")))"
    }

    private func showStructure() {
        let shares = exploration.components.explained.map { "\(String($0 * 100, decimals: 1)) %" }
        if !shares.isEmpty {
            Terminal.printLine()
            Terminal.printLine("principal components of 32 x 32 thumbnails explain \(shares.joined(separator: ", "))")
        }
        guard let baseline = exploration.baseline else { return }
        Terminal.printLine(
            "color and texture alone: accuracy \(String(baseline.accuracy, decimals: 3)), balanced "
                + "\(String(baseline.balancedAccuracy, decimals: 3)) (\(baseline.folds) folds of whole groups)")
        let group = baseline.groupAccuracy.map { ", majority class of each group: \(String($0, decimals: 3))" } ?? ""
        Terminal.printLine("majority class: \(String(baseline.majorityAccuracy, decimals: 3))" + group)
    }
}
