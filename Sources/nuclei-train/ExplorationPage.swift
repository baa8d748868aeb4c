import Datasets
import Foundation
import Reports

extension ExplorationReport {
    private static let pictured = 12

    init(_ exploration: Exploration, _ set: TileSet) throws {
        self.init()
        let counts = exploration.counts
        title = URL(fileURLWithPath: exploration.dataset).lastPathComponent
        subtitle = "\(exploration.dataset), \(counts.total) tiles"
        headline = [
            ("\(counts.nuclei)", "NUCLEI"), ("\(counts.noNucleus)", "NO_NUCLEUS"),
            ("\(counts.unlabeled)", "unlabeled"),
        ]
        if exploration.hasGroups { headline.append(("\(exploration.groups.count)", "groups")) }
        if let baseline = exploration.baseline {
            headline.append((String(format: "%.3f", baseline.accuracy), "accuracy of colour and texture alone"))
        }
        remarks = exploration.findings.map { ($0.severity == .serious ? "Serious: " : "") + $0.text }
        tables = Self.tables(exploration)
        histograms = Self.histograms(exploration)
        explained = exploration.components.explained
        components = ["NUCLEI", "NO_NUCLEUS", "unlabeled"].map { name in
            let points = exploration.tiles.indices.filter { (exploration.tiles[$0].label ?? "unlabeled") == name }
                .map { exploration.components.coordinates[$0] }.filter { $0.count >= 2 }
            return (name, points.map { .init(Double($0[0]), Double($0[1])) })
        }
        samples = try Self.samples(exploration, set)
        findings = try Self.findings(exploration, set)
        if exploration.hasGroups { groups = Self.groupTable(exploration) }
    }

    private static func tables(_ exploration: Exploration) -> [Page.Table] {
        let parts = [("all", exploration.counts)] + exploration.split.parts.map { ($0.name.rawValue, $0.counts) }
        let pixels = exploration.pixels.flatMap { part in
            part.channels.map { channel, values in
                [
                    part.name, channel, String(format: "%.1f", values.mean), String(format: "%.1f", values.deviation),
                    "\(values.minimum) to \(values.maximum)",
                ]
            }
        }
        return [
            Page.Table(
                "Labels, and the parts that training would make", ["part", "NUCLEI", "NO_NUCLEUS", "unlabeled"],
                parts.map { [$0.0, "\($0.1.nuclei)", "\($0.1.noNucleus)", "\($0.1.unlabeled)"] }),
            Page.Table("Pixel values, 0 to 255", ["tiles", "channel", "mean", "deviation", "range"], pixels),
        ]
    }

    private static func histograms(_ exploration: Exploration) -> [Histogram] {
        ["red", "green", "blue"].map { channel in
            Histogram(
                channel: channel,
                classes: exploration.pixels.filter { $0.name != "all" }.compactMap { part in
                    let histogram = part.channels.first { $0.name == channel }!.values.histogram
                    let total = Double(histogram.reduce(0, +))
                    return total == 0 ? nil : (part.name, histogram.map { Double($0) / total })
                })
        }
    }

    /// Tiles spread evenly over each class.
    private static func samples(_ exploration: Exploration, _ set: TileSet) throws -> [Album] {
        try ["NUCLEI", "NO_NUCLEUS", "unlabeled"].compactMap { name in
            let all = exploration.tiles.indices.filter { (exploration.tiles[$0].label ?? "unlabeled") == name }
            guard !all.isEmpty else { return nil }
            let count = min(pictured, all.count)
            let chosen = (0..<count).map { all[$0 * all.count / count] }
            return Album(
                "\(name): samples", "\(count) of \(all.count) tiles, spread over the data set.",
                try chosen.map { try picture($0, exploration, set) })
        }
    }

    private static func findings(_ exploration: Exploration, _ set: TileSet) throws -> [Album] {
        let names: [(QualityProblem, String, String)] = [
            (.blank, "Blank tiles", "grey levels of contrast"), (.blurred, "Blurred tiles", "pixels wide edges"),
            (.saturated, "Saturated tiles", "of the pixels clipped"), (.penMarked, "Pen marks", "of the pixels ink"),
        ]
        var albums = try names.compactMap { problem, title, unit -> Album? in
            let found = exploration.quality.filter { $0.problem == problem }
            guard let first = found.first else { return nil }
            let text =
                "\(found.count) tiles are beyond \(String(format: "%.3g", first.threshold)) \(unit); the worst first."
            return Album(
                title, text,
                try found.prefix(pictured).map {
                    try picture($0.tile, exploration, set, String(format: "%.3g", $0.value) + " \(unit)")
                })
        }
        let exact = exploration.duplicates.exact.sorted { $0.isConflict && !$1.isConflict }
        if !exact.isEmpty {
            let sets = try exact.prefix(pictured / 2).map { same in
                try same.tiles.prefix(4).map {
                    try picture($0, exploration, set, same.isConflict ? "labels differ" : "")
                }
            }
            albums.append(
                Album("The same pixels", "\(exact.count) sets of tiles, those with other labels first.", [], sets: sets)
            )
        }
        let near = exploration.duplicates.near.sorted {
            ($0.isConflict || $0.isAcrossParts ? 1 : 0, $0.pair.correlation)
                > ($1.isConflict || $1.isAcrossParts ? 1 : 0, $1.pair.correlation)
        }
        if !near.isEmpty {
            let sets = try near.prefix(pictured / 2).map { found in
                try [found.pair.first, found.pair.second].map {
                    try picture($0, exploration, set, String(format: "alike: %.3f", found.pair.correlation))
                }
            }
            albums.append(
                Album(
                    "Nearly the same",
                    "\(near.count) pairs of tiles, those across parts of the split or with other labels first.", [],
                    sets: sets))
        }
        return albums
    }

    private static func picture(
        _ index: Int, _ exploration: Exploration, _ set: TileSet, _ remark: String = ""
    ) throws -> Page.Picture {
        let tile = exploration.tiles[index]
        let lines = [tile.filename, tile.label ?? "unlabeled", tile.group ?? "", tile.part?.rawValue ?? "", remark]
        return try set.picture(of: index, lines.filter { !$0.isEmpty })
    }

    private static func groupTable(_ exploration: Exploration) -> Page.Table {
        let largest = 200
        let groups = exploration.groups.sorted { ($1.counts.total, $0.name ?? "") < ($0.counts.total, $1.name ?? "") }
        let rows = groups.prefix(largest).map { group in
            [
                group.name ?? "(no group)", "\(group.counts.nuclei)", "\(group.counts.noNucleus)",
                "\(group.counts.unlabeled)",
                group.mean.map { String(format: "%.0f", $0) }.joined(separator: " "),
                group.edgeWidth.map { String(format: "%.1f", $0) } ?? "-",
            ]
        }
        let more = groups.count > largest ? ", the \(largest) largest of \(groups.count)" : ""
        return Page.Table(
            "Tiles by group\(more)",
            ["group", "NUCLEI", "NO_NUCLEUS", "unlabeled", "mean red green blue", "edge width, px"], rows)
    }
}
