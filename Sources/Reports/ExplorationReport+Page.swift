import Datasets
import Foundations

extension ExplorationReport {
    private static let shownTiles = 12
    private static let shownCopies = 4
    private static let shownGroups = 200

    /// The page: findings that need a decision first, then the data.
    package func page() -> Page {
        let remarks = exploration.findings.map { ($0.severity == .serious ? "Serious: " : "") + $0.text }
        var sections = [
            Page.Section("To look into", remarks.isEmpty ? [.text("Nothing found.")] : [.list(remarks)]),
            Page.Section("Tiles", [.tables([partTable, pixelTable] + outlineTables)]),
            Page.Section("Samples", sampleBlocks()),
            Page.Section("Pixel values", [.figures(histogramFigures)]),
        ]
        if let scatterFigure { sections.append(Page.Section("Principal components", [.figures([scatterFigure])])) }
        let findings = qualityBlocks() + duplicateBlocks()
        if !findings.isEmpty { sections.append(Page.Section("Findings", findings)) }
        if exploration.hasGroups { sections.append(Page.Section("Groups", [.table(groupTable)])) }
        return Page(
            FilePath(exploration.dataset).name, subtitle: "\(exploration.dataset), \(exploration.counts.total) tiles",
            headline: headline, sections)
    }

    private var headline: [(value: String, name: String)] {
        var headline = zip(Self.cells(exploration.counts), Self.classNames).map { (value: $0, name: $1) }
        if exploration.hasGroups { headline.append(("\(exploration.groups.count)", "groups")) }
        if let baseline = exploration.baseline {
            headline.append((String(baseline.accuracy, decimals: 3), "accuracy from color and texture alone"))
        }
        return headline
    }

    private var partTable: Page.Table {
        let parts = [("all", exploration.counts)] + exploration.split.parts.map { ($0.name.rawValue, $0.counts) }
        return Page.Table(
            "Labels, in total and by part of the split", ["part"] + Self.classNames,
            parts.map { [$0.0] + Self.cells($0.1) })
    }

    /// Tables about outlines and resolutions; none where nothing is known of them.
    private var outlineTables: [Page.Table] {
        var tables = [Page.Table]()
        if let outlines = exploration.outlines {
            let nuclei = outlines.nucleiPerTile.map { String($0, decimals: 0) }
            tables.append(
                Page.Table(
                    "Outlines of nuclei",
                    ["tiles with outlines", "nuclei a tile: 10 %", "median", "90 %", "nuclear area"],
                    [["\(outlines.tiles)"] + nuclei + ["\(String(outlines.areaShare * 100, decimals: 1)) %"]]))
        }
        if let resolutions = exploration.resolutions {
            let rows = resolutions.map { [$0.micronsPerPixel.map { "\($0)" } ?? "unknown", "\($0.tiles)"] }
            tables.append(Page.Table("Resolutions", ["microns per pixel of the file", "tiles"], rows))
        }
        return tables
    }

    private var pixelTable: Page.Table {
        let rows = exploration.pixels.flatMap { part in
            part.channels.map { channel, values in
                [
                    part.name, channel, String(values.mean, decimals: 1), String(values.deviation, decimals: 1),
                    "\(values.minimum) to \(values.maximum)",
                ]
            }
        }
        return Page.Table("Pixel values, 0 to 255", ["tiles", "channel", "mean", "deviation", "range"], rows)
    }

    private var groupTable: Page.Table {
        let groups = exploration.groups.sorted { ($1.counts.total, $0.name ?? "") < ($0.counts.total, $1.name ?? "") }
        let rows = groups.prefix(Self.shownGroups).map { group in
            [group.name ?? "(no group)"] + Self.cells(group.counts) + [
                group.mean.map { String($0, decimals: 0) }.joined(separator: " "),
                group.edgeWidth.map { String($0, decimals: 1) } ?? "-",
            ]
        }
        let more = groups.count > Self.shownGroups ? ", the \(Self.shownGroups) largest of \(groups.count)" : ""
        return Page.Table(
            "Tiles by group\(more)", ["group"] + Self.classNames + ["mean red green blue", "edge width, px"], rows)
    }

