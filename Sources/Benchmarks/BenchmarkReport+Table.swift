import Foundations

extension BenchmarkReport {
    /// Text with the machine, a table of the results and notes.
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
                result.flopsPerSecond.map(Quantity.billions) ?? "-",
                result.shareOfPeak.map { Quantity.percent($0.median) } ?? "-",
                Quantity.billions(result.bytesPerSecond), Quantity.percent(result.shareOfBandwidth.median),
                Quantity.memory(result.scratchBytes),
            ])
        }
        return (header + [""] + table.lines + [""] + notes).joined(separator: "\n")
    }

    private var header: [String] {
        let batches = Set(results.map(\.batch)).sorted().map(String.init).joined(separator: ", ")
        return ["kernels one by one, batches of \(batches)"] + machine.lines(peaks: peaks)
    }

    private var notes: [String] {
        [
            "* default algorithm of the kernels. GFLOP/s counts the multiplications and additions of the definition, GB/s",
            "counts inputs and outputs once; both are for the median time. Shares of peak and memory are medians over the",
            "limits of each round, with the same number of threads; the peak is that of floats, also for int16. Spread is",
            "half the interquartile range.",
        ]
    }
}

extension BenchmarkReport.Machine {
    /// Text lines: the processor, its load, and the peak rates for each thread count.
    func lines(peaks: [BenchmarkReport.Peak]) -> [String] {
        let load = self.load.map { String($0, decimals: 1) }
        return [
            processor + (instructions == "any" ? "" : ", kernels with \(instructions) instructions only"),
            "load average \(load.first ?? "-") before, \(load.last ?? "-") after; got "
                + "\(String(processorShare * 100, decimals: 0)) % of the processor time it could use",
        ]
            + peaks.map { peak in
                "\(peak.threads) thread\(peak.threads > 1 ? "s" : ""): "
                    + limit("\(peakInstructions) FMA", peak.flops, "GFLOP/s") + ", "
                    + limit("read", peak.read, "GB/s") + ", " + limit("triad", peak.triad, "GB/s")
            }
    }

    private func limit(_ name: String, _ values: [Double], _ unit: String) -> String {
        let rates = Distribution(values)
        return "\(name) \(Quantity.billions(rates.median)) \(unit) (at best \(Quantity.billions(rates.values.last!)))"
    }
}
