import Foundations
import Imaging
import Tensors

/// The number of its nucleus in each pixel, 0 for none, as a TIFF pyramid of 32-bit labels.
final class LabelImageOutput: MaskOutput {
    static var fileExtensions: [String] { ["tif", "tiff"] }

    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        0.01 * image.pixels + 1000 * image.nuclei
    }

    static func memoryBytes(_ image: OutputEstimate) -> Int {
        image.pyramidBytes(channels: MemoryLayout<UInt32>.size)
    }

    private let writer: TIFFWriter

    init(_ path: FilePath, _ job: OutputJob) throws {
        writer = try TIFFWriter(
            path: path, width: job.image.width, height: job.image.height, samples: .label,
            properties: job.properties("numbers of nuclei, 0 where there is none", channel: "nuclei"),
            threads: Kernels.threadCount, run: runOnKernelThreads)
    }

    func write(_ nuclei: NucleiResult, _ progress: OutputProgress) throws {
        try nuclei.forEachRow {
            try progress("labels", $0, nuclei.height)
        } _: { _, runs in
            try writer.write(runs.map { PixelRun($0.pixels, value: UInt32($0.id)) }, count: 1)
        }
    }

    func finish(_ results: inout MaskResults) throws { try writer.finish() }
}
