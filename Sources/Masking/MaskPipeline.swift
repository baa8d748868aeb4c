import Foundations
import Imaging
import NeuralNetworks
import Tensors

/// Turns images into masks: open, find tissue, plan, compute, write the outputs.
///
/// A pipeline is made once for a model and its settings and runs any number of requests, one at a time. It keeps nothing
/// about the images it has processed.
package struct MaskPipeline {
    package let model: MaskRecord.NamedModel
    package let method: any MaskMethod
    /// Version of the program, for fingerprints and file metadata.
    package let version: String
    /// Seconds that loading the model took, for records.
    private let secondsLoading: Double
    /// How and where the program runs, for records.
    private let execution: Execution

    package init(
        _ model: MaskRecord.NamedModel, _ method: any MaskMethod, version: String, secondsLoading: Double = 0
    ) {
        (self.model, self.method, self.version, self.secondsLoading) = (model, method, version, secondsLoading)
        execution = Execution(threads: Kernels.threadCount, instructions: Kernels.instructions.rawValue)
    }

    package var settings: MaskSettings { method.settings }

    /// Masks one image: writes all files of the request, the record last, and returns the record.
    ///
    /// Throws `FileError` for problems with files, and what the observer throws to cancel. An image that changed while it
    /// was read, or nothing of which can be decoded, is a problem too. In all these cases no output is written but the
    /// outline of the tissue, and the cache stays if it has finished blocks of the image.
    package func run(_ request: MaskRequest, _ observer: any MaskObserver) throws -> MaskRecord {
        let (fingerprint, image) = try observer.opening {
            (try self.fingerprint(of: request), try open(request, observer.note))
        }
        let (tissue, tissueWarning, plan) = try observer.opening {
            let (tissue, warning) = try image.tissue(request.tissue, observer.note)
            return (tissue, warning, try method.plan(image, tissue: tissue))
        }
        let earlier = MaskRecord(reading: request.record)
        let mask = request.record.folder.pushing(FilePath(earlier?.files[OutputKind.mask.rawValue] ?? ""))
        if earlier != nil, mask.location != request.mask.location, mask.exists {
            observer.note("\(request.record) is the record of \(mask), and will be that of \(request.mask)")
        }
        let outputs = try OutputSet(outputJob(request, image, observer.note))
        try outputs.begin(tissue)
        let start = ContinuousClock.now
        let run = try openCache(request, fingerprint, plan, observer.note)
        let cache = run.cache
        var (isFinished, isChanged) = (false, false)
        defer {
            if isChanged || (cache.completeBlocks == 0 || isFinished) && !request.keepsCache { cache.remove() }
        }
        func requireUnchanged() throws {
            guard try self.fingerprint(of: request) == fingerprint else {
                // Blocks may be those of another image.
                isChanged = true
                throw Self.changed(request.image)
            }
        }
        let findings = try run.findings(in: image.blocks, observer)
        let predicting = start.secondsSince
        try requireUnchanged()
        if cache.blocksFound > 0 {
            observer.note("\(cache.blocksFound) of \(cache.blocks) blocks were found in \(cache.path)")
        }
        try findings.requireReadable(request.image)
        observer.found(findings)
        let outputStart = ContinuousClock.now
        var results = try findings.write(to: outputs) { stage, done, total in
            try observer.progress(
                MaskProgress(
                    stage: .rows(stage), done: done, total: total, decodedPixels: image.blocks.decodedPixels,
                    canResume: cache.completeBlocks > 0))
        }
        try requireUnchanged()
        let digests = try outputs.finish(&results)
        let record = MaskRecord(
            fingerprint, image: .init(image, path: request.image), model: model,
            refinement: outputs.refinement(results),
            windows: findings.units, coverage: .init(results, image.micronsPerPixel), nuclei: results.counts,
            warnings: image.warnings + [tissueWarning].compactMap { $0 } + findings.warnings(request.tissue, results),
            notes: image.notes,
            polygons: results.polygons, files: request.files, digests: digests,
            seconds: .init(
                loading: secondsLoading, predicting: predicting, parts: findings.seconds,
                writing: outputStart.secondsSince), execution: execution)
        try outputs.write(record)
        isFinished = true
        return record
    }

    /// The record of an image whose files all have the content that was written for the same request; nil for others,
    /// including images that cannot be read. All files are read.
    package func finishedRecord(of request: MaskRequest) -> MaskRecord? {
        guard let fingerprint = try? fingerprint(of: request),
            !request.keepsCache || request.cache.path(for: fingerprint).exists
        else { return nil }
        return fingerprint.finished(request.files)
    }

    /// The cache of a request. Throws `unreadable` where the image does not exist.
    package func cache(of request: MaskRequest) throws(FileError) -> FilePath {
        if case .file(let path) = request.cache { return path }
        return request.cache.path(for: try fingerprint(of: request))
    }

    /// Opens the image of a request at the resolution of the model.
    func open(_ request: MaskRequest, _ note: (String) -> Void) throws(FileError) -> SlideImage {
        let image = try SlideImage.open(
            request.copy ?? request.image, at: request.resolution, modelMicronsPerPixel: model.micronsPerPixel)
        if min(image.blocks.width, image.blocks.height) < model.tileSize {
            note(
                "\(image.blocks.width) x \(image.blocks.height) pixels at the resolution of the model, smaller than a tile of "
                    + "\(model.tileSize): padded by reflection"
            )
        }
        for text in image.notes { note(text) }
        return image
    }

    /// Description of a request for its outputs. Throws `malformed` where nuclei cannot be refined at the resolution.
    func outputJob(
        _ request: MaskRequest, _ image: SlideImage, _ note: (String) -> Void
    ) throws(FileError) -> OutputJob {
        var refinement: RefinementSettings?
        if request.refinement != nil {
            let microns = image.micronsPerPixel(assuming: model.micronsPerPixel ?? 0.25)
            let mean = (microns.x * microns.y).squareRoot()
            if image.micronsPerPixel != nil {
                refinement = try RefinementSettings(image.path, micronsPerPixel: mean)
            } else {
                note(
                    "its resolution is not known; refined as if it were \(String(mean, decimals: 3)) microns per pixel")
                refinement = try RefinementSettings("\(model.path)", micronsPerPixel: mean)
            }
        }
        return OutputJob(
            request: request, image: image, settings: settings, refinement: refinement,
            software: WrittenImage.software(version: version),
            isEnsemble: model.members != nil, assumedMicronsPerPixel: model.micronsPerPixel ?? 0.5)
    }

    func fingerprint(of request: MaskRequest) throws(FileError) -> MaskFingerprint {
        MaskFingerprint(
            version: version, image: try ImageState(request.image), model: model.sha256,
            temperature: model.temperature ?? 1, settings: settings, resolution: request.resolution,
            tissue: try request.tissue.identity,
            refinement: request.refinement?.rawValue, formats: request.formats, files: request.files)
    }

    /// Opens the cache and notes what was found there.
    private func openCache(
        _ request: MaskRequest, _ fingerprint: MaskFingerprint, _ plan: any MaskPlan, _ note: (String) -> Void
    ) throws(FileError) -> any MaskRun {
        let run = try plan.open(
            request.cache.path(for: fingerprint), of: fingerprint.image, model: model.sha256, version: version)
        let cache = run.cache
        if cache.byteCount >= 1 << 20 {
            note("\(String(Double(cache.byteCount) / 1e6, decimals: 1)) MB reserved in \(cache.path)")
        }
        if cache.wasReset { note("\(cache.path) belonged to other settings or another image and was reset") }
        return run
    }
}
