import Foundations
import Imaging

/// Nuclei per square millimeter as a TIFF of floats, one pixel per 100 x 100 microns.
final class DensityMapOutput: MaskOutput {
    static var fileExtensions: [String] { ["tif", "tiff"] }

    /// Floats, and a third more for the smaller levels.
    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        let side = Double(DensityMap.side(image.micronsPerPixel))
        return 4 * 4 / 3 * image.pixels / (side * side)
    }

    private let writer: TIFFWriter
    private let side: Int

    init(_ path: FilePath, _ job: OutputJob) throws {
        side = DensityMap.side(job.micronsPerPixel)
        let size = FieldMap.size(width: job.image.width, height: job.image.height, side: side)
        writer = try TIFFWriter(
            path: path, width: size.width, height: size.height, samples: .float,
            properties: job.properties(DensityMap.description(side: side), scale: side))
    }

    func write(_ nuclei: NucleiResult, _ progress: OutputProgress) throws {
        try DensityMap(nuclei, side: side).write(to: writer) { try progress("density", $0, nuclei.grid.count) }
    }

    func finish(_ results: inout MaskResults) throws { try writer.finish() }
}
