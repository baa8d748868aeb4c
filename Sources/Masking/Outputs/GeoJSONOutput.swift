import Foundations

/// The outlines of the mask as GeoJSON, as QuPath imports it: annotations of regions, or detections of nuclei.
final class GeoJSONOutput: MaskOutput {
    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        if !image.showsNuclei { return 10 * Double(image.workload.withTissue) }
        return (image.path.lowercasedExtension == "gz" ? 200 : 600) * image.nuclei
    }

    private let writer: GeoJSONWriter
    private var tracer: ContourTracer

    init(_ path: FilePath, _ job: OutputJob) throws {
        let writer = try GeoJSONWriter(
            path, objectType: job.showsNuclei ? .detection : .annotation, .nuclei,
            tolerance: job.request.formats.tolerance)
        self.writer = writer
        let ids = job.ids
        tracer = ContourTracer { try writer.write($0, id: ids.uuid($0)) }
    }

    func add(_ band: MaskBand) throws { try tracer.add(rows: band.rows, white: band.white) }

    func finish(_ results: inout MaskResults) throws {
        try tracer.finish()
        try writer.finish()
        results.polygons = writer.count
    }
}
