import Foundations
import Masking

/// The file with the summary of a running command. It is written at most every few seconds, so that many small images do
/// not keep the disk busy.
struct SummaryFile {
    private static let interval = 5.0
    /// The largest share of the time for writing.
    private static let share = 0.02

    /// Nil where no file is written.
    private let path: FilePath?
    private var lastWrite: (end: ContinuousClock.Instant, seconds: Double)?

    init(_ path: FilePath?) { self.path = path }

    /// Writes the file, unless that was done a short time ago.
    mutating func update(_ summary: RunSummary) throws {
        if let last = lastWrite, last.end.secondsSince < max(Self.interval, last.seconds / Self.share) { return }
        try write(summary)
    }

    mutating func write(_ summary: RunSummary) throws {
        guard let path else { return }
        let start = ContinuousClock.now
        try AtomicFile.write(summary.csv, to: path)
        lastWrite = (.now, start.secondsSince)
    }
}
