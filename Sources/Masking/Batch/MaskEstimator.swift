import Foundations
import Glibc
import Imaging

/// Estimates what masking images takes: the pipeline up to its plan, with measurements in place of the computation.
package struct MaskEstimator {
    package let pipeline: MaskPipeline
    /// Seconds of computing a window or a block.
    package let secondsPerUnit: Double
    private let threads: Int
    /// Memory of the program with its model, in bytes.
    private let programBytes: Int
    private var disks = DiskPlan()

    /// Measures the model on this machine. `threads` is the number of threads that compute.
    package init(_ pipeline: MaskPipeline, threads: Int) throws {
        self.pipeline = pipeline
        self.threads = threads
        secondsPerUnit = try pipeline.method.measureSecondsPerUnit()
        programBytes = Self.largestMemory
    }

    /// Largest memory of this process so far, in bytes.
    private static var largestMemory: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }

    /// Estimates one image; problems become part of the estimate. The space of its files counts as taken for the images
    /// that follow. Nothing is written that stays, except the outline of the tissue if that is an output.
    ///
    /// An image that is finished is not masked again, unless `overwrites` is set.
    package mutating func estimate(_ request: MaskRequest, overwrites: Bool) -> ImageEstimate {
        var estimate = ImageEstimate(request.image.string)
        do {
            try fill(&estimate, request, overwrites: overwrites)
        } catch let error as FileError {
            estimate.fail(error)
        } catch {
            estimate.fail(FileError(request.image, .unreadable, "\(error)"))
        }
        return estimate
    }

    private mutating func fill(_ estimate: inout ImageEstimate, _ request: MaskRequest, overwrites: Bool) throws {
        var notes = [String]()
        defer { estimate.notes = notes }
        let image = try pipeline.open(request) { notes.append($0) }
        notes += image.warnings.map { "warning: \($0)" }
        estimate.properties = .init(image)
        estimate.reading = image.reading
        let (tissue, tissueWarning) = try image.tissue(request.tissue) { notes.append($0) }
        if let tissueWarning { notes.append("warning: \(tissueWarning)") }
        estimate.tissueShare = tissue?.processedShare(width: image.width, height: image.height)
        let plan = try pipeline.method.plan(image, tissue: tissue)
        let workload = plan.workload
        estimate.windows = workload.windows
        if !overwrites, let record = pipeline.finishedRecord(of: request) {
            estimate.isFinished = true
            estimate.outcome = record.isEmpty ? .empty : record.unreadableParts == nil ? .masked : .partlyUnreadable
            notes.append("already finished: would be skipped")
            (estimate.windowsToCompute, estimate.seconds) = (0, 0)
            return
        }
        estimate.windowsToCompute = workload.withTissue
        if !overwrites { try pipeline.requireNoFailure(request) }
        if FileLock.state(of: FileLock.path(for: request.mask))?.isHeld ?? false {
            throw FileError(request.mask, .busy, FileLock.problem)
        }
        let job = try pipeline.outputJob(request, image) { notes.append($0) }
        let outputs = request.files.mapValues {
            OutputEstimate(
                $0, workload, width: image.width, height: image.height, stride: job.strideAtFullResolution,
                micronsPerPixel: job.micronsPerPixel, showsNuclei: job.showsNuclei)
        }
        estimate.memoryBytes = ImageEstimate.memoryBytes(
            program: programBytes, workload, isSlide: image.slide != nil, outputs: outputs)
        let cacheBytes = plan.cacheBytes
        let outputBytes = ImageEstimate.outputBytes(outputs)
        (estimate.cacheBytes, estimate.outputBytes) = (cacheBytes, outputBytes)
        let survey = try plan.survey(image.blocks)
        if let problem = survey.problem { notes.append("parts cannot be read: \(problem.problem)") }
        if survey.brightness.isDark { notes.append(survey.brightness.warning) }
        estimate.isReadCompletely = survey.isComplete
        let predicting = ImageEstimate.seconds(
            units: workload.wholeUnits, perUnit: secondsPerUnit, reading: survey.seconds, threads: threads)
        estimate.seconds = predicting
        try tryOutputs(job, tissue, bytes: outputBytes, cacheBytes: cacheBytes)
        estimate.seconds = try predicting + secondsToWriteMask(job)
        if survey.readable == 0, survey.unreadable > 0 {
            throw FileError.nothingReadable(request.image, count: survey.unreadable, survey.problem)
        } else if survey.unreadable > 0 {
            estimate.outcome = .partlyUnreadable
        } else if survey.readable == 0, survey.isComplete {
            estimate.outcome = .empty
            notes.append(request.tissue.emptiness(hasBackground: workload.withTissue < workload.windows))
        }
    }

    /// Opens all files and the cache without completing them, and takes their space.
    private mutating func tryOutputs(_ job: OutputJob, _ tissue: TissueMap?, bytes: Int, cacheBytes: Int) throws {
        let request = job.request
        let outputs = try OutputSet(job)
        let cache = try pipeline.cache(of: request)
        _ = try AtomicFile(cache)
        try outputs.begin(tissue)
        guard let storage = Storage(ofFile: request.mask),
            let scratch = Storage(ofFile: cache)
        else { return }
        try disks.add(
            request.mask, storage, bytes: bytes, cache: (cache, scratch, cacheBytes, isKept: request.keepsCache))
    }

    /// Estimates the seconds of writing a mask by writing the top of one, with as many edges as windows make, for about
    /// 0.1 s. The file is dropped.
    private func secondsToWriteMask(_ job: OutputJob) throws -> Double {
        let (width, height) = (job.image.width, job.image.height)
        let writer = try openMaskForWriting(
            job.request.mask, width: width, height: height, bits: job.request.formats.bits, threads: threads,
            run: runOnKernelThreads)
        let row = (0..<width).map { UInt8($0 / pipeline.settings.stride % 2 * 255) }
        let start = ContinuousClock.now
        repeat {
            // Rows of whole tiles of a pyramid.
            for _ in 0..<min(256, height - writer.nextRow) { try writer.write(rows: row.span.bytes, count: 1) }
        } while writer.nextRow < height && start.secondsSince < 0.1
        return start.secondsSince * Double(height) / Double(writer.nextRow)
    }
}
