import Foundations
import Imaging

/// The outline of the processed tissue as GeoJSON, written before windows are computed.
final class TissueOutlineOutput: MaskOutput {
    static func estimatedBytes(_ image: OutputEstimate) -> Double { 65536 }

    private let writer: GeoJSONWriter
    private let image: SlideImage

    init(_ path: FilePath, _ job: OutputJob) throws {
        writer = try TissueMap.outlineWriter(path)
        image = job.image
    }

    func begin(_ tissue: TissueMap?) throws {
        try (tissue ?? .everywhere(imageWidth: image.width, imageHeight: image.height)).writeOutlines(to: writer)
    }
}

extension TissueMap {
    /// A map of an image that is processed everywhere.
    package static func everywhere(imageWidth: Int, imageHeight: Int) -> TissueMap {
        TissueMap(imageWidth: imageWidth, imageHeight: imageHeight, width: 1, height: 1, isTissue: [true])
    }

    /// Opens a file for `writeOutlines`: annotations of a class `Tissue` in QuPath.
    package static func outlineWriter(_ path: FilePath) throws(FileError) -> GeoJSONWriter {
        try GeoJSONWriter(path, objectType: .annotation, .tissue)
    }

    /// Writes the outlines of the processed pixels at full resolution, and completes the file.
    ///
    /// `init(outline:)` reads them back to the same pixels. Its cells are the same where its grid over the image is the
    /// same, else all cells that the outlines touch. The grid of tissue found in a small level is coarser.
    package func writeOutlines(to writer: GeoJSONWriter) throws {
        var tracer = ContourTracer { try writer.write($0) }
        var area = ProcessedRows(self, width: imageWidth, height: imageHeight)
        var y = 0
        while y < imageHeight {
            let (columns, end) = area.columns(ofRow: y)
            try tracer.add(rows: y..<end, white: columns)
            y = end
        }
        try tracer.finish()
        try writer.finish()
    }

    /// The tissue cells of a row, as ascending ranges that do not touch.
    func runs(ofRow row: Int) -> [Range<Int>] {
        var runs = [Range<Int>]()
        for x in 0..<width where isTissue[row * width + x] { runs.appendPixels(x..<x + 1) }
        return runs
    }
}
