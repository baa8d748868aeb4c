import Foundations
import Imaging
import Tensors

/// The mask as a grayscale image: 255 where nuclei are, 0 elsewhere. PNG, or TIFF as a pyramid.
final class MaskImageOutput: MaskOutput {
    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        0.005 * image.pixels + (image.showsNuclei ? (image.path.isTIFF ? 300 : 60) * image.nuclei : 0)
    }

    static func memoryBytes(_ image: OutputEstimate) -> Int { image.pyramidBytes(channels: 1) }

    private let painter: MaskPainter

    init(_ path: FilePath, _ job: OutputJob) throws {
        painter = MaskPainter(
            try openMaskForWriting(
                path, width: job.image.width, height: job.image.height, bits: job.request.formats.bits,
                properties: job.properties("mask of nuclei: 255 where they are, else 0", channel: "nuclei"),
                threads: Kernels.threadCount, run: runOnKernelThreads))
    }

    func add(_ band: MaskBand) throws { try painter.add(band) }

    func finish(_ results: inout MaskResults) throws { try painter.finish() }
}

/// Writes a mask band by band to an image of one channel.
package final class MaskPainter {
    private let writer: any RowWriter
    private var line: [UInt8]

    package init(_ writer: any RowWriter) {
        self.writer = writer
        line = [UInt8](repeating: 0, count: writer.width)
    }

    /// Adds the next band, from top to bottom without gaps.
    package func add(_ band: MaskBand) throws(FileError) {
        precondition(band.rows.lowerBound == writer.nextRow, "bands out of order")
        line.withUnsafeMutableBufferPointer { line in
            line.update(repeating: 0)
            for run in band.white { line[run].update(repeating: 255) }
        }
        let row = line
        for _ in band.rows { try writer.write(rows: row.span.bytes, count: 1) }
    }

    package func finish() throws(FileError) { try writer.finish() }
}

/// Runs calls on the threads of the kernels. These wait for work for a while, so that others would compete with them for
/// the processors.
func runOnKernelThreads(count: Int32, body: ConcurrentCall.Body?, context: UnsafeMutableRawPointer?) {
    let call = ConcurrentCall(body, context)
    Kernels.forEach(Int(count)) { index, _ in call(index) }
}
