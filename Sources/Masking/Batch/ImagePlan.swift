import Foundations
import Foundation
import Imaging

/// What masking an image would be: found out before anything is computed.
package struct ImagePlan: Encodable, Sendable {
    package let image: String
    /// Nil where the image could not be opened as it is asked for.
    package var properties: MaskRecord.Image?
    /// What is read: "level 1, resampled".
    package var reading: String?
    /// Share of the image that has tissue; nil where it is looked at everywhere.
    package var tissueShare: Double?
    package var windows: Int?
    /// Windows that are to be computed: none of them for an image that is finished.
    package var windowsToCompute: Int?
    /// An estimate.
    package var seconds: Double?
    /// At most, with what the program and the model take.
    package var memoryBytes: Int?
    /// While windows are computed.
    package var journalBytes: Int?
    /// Of the files that stay, about.
    package var outputBytes: Int?
    /// Whether the mask is there already, made as it is asked for.
    package var isFinished = false
    package var notes = [String]()
    package var problems = [FileError]()

    package init(_ image: String) { self.image = image }

    /// What is read of an opened image, in words.
    package static func reading(_ opened: ResolvedImage) -> String {
        let isResampled = opened.reader is ScaledBlockReader
        guard let level = opened.level else { return isResampled ? "resampled" : "as it is" }
        return "level \(level)" + (isResampled ? ", resampled" : "")
    }

    /// Seconds for some windows, on threads that compute while one more reads: reading takes its share of the processors,
    /// and nothing is faster than the slower of both.
    package static func seconds(windows: Int, perWindow: Double, reading: Double, threads: Int) -> Double {
        max(reading, Double(windows) * perWindow + reading / Double(threads))
    }

    /// What OpenSlide and its decoders take for a slide, with 32 MB of decoded tiles: most for JPEG 2000.
    private static let slideBytes = 80 << 20

    /// Bytes of memory: those that the program takes before an image, and what grows with it. `kinds` are the files to
    /// write, as pyramids or not.
    package static func memoryBytes(
        program: Int, _ workload: Workload, image: (width: Int, height: Int), isSlide: Bool,
        files: [OutputNames.Kind: FilePath]
    ) -> Int {
        func isPyramid(_ kind: OutputNames.Kind) -> Bool { files[kind].map(OutputNames.isTIFF) ?? false }
        // Pyramids hold a band of tiles of each of their levels.
        let bands = 512 * image.width * ((isPyramid(.mask) ? 1 : 0) + (isPyramid(.heatmap) ? 3 : 0))
        return program + WindowStore.byteCount(workload.windows) + workload.pixelBytes + bands
            + (isSlide ? slideBytes : 0)
    }

    /// Bytes of the files that stay, about, as they were on slides of tissue: what is compressed or outlined takes so many
    /// bytes a pixel.
    package static func outputBytes(
        _ workload: Workload, image: (width: Int, height: Int), stride: Int, isRefined: Bool,
        files: [OutputNames.Kind: FilePath]
    ) -> Int {
        let pixels = Double(image.width) * Double(image.height)
        let looked = pixels * Double(workload.withTissue) / Double(max(1, workload.windows))
        let map = 4 * 4 / 3 * pixels / Double(stride * stride)
        func bytes(_ kind: OutputNames.Kind, _ path: FilePath) -> Double {
            switch kind {
            case .mask: 0.005 * pixels + (isRefined ? 0.06 * looked : 0)
            case .record: 4096
            case .csv: 40 * Double(workload.windows)
            case .geojson: isRefined ? 0.4 * looked : 10 * Double(workload.withTissue)
            case .probabilities, .disagreement: map
            case .heatmap: (OutputNames.isTIFF(path) ? pixels * 4 / 3 : min(pixels, 4096 * 4096)) * 0.3
            case .tissue: 65536
            }
        }
        return Int(files.reduce(0) { $0 + bytes($1.key, $1.value) })
    }
}

/// Whether files of many images fit on the disks that they go to.
package struct DiskPlan: Sendable {
    private var free: [Int: Int] = [:]

    package init() {}

    /// Takes away what an image leaves. Throws `unwritable`, naming the file, when that or what it needs for the time of
    /// its making does not fit beside all before it.
    package mutating func add(
        _ path: FilePath, _ storage: Storage, bytes: Int, whileMade journal: (path: FilePath, storage: Storage, bytes: Int)
    ) throws(FileError) {
        let room = free[storage.device] ?? storage.freeBytes
        let journalRoom = free[journal.storage.device] ?? journal.storage.freeBytes
        free[storage.device] = room - bytes
        let isShared = storage.device == journal.storage.device
        let needed = bytes + (isShared ? journal.bytes : 0)
        guard needed <= room else { throw Self.shortage(path, needed, room) }
        guard isShared || journal.bytes <= journalRoom else {
            throw Self.shortage(journal.path, journal.bytes, journalRoom)
        }
    }

    private static func shortage(_ path: FilePath, _ needed: Int, _ room: Int) -> FileError {
        FileError(
            path, .unwritable,
            "expected room for about \(ByteCount(needed)), found \(ByteCount(max(0, room)))")
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
        return unit == 0 ? "\(count) B" : String(format: value < 9.95 ? "%.1f %@" : "%.0f %@", value, units[unit])
    }
}
