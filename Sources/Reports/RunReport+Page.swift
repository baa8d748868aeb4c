import Foundation

extension RunReport {
    /// The result first, then how it came about, then what it takes to repeat it.
    package var page: Page {
        var sections = [Page.Section]()
        func add(_ title: String, _ blocks: [Page.Block]) {
            if !blocks.isEmpty { sections.append(Page.Section(title, blocks)) }
        }
        let tables = [scores, confusion.isEmpty ? nil : confusionTable].compactMap { $0 }
        add("Scores on the test", (remarks.isEmpty ? [] : [.list(remarks)]) + (tables.isEmpty ? [] : [.tables(tables)]))
        add("Learning", epochs.isEmpty ? [] : [.figures(learning)])
        add("How sure, and how right", curves.isEmpty ? [] : [.figures(curves)])
        add("Pseudo-labelling", cycles.isEmpty ? [] : pseudoLabelling)
        add("Mistakes", mistakeBlocks)
        add("Groups", groups.map { [.table($0)] } ?? [])
        var origin = data.map { [Page.Block.table($0)] } ?? []
        if !command.isEmpty { origin.append(.command(command)) }
        if !settings.isEmpty { origin.append(.table(Page.Table("Settings", ["name", "value"], settings))) }
        add("Data and settings", origin)
        return Page(title, subtitle: subtitle, headline: headline, sections)
    }

    private var confusionTable: Page.Table {
        let totals = confusion.map { $0.reduce(0, +) }
        func share(_ count: Int, _ total: Int) -> Double { total == 0 ? 0 : Double(count) / Double(total) }
        let rows = confusion.indices.map { truth in
            [classes.indices.contains(truth) ? classes[truth] : "class \(truth)"]
                + confusion[truth].map { count in
                    totals[truth] == 0
                        ? "\(count)" : String(format: "%d (%.1f %%)", count, share(count, totals[truth]) * 100)
                }
        }
        var table = Page.Table(
            "Confusion matrix: truth in rows, shares of a row", ["truly"] + classes.map { "taken for \($0)" },
            rows)
        table.shades = confusion.indices.map { truth in confusion[truth].map { share($0, totals[truth]) } }
        return table
    }

    private var mistakeBlocks: [Page.Block] {
        guard !mistakes.isEmpty else {
            return confusion.isEmpty ? [] : [.text(mistakeCount == 0 ? "None." : "\(mistakeCount), none pictured.")]
        }
        let shown =
            mistakes.count < mistakeCount
            ? "The \(mistakes.count) most confident of \(mistakeCount) mistakes, the worst first."
            : "All mistakes, the most confident first."
        let advice = "Look for labels that are wrong themselves, and for what the tiles have in common."
        return [.text("\(shown) \(advice)"), .pictures(mistakes)]
    }
}
