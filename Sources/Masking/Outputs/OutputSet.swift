import Foundations
import Imaging

/// The results of a mask that its record reports.
package struct MaskResults {
    /// Pixels of the mask.
    package internal(set) var summary: MaskSummary
    /// White pixels before refinement; nil without refinement.
    package internal(set) var positive: Int?
    /// Density of hematoxylin above which pixels are nuclei; nil without refinement, or where no pixel was white.
    package internal(set) var densityThreshold: Double?
    /// Polygons written; nil without such an output.
    package internal(set) var polygons: Int?
    /// Numbers of nuclei; nil where windows were classified.
    package internal(set) var counts: NucleusCounts?
}

/// The open outputs of one image.
package struct OutputSet {
    private let job: OutputJob
    let outputs: [(kind: OutputKind, output: any MaskOutput)]
    private let record: RecordOutput

    /// Opens the files of a request.
    init(_ job: OutputJob) throws {
        self.job = job
        let files = job.request.files
        outputs = try OutputKind.allCases.compactMap { kind in
            guard kind != .record, let path = files[kind] else { return nil }
            return (kind, try kind.type.init(path, job))
        }
        record = try RecordOutput(job.request.record, job)
    }

    /// Pixels of the image.
    var width: Int { job.image.width }
    var height: Int { job.image.height }

    func begin(_ tissue: TissueMap?) throws {
        for (_, output) in outputs { try output.begin(tissue) }
    }

    /// Writes the content of all files except the record. Nothing appears before they are finished.
    func write(
        _ windows: ProbabilityGrid, _ field: ProbabilityField, _ progress: OutputProgress
    ) throws -> MaskResults {
        for (_, output) in outputs { try output.write(windows, field, progress) }
        var results = MaskResults(summary: MaskSummary(width: field.width, height: field.height))
        try forEachBand(of: field, progress, &results) { band, results in
            results.summary.add(band)
            for (_, output) in outputs { try output.add(band) }
        }
        return results
    }

    /// Completes all files except the record; returns their digests.
    func finish(_ results: inout MaskResults) throws -> [OutputKind: FileDigest] {
        try AtomicFile.together {
            for (_, output) in outputs.reversed() { try output.finish(&results) }
        } beforeAny: {
            // An old record must not vouch for a mixture of old and new files.
            record.removeOld()
        }
        var digests = [OutputKind: FileDigest]()
        for (kind, _) in outputs { digests[kind] = try FileDigest(job.request.files[kind]!) }
        return digests
    }

    /// Calls `body` with the rows of the mask, refined if that is requested.
    private func forEachBand(
        of field: ProbabilityField, _ progress: OutputProgress, _ results: inout MaskResults,
        _ body: (MaskBand, inout MaskResults) throws -> Void
    ) throws {
        let threshold = job.settings.threshold
        guard let settings = job.refinement else {
            for band in MaskBands(field, threshold: threshold) {
                try body(band, &results)
                try progress("mask", band.rows.upperBound, field.height)
            }
            return
        }
        results.positive = MaskBands(field, threshold: threshold).reduce(0) { $0 + $1.area }
        let refinement = Refinement(field, threshold: threshold, settings: settings)
        let density = try refinement.densityThreshold(job.image.rows()) { try progress("stain", $0, field.height) }
        results.densityThreshold = density
        try refinement.bands(job.image.rows(), above: density) {
            try progress("nuclei", $0, field.height)
        } emit: {
            try body($0, &results)
        }
    }

    /// How the mask was refined, for the record; nil if it was not.
    func refinement(_ results: MaskResults) -> MaskRecord.Refined? {
        guard let settings = job.refinement, let method = job.request.refinement else { return nil }
        return .init(method: method.rawValue, settings: settings, densityThreshold: results.densityThreshold)
    }

    /// Writes the record, last of all: it states that the other files are complete.
    func write(_ content: MaskRecord) throws { try record.write(content) }
}
