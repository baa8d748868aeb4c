import Foundations

/// Comparison of two reports.
package struct Comparison {
    package enum Verdict: String, Sendable {
        case faster, slower
        /// A difference within the noise.
        case same = ""
    }

    package struct Row {
        package let old: BenchmarkResult
        package let new: BenchmarkResult
        /// Old time divided by new time; above 1 is faster.
        package var ratio: Double { old.medianSeconds / new.medianSeconds }
        /// Ratio of the shares of the roofline, which corrects for changes of the machine's speed.
        package var adjustedRatio: Double { new.shareOfRoof.median / old.shareOfRoof.median }
        /// A difference counts only when the best rounds confirm it, because on a busy machine most rounds may be slow.
        package var verdict: Verdict {
            let (before, now) = (old.shareOfRoof, new.shareOfRoof)
            guard now.differs(from: before) else { return .same }
            let best = now.values.last! / before.values.last!
            if adjustedRatio > 1 { return best > 1 + Self.threshold ? .faster : .same }
            return best < 1 / (1 + Self.threshold) ? .slower : .same
        }
        /// Relative changes below this are ignored.
        private static let threshold = 0.02
    }

    package let rows: [Row]
    /// Results that are missing in the other report.
    package let onlyOld: [BenchmarkResult]
    package let onlyNew: [BenchmarkResult]
    /// Layers whose default algorithm has changed.
    package let choices: [(old: BenchmarkResult, new: BenchmarkResult)]
    private let machines: (old: String, new: String)

    package init(old: BenchmarkReport, new: BenchmarkReport) {
        let before = Dictionary(old.results.map { ($0.key, $0) }) { first, _ in first }
        let keys = Set(new.results.map(\.key))
        rows = new.results.compactMap { result in before[result.key].map { Row(old: $0, new: result) } }
        onlyOld = old.results.filter { !keys.contains($0.key) }
        onlyNew = new.results.filter { before[$0.key] == nil }
        func layer(_ result: BenchmarkResult) -> [String] {
            [result.network, result.kind.rawValue, result.layer, result.shape, "\(result.batch)", "\(result.threads)"]
        }
        let preferred = { (results: [BenchmarkResult]) in results.filter { $0.algorithm != nil && $0.isPreferred } }
        let chosen = Dictionary(preferred(old.results).map { (layer($0), $0) }) { first, _ in first }
        choices = preferred(new.results).compactMap { result in
            chosen[layer(result)].flatMap { $0.algorithm == result.algorithm ? nil : ($0, result) }
        }
        machines = (old.machine.processor, new.machine.processor)
    }

    /// Text with a table of the common results, and notes.
    package var text: String {
        var table = TextTable([
            ("network", .left), ("operation", .left), ("layer", .left), ("algorithm", .left), ("threads", .right),
            ("before", .right), ("now", .right), ("ratio", .right), ("adjusted", .right), ("", .left),
        ])
        for row in rows {
            table.append([
                row.new.network, row.new.kind.rawValue, row.new.layer, row.new.algorithm ?? "-",
                "\(row.new.threads)", Quantity.time(row.old.medianSeconds), Quantity.time(row.new.medianSeconds),
                Quantity.ratio(row.ratio), Quantity.ratio(row.adjustedRatio), row.verdict.rawValue,
            ])
        }
        var lines = table.lines
        if machines.old != machines.new {
            lines.insert("different processors: \(machines.old) before, \(machines.new) now", at: 0)
        }
        lines += [
            "",
            "ratio: time before / time now. adjusted: the ratio corrected by the limits of the machine in each round.",
            "faster, slower: the interquartile ranges of the corrected times are disjoint, and the best rounds agree.",
        ]
        for choice in choices {
            lines.append(
                "default for \(choice.new.network) \(choice.new.kind.rawValue) \(choice.new.layer), "
                    + "\(choice.new.threads.counted("thread")): \(choice.old.algorithm ?? "-") before, "
                    + "\(choice.new.algorithm ?? "-") now")
        }
        if !onlyOld.isEmpty { lines.append("not measured now: \(onlyOld.count.counted("result")) from before") }
        if !onlyNew.isEmpty { lines.append("not measured before: \(onlyNew.count.counted("result")) from now") }
        return lines.joined(separator: "\n")
    }
}
