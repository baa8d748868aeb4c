import Foundations
import Foundation

extension BenchmarkReport {
    /// What was measured, as text: the machine, then a row for each result.
    package var text: String {
        var table = TextTable([
            ("network", .left), ("operation", .left), ("layer", .left), ("shape", .left), ("algorithm", .left),
            ("threads", .right), ("median", .right), ("spread", .right), ("best", .right), ("GFLOP/s", .right),
            ("of peak", .right),
            ("GB/s", .right), ("of memory", .right), ("scratch", .right),
        ])
        for result in results {
            table.append([
                result.network, result.kind.rawValue, result.layer, result.shape,
                (result.algorithm ?? "-") + (result.algorithm != nil && result.isPreferred ? " *" : ""),
                "\(result.threads)", Quantity.time(result.medianSeconds), "±" + Quantity.percent(result.spread),
                Quantity.time(result.time.values[0]),
                result.operationsPerSecond.map(Quantity.billions) ?? "-",
                result.shareOfPeak.map { Quantity.percent($0.median) } ?? "-",
                Quantity.billions(result.bytesPerSecond), Quantity.percent(result.shareOfBandwidth.median),
                Quantity.memory(result.scratchBytes),
            ])
        }
        return (header + [""] + table.lines + [""] + notes).joined(separator: "\n")
    }

    private var header: [String] {
        let batches = Set(results.map(\.batch)).sorted().map(String.init).joined(separator: ", ")
        return ["kernels one by one, batches of \(batches)"] + limits
    }

    /// The machine, how busy it was, and what it could do.
    var limits: [String] {
        [
            machine.processor
                + (machine.instructions == "any" ? "" : ", kernels with \(machine.instructions) instructions alone"),
            String(
                format: "load average %.1f before, %.1f after; got %.0f %% of the processor time it could use",
                machine.load.first ?? 0, machine.load.last ?? 0, machine.processorShare * 100),
        ]
            + peaks.map { peak in
                "\(peak.threads) thread\(peak.threads > 1 ? "s" : ""): "
                    + Self.limit("\(machine.peakInstructions) FMA", peak.operations, "GFLOP/s") + ", "
                    + Self.limit("read", peak.read, "GB/s") + ", " + Self.limit("triad", peak.triad, "GB/s")
            }
    }

    private static func limit(_ name: String, _ values: [Double], _ unit: String) -> String {
        let rates = Distribution(values)
        return "\(name) \(Quantity.billions(rates.median)) \(unit) (at best \(Quantity.billions(rates.values.last!)))"
    }

    private var notes: [String] {
        [
            "* what the kernels choose themselves. Rates are those of the median; GFLOP/s count the multiplications and",
            "additions of the definition, GB/s inputs and outputs once. Shares are medians of each round against the",
            "limits measured in it, with as many threads; spread is half the distance of the quartiles.",
        ]
    }
}
