import Foundations

/// Estimate of masking an image, without computing its windows. Encoded, it is an image of `plan --json`.
package struct ImageEstimate: Encodable, Sendable {
    /// Expected outcome of masking.
    package enum Outcome: String, Encodable, Sendable {
        case masked
        /// Masked, but windows cannot be decoded.
        case partlyUnreadable
        /// Masked, but no pixel has a probability.
        case empty
        /// There are problems.
        case failed
    }

    package let image: String
    package internal(set) var outcome = Outcome.masked
    /// Nil if the image cannot be opened.
    package var properties: MaskRecord.Image?
    /// How blocks are read: "level 1, resampled".
    package var reading: String?
    /// Share of the image that has tissue; nil if all of it is processed.
    package var tissueShare: Double?
    package var windows: Int?
    /// Windows to compute: 0 for an image that is finished.
    package var windowsToCompute: Int?
    package var seconds: Double?
    /// Largest memory, including the program and the model.
    package var memoryBytes: Int?
    /// Size of the window cache.
    package var cacheBytes: Int?
    /// Size of the files that stay.
    package var outputBytes: Int?
    /// Whether the mask exists and is up to date.
    package var isFinished = false
    package var notes = [String]()
    package private(set) var problems = [FileError]()
    /// Whether all pixels to process were read for the estimate. Where not, parts of them may be unreadable.
    package internal(set) var isReadCompletely = true

    package init(_ image: String) { self.image = image }

    /// Adds a problem that masking would fail with.
    package mutating func fail(_ problem: FileError) {
        problems.append(problem)
        outcome = .failed
    }

    /// Estimates the seconds for some windows or blocks. Computing uses all threads and reading one more, which takes
    /// its share of the processors; the total is at least the time for reading.
    package static func seconds(units: Double, perUnit: Double, reading: Double, threads: Int) -> Double {
        max(reading, units * perUnit + reading / Double(threads))
    }

    /// Memory of OpenSlide and its decoders for a slide, with 32 MB of decoded tiles. JPEG 2000 takes the most.
    private static let slideBytes = 80 << 20

    /// Estimates the memory for an image. `program` is the memory before the first image.
    package static func memoryBytes(
        program: Int, _ workload: Workload, isSlide: Bool, outputs: [OutputKind: OutputEstimate]
    ) -> Int {
        program + workload.bytes + (isSlide ? slideBytes : 0)
            + outputs.reduce(0) { $0 + $1.key.type.memoryBytes($1.value) }
    }

    /// Estimates the size of the files that stay, from measurements on slides of tissue.
    package static func outputBytes(_ outputs: [OutputKind: OutputEstimate]) -> Int {
        Int(outputs.reduce(0) { $0 + $1.key.type.estimatedBytes($1.value) })
    }
}

/// A number of bytes for people: "1.2 GB", in powers of 1000.
package struct ByteCount: CustomStringConvertible, Sendable {
    private let count: Int

    package init(_ count: Int) { self.count = count }

    package var description: String {
        var (value, unit) = (Double(count), 0)
        let units = ["B", "kB", "MB", "GB", "TB", "PB"]
        while value >= 999.5, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
        return unit == 0 ? "\(count) B" : "\(String(value, decimals: value < 9.95 ? 1 : 0)) \(units[unit])"
    }
}
