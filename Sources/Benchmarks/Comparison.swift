import Foundations

/// Two reports side by side.
package struct Comparison {
    package enum Verdict: String, Sendable {
        case faster, slower
        /// What noise alone would explain.
        case same = ""
    }

    package struct Row {
        package let old: BenchmarkResult
        package let new: BenchmarkResult
        /// Old time by new time: above 1 is faster.
        package var ratio: Double { old.medianSeconds / new.medianSeconds }
        /// The same as it would be had the machine been equally fast both times: how near the roof both came.
        package var steadyRatio: Double { new.shareOfRoof.median / old.shareOfRoof.median }
        /// On a busy machine whole runs may be slow: the undisturbed rounds have to agree with the others.
        package var verdict: Verdict {
            let (before, now) = (old.shareOfRoof, new.shareOfRoof)
            guard now.differs(from: before) else { return .same }
            let best = now.values.last! / before.values.last!
            if steadyRatio > 1 { return best > 1 + Self.least ? .faster : .same }
            return best < 1 / (1 + Self.least) ? .slower : .same
        }
        /// A change that is not worth speaking of.
        private static let least = 0.02
    }

    package let rows: [Row]
    /// Results that the other report does not have.
    package let onlyOld: [BenchmarkResult]
    package let onlyNew: [BenchmarkResult]
    /// Layers for which the kernels now choose something else: what they chose, and what they choose.
    package let choices: [(old: BenchmarkResult, new: BenchmarkResult)]
    private let machines: (old: String, new: String)

    package init(old: BenchmarkReport, new: BenchmarkReport) {
        let before = Dictionary(old.results.map { ($0.key, $0) }) { first, _ in first }
        let keys = Set(new.results.map(\.key))
        rows = new.results.compactMap { result in before[result.key].map { Row(old: $0, new: result) } }
        onlyOld = old.results.filter { !keys.contains($0.key) }
        onlyNew = new.results.filter { before[$0.key] == nil }
        func place(_ result: BenchmarkResult) -> [String] {
            [result.network, result.kind.rawValue, result.layer, result.shape, "\(result.batch)", "\(result.threads)"]
        }
        let preferred = { (results: [BenchmarkResult]) in results.filter { $0.algorithm != nil && $0.isPreferred } }
        let chosen = Dictionary(preferred(old.results).map { (place($0), $0) }) { first, _ in first }
        choices = preferred(new.results).compactMap { result in
            chosen[place(result)].flatMap { $0.algorithm == result.algorithm ? nil : ($0, result) }
        }
        machines = (old.machine.processor, new.machine.processor)
    }

    package var text: String {
        var table = TextTable([
            ("network", .left), ("operation", .left), ("layer", .left), ("algorithm", .left), ("threads", .right),
            ("before", .right), ("now", .right), ("ratio", .right), ("steady", .right), ("", .left),
        ])
        for row in rows {
            table.append([
                row.new.network, row.new.kind.rawValue, row.new.layer, row.new.algorithm ?? "-",
                "\(row.new.threads)", Quantity.time(row.old.medianSeconds), Quantity.time(row.new.medianSeconds),
                Quantity.ratio(row.ratio), Quantity.ratio(row.steadyRatio), row.verdict.rawValue,
            ])
        }
        var lines = table.lines
        if machines.old != machines.new {
            lines.insert("another processor: \(machines.old) before, \(machines.new) now", at: 0)
        }
        lines += [
            "",
            "ratio: time before by time now. steady: the same as shares of what the machine could do in each round;",
            "faster and slower are marked where the middle halves of these shares have nothing in common, and the best",
            "rounds agree.",
        ]
        for choice in choices {
            lines.append(
                "chosen for \(choice.new.network) \(choice.new.kind.rawValue) \(choice.new.layer), "
                    + "\(choice.new.threads) threads: \(choice.old.algorithm ?? "-") before, "
                    + "\(choice.new.algorithm ?? "-") now")
        }
        if !onlyOld.isEmpty { lines.append("\(onlyOld.count) results of before were not measured now") }
        if !onlyNew.isEmpty { lines.append("\(onlyNew.count) results of now were not measured before") }
        return lines.joined(separator: "\n")
    }
}
