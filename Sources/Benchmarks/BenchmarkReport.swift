import Foundations
import Foundation

/// What one run of the benchmark has found.
package struct BenchmarkReport: Codable, Equatable, Sendable {
    package static let format = "kernel-bench-1"

    package struct Machine: Codable, Equatable, Sendable {
        package var processor: String
        /// What the peak was measured with.
        package var peakInstructions: String
        /// What kernels were told to use: "any" is the best there is.
        package var instructions: String
        /// Load average before and after.
        package var load: [Double]
        /// How much of the processor time that it could have used the benchmark got.
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

    /// What the machine could do, as measured between the operations.
    package struct Peak: Codable, Equatable, Sendable {
        package var threads: Int
        /// Floating-point operations in a second.
        package var operations: [Double]
        /// Bytes in a second: read, and by STREAM's triad.
        package var read: [Double]
        package var triad: [Double]

        package init(threads: Int, operations: [Double] = [], read: [Double] = [], triad: [Double] = []) {
            self.threads = threads
            self.operations = operations
            self.read = read
            self.triad = triad
        }

        mutating func append(_ rates: MachinePeak.Rates) {
            operations.append(rates.operations)
            read.append(rates.read)
            triad.append(rates.triad)
        }
    }

    package var format = Self.format
    package var date: Date
    package var machine: Machine
    package var peaks: [Peak]
    package var results: [BenchmarkResult]

    package init(date: Date, machine: Machine, peaks: [Peak], results: [BenchmarkResult]) {
        self.date = date
        self.machine = machine
        self.peaks = peaks
        self.results = results
    }

    /// Reads what `write` has written. Throws `FileError`.
    package init(path: FilePath) throws(FileError) {
        guard let data = FileManager.default.contents(atPath: path.string) else {
            throw FileError(path, .unreadable, "expected a report of kernel-bench, found no readable file")
        }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        guard let report = try? decoder.decode(Self.self, from: data), report.format == Self.format,
            report.results.allSatisfy(\.isWhole)
        else {
            throw FileError(path, expected: "a report of format \(Self.format)", found: "something else")
        }
        self = report
    }

    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}

/// Measurements of one operation with one algorithm and number of threads.
package struct BenchmarkResult: Codable, Equatable, Sendable {
    package var network: String
    package var kind: Operation.Kind
    package var layer: String
    package var shape: String
    package var batch: Int
    package var threads: Int
    /// nil where there is no choice.
    package var algorithm: String?
    /// Whether this is what the kernels choose themselves.
    package var isPreferred: Bool
    /// As in `Operation`.
    package var operations: Double?
    package var bytes: Double
    package var scratchBytes: Int
    /// Of each round: seconds for doing it once, and what the machine could do at that moment.
    package var seconds: [Double]
    package var peakOperations: [Double]
    package var peakBytes: [Double]
    /// For readers of the file: they follow from `seconds`.
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
        operations = operation.operations
        bytes = operation.bytes
        self.scratchBytes = scratchBytes
        seconds = rounds.map(\.seconds)
        peakOperations = rounds.map(\.peak.operations)
        peakBytes = rounds.map(\.peak.bytes)
        let times = Distribution(seconds)
        medianSeconds = times.median
        spread = times.spread
    }

    package var time: Distribution { Distribution(seconds) }
    package var operationsPerSecond: Double? { operations.map { $0 / medianSeconds } }
    package var bytesPerSecond: Double { bytes / medianSeconds }
    /// Of what registers could multiply and add in the same round.
    package var shareOfPeak: Distribution? {
        operations.map { operations in Distribution(zip(seconds, peakOperations).map { operations / $0 / $1 }) }
    }
    /// Of what memory could have moved in the same round; above 1 where caches serve.
    package var shareOfBandwidth: Distribution { Distribution(zip(seconds, peakBytes).map { bytes / $0 / $1 }) }
    /// How near each round came to the lower of the two limits (the roofline model; Williams et al. 2009). It does not
    /// change when the machine is slower for a while.
    package var shareOfRoof: Distribution {
        Distribution(
            seconds.indices.map { round in
                max((operations ?? 0) / peakOperations[round], bytes / peakBytes[round]) / seconds[round]
            })
    }

    /// What makes two results those of one thing.
    package var key: [String] {
        [network, kind.rawValue, layer, shape, algorithm ?? "", "\(batch)", "\(threads)"]
    }

    fileprivate var isWhole: Bool {
        !seconds.isEmpty && seconds.count == peakOperations.count && seconds.count == peakBytes.count
            && (seconds + peakOperations + peakBytes).allSatisfy { $0 > 0 && $0.isFinite } && medianSeconds > 0
    }
}