    /// Samples of each class, spread evenly over its tiles.
    private func sampleBlocks() -> [Page.Block] {
        Self.classNames.flatMap { name -> [Page.Block] in
            let all = tiles(of: name)
            if all.isEmpty { return [] }
            let count = min(Self.shownTiles, all.count)
            let pictures = (0..<count).map { picture(all[$0 * all.count / count]) }
            return [
                .heading("\(name): samples"), .text("\(count) of \(all.count) tiles, spread over the data set."),
                .pictures(pictures),
            ]
        }
    }

    private func qualityBlocks() -> [Page.Block] {
        QualityProblem.allCases.flatMap { problem -> [Page.Block] in
            let found = exploration.quality.filter { $0.problem == problem }
            guard let first = found.first else { return [] }
            let (title, comparison, unit) =
                switch problem {
                case .blank: ("Blank tiles", "less than", "gray levels of contrast")
                case .blurred: ("Blurred tiles", "more than", "pixels of edge width")
                case .saturated: ("Saturated tiles", "more than", "of the pixels clipped")
                case .penMarked: ("Pen marks", "more than", "of the pixels in the color of ink")
                }
            let pictures = found.prefix(Self.shownTiles).map {
                picture($0.tile, "\(String($0.value, significantDigits: 3)) \(unit)")
            }
            let threshold = String(first.threshold, significantDigits: 3)
            return [
                .heading(title),
                .text(
                    "\(found.count.counted("tile")) with \(comparison) \(threshold) \(unit), the worst first"
                        + Self.shown(pictures.count, of: found.count)),
                .pictures(pictures),
            ]
        }
    }

    private func duplicateBlocks() -> [Page.Block] {
        var blocks = [Page.Block]()
        let exact = exploration.duplicates.exact.sorted { $0.isConflict && !$1.isConflict }
        if !exact.isEmpty {
            let sets = exact.prefix(Self.shownTiles / 2).map { same in
                copies(same.tiles).map { picture($0, same.isConflict ? "labels differ" : "") }
            }
            blocks += [
                .heading("Exact duplicates"),
                .text(
                    "\(exact.count.counted("set")) of tiles with the same pixels, those with different labels first"
                        + Self.shown(sets.count, of: exact.count, "; of each, at most \(Self.shownCopies) tiles")),
                .pictureSets(sets),
            ]
        }
        let near = exploration.duplicates.near.sorted {
            ($0.isConflict || $0.isAcrossParts ? 1 : 0, $0.pair.correlation)
                > ($1.isConflict || $1.isAcrossParts ? 1 : 0, $1.pair.correlation)
        }
        if !near.isEmpty {
            let sets = near.prefix(Self.shownTiles / 2).map { found in
                [found.pair.first, found.pair.second].map {
                    picture($0, "correlation \(String(found.pair.correlation, decimals: 3))")
                }
            }
            blocks += [
                .heading("Near-duplicates"),
                .text(
                    "\(near.count.counted("pair")) of similar tiles, those across parts of the split or with different "
                        + "labels first" + Self.shown(sets.count, of: near.count)), .pictureSets(sets),
            ]
        }
        return blocks
    }

    /// The end of a sentence that says how many of all are on the page.
    private static func shown(_ count: Int, of all: Int, _ more: String = "") -> String {
        (count < all ? "; \(count) are shown" : "") + more + "."
    }

    /// Some of the tiles with the same pixels: one of each label, then others.
    private func copies(_ tiles: [Int]) -> [Int] {
        var labels = Set<String?>()
        let first = tiles.filter { labels.insert(exploration.tiles[$0].label).inserted }
        return Array((first + tiles.filter { !first.contains($0) }).prefix(Self.shownCopies))
    }

    private func picture(_ index: Int, _ remark: String = "") -> Page.Picture {
        let tile = exploration.tiles[index]
        return set.picture(
            of: index, scratch: scratch,
            [
                tile.filename, tile.label ?? Self.unlabeled, tile.group ?? "", tile.part?.rawValue ?? "",
                tile.nuclei.map { $0.counted("nucleus", plural: "nuclei") } ?? "", remark,
            ])
    }
}
