import FoundationEssentials
import Foundations

/// Results of a benchmark.
package struct BenchmarkReport: Codable, Equatable, Sendable {
    package static let format = "kernel-bench-1"

    package struct Machine: Codable, Equatable, Sendable {
        package var processor: String
        /// Instruction set of the peak measurement.
        package var peakInstructions: String
        /// Instruction set of the kernels; "any" is the best one.
        package var instructions: String
        /// Load averages before and after.
        package var load: [Double]
        /// Share of the processor time that the benchmark got.
        package var processorShare: Double

        package init(
            processor: String, peakInstructions: String, instructions: String, load: [Double], processorShare: Double
        ) {
            self.processor = processor
            self.peakInstructions = peakInstructions
            self.instructions = instructions
            self.load = load
            self.processorShare = processorShare
        }
    }

    /// Peak rates of the machine, measured in each round.
    package struct Peak: Codable, Equatable, Sendable {
        package var threads: Int
        /// Floating-point operations per second.
        package var flops: [Double]
        /// Bytes per second: of reading, and of the triad of STREAM.
        package var read: [Double]
        package var triad: [Double]

        package init(threads: Int, flops: [Double] = [], read: [Double] = [], triad: [Double] = []) {
            self.threads = threads
            self.flops = flops
            self.read = read
            self.triad = triad
        }

        mutating func append(_ rates: MachinePeak.Rates) {
            flops.append(rates.flops)
            read.append(rates.read)
            triad.append(rates.triad)
        }

        private enum CodingKeys: String, CodingKey {
            case threads, read, triad
            case flops = "operations"
        }
    }

    package var format = Self.format
    /// ISO 8601, in UTC.
    package var date: String
    package var machine: Machine
    package var peaks: [Peak]
    package var results: [BenchmarkResult]

    package init(date: String, machine: Machine, peaks: [Peak], results: [BenchmarkResult]) {
        self.date = date
        self.machine = machine
        self.peaks = peaks
        self.results = results
    }

    /// Reads a report from a JSON file. Throws `FileError`.
    package init(path: FilePath) throws(FileError) {
        guard let data = try? FileBytes.data(path) else {
            throw FileError(path, .unreadable, "expected a report of kernel-bench, found no readable file")
        }
        guard let report = try? JSON.decode(Self.self, from: data), report.format == Self.format,
            report.results.allSatisfy(\.isValid)
        else {
            throw FileError(path, expected: "a report of format \(Self.format)", found: "something else")
        }
        self = report
    }

    /// The report as JSON text.
    package func json() throws -> String { try JSON.text(self, pretty: true) + "\n" }
}

/// Measurements of one operation with one algorithm and number of threads.
package struct BenchmarkResult: Codable, Equatable, Sendable {
    package var network: String
    package var kind: Operation.Kind
    package var layer: String
    package var shape: String
    package var batch: Int
    package var threads: Int
    /// nil for kernels with only one.
    package var algorithm: String?
    /// Whether the kernels choose this algorithm by default.
    package var isPreferred: Bool
    /// As in `Operation`.
    package var flops: Double?
    package var bytes: Double
    package var scratchBytes: Int
    /// In each round: seconds for one execution, and the peak rates of the machine.
    package var seconds: [Double]
    package var peakFlops: [Double]
    package var peakBytes: [Double]
    /// Summary of `seconds`, for readers of the file.
    package var medianSeconds: Double
    package var spread: Double

    package init(
        _ operation: Operation, batch: Int, threads: Int, algorithm: String?, isPreferred: Bool, scratchBytes: Int,
        rounds: [(seconds: Double, peak: MachinePeak.Rates)]
    ) {
        network = operation.network
        kind = operation.kind
        layer = operation.layer
        shape = operation.shape
        self.batch = batch
        self.threads = threads
        self.algorithm = algorithm
        self.isPreferred = isPreferred
        flops = operation.flops
        bytes = operation.bytes
        self.scratchBytes = scratchBytes
        seconds = rounds.map(\.seconds)
        peakFlops = rounds.map(\.peak.flops)
        peakBytes = rounds.map(\.peak.bytes)
        let times = Distribution(seconds)
        medianSeconds = times.median
        spread = times.spread
    }

    package var time: Distribution { Distribution(seconds) }
    package var flopsPerSecond: Double? { flops.map { $0 / medianSeconds } }
    package var bytesPerSecond: Double { bytes / medianSeconds }
    /// Share of the peak arithmetic rate of each round.
    package var shareOfPeak: Distribution? {
        flops.map { flops in Distribution(zip(seconds, peakFlops).map { flops / $0 / $1 }) }
    }
    /// Share of the memory bandwidth of each round; above 1 when data is in caches.
    package var shareOfBandwidth: Distribution { Distribution(zip(seconds, peakBytes).map { bytes / $0 / $1 }) }
    /// Share of the lower of the two limits in each round (roofline model; Williams et al. 2009). It is independent of
    /// changes of the machine's speed.
    package var shareOfRoof: Distribution {
        Distribution(
            seconds.indices.map { round in
                max((flops ?? 0) / peakFlops[round], bytes / peakBytes[round]) / seconds[round]
            })
    }

    /// Identity of the measured operation, algorithm and thread count.
    package var key: [String] {
        [network, kind.rawValue, layer, shape, algorithm ?? "", "\(batch)", "\(threads)"]
    }

    fileprivate var isValid: Bool {
        !seconds.isEmpty && seconds.count == peakFlops.count && seconds.count == peakBytes.count
            && (seconds + peakFlops + peakBytes).allSatisfy { $0 > 0 && $0.isFinite } && medianSeconds > 0
    }

    private enum CodingKeys: String, CodingKey {
        case network, kind, layer, shape, batch, threads, algorithm, isPreferred, bytes, scratchBytes, seconds,
            peakBytes
        case medianSeconds, spread
        case flops = "operations"
        case peakFlops = "peakOperations"
    }
}
