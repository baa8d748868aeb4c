import FoundationEssentials
import Foundations

/// The record of a mask as JSON. It is written after all other outputs.
final class RecordOutput: MaskOutput {
    static func estimatedBytes(_ image: OutputEstimate) -> Double { 4096 }

    private let file: AtomicFile

    init(_ path: FilePath, _ job: OutputJob) throws { file = try AtomicFile(path) }

    /// Removes the record of an earlier mask.
    func removeOld() { file.removeOld() }

    func write(_ record: MaskRecord) throws {
        try file.write(JSON.data(record, pretty: true) + Data("\n".utf8))
        try file.commit()
    }
}
