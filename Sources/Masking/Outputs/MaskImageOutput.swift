import Foundations
import Imaging
import Tensors

/// The mask as a grayscale image: 255 where nuclei are, 0 elsewhere. PNG, or TIFF as a pyramid.
final class MaskImageOutput: MaskOutput {
    static var fileExtensions: [String] { ["png", "tif", "tiff"] }

    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        0.005 * image.pixels + (image.showsNuclei ? (image.path.isTIFF ? 300 : 60) * image.nuclei : 0)
    }

    static func memoryBytes(_ image: OutputEstimate) -> Int { image.pyramidBytes(channels: 1) }

    private let writer: any RowWriter

    init(_ path: FilePath, _ job: OutputJob) throws {
        writer = try openMaskForWriting(
            path, width: job.image.width, height: job.image.height, bits: job.request.formats.bits,
            properties: job.properties("mask of nuclei: 255 where they are, else 0", channel: "nuclei"),
            threads: Kernels.threadCount, run: runOnKernelThreads)
    }

    func add(_ band: MaskBand) throws { try writer.write(band) }

    func finish(_ results: inout MaskResults) throws { try writer.finish() }
}

extension RowWriter {
    /// Writes the rows of a band to an image of one channel.
    package func write(_ band: MaskBand) throws(FileError) {
        precondition(band.rows.lowerBound == nextRow, "bands out of order")
        try write(band.white.map { PixelRun($0, value: 255) }, count: band.rows.count)
    }
}

/// Runs calls on the threads of the kernels. These wait for work for a while, so that others would compete with them for
/// the processors.
func runOnKernelThreads(count: Int32, body: ConcurrentCall.Body?, context: UnsafeMutableRawPointer?) {
    let call = ConcurrentCall(body, context)
    Kernels.forEach(Int(count)) { index, _ in call(index) }
}
