import Console
import Foundations
import Foundation
import Imaging
import Masking

/// Finds out what the images of a command would take.
final class ImagePlanner {
    let job: MaskingJob
    let rehearsal: Rehearsal
    /// Bytes that the program takes with its model.
    private let programBytes: Int
    private var disks = DiskPlan()
    /// Folders that were made to try them, the innermost first.
    private let madeFolders: [FilePath]

    /// Measures the model on this machine.
    init(_ job: MaskingJob) throws {
        self.job = job
        rehearsal = try Rehearsal(job.masker)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        programBytes = usage.ru_maxrss * 1024
        madeFolders = try job.options.outputs.outputFolder.map(Folder.ensureCounted) ?? []
    }

    /// Takes away the folders that were made, as long as nothing is in them.
    func removeFolders() {
        for folder in madeFolders { rmdir(folder.string) }
    }

    func plan(_ image: FilePath) -> ImagePlan {
        var plan = ImagePlan(image.string)
        do {
            try find(&plan)
        } catch let error as FileError {
            plan.problems.append(error)
        } catch {
            plan.problems.append(FileError(image, .unreadable, "\(error)"))
        }
        return plan
    }

    private func find(_ plan: inout ImagePlan) throws {
        let image = FilePath(plan.image)
        let opened = try job.open(image)
        let reader = opened.reader
        plan.properties = .init(opened)
        plan.reading = ImagePlan.reading(opened)
        if let note = opened.note { plan.notes.append(note) }
        if job.masker.pads(width: reader.width, height: reader.height) {
            plan.notes.append("smaller than a tile of \(job.model.tileSize): padded by reflection")
        }
        var notes = [String]()
        let tissue = try job.options.tissue.map(of: reader, job.names) { notes.append($0) }
        plan.notes += notes
        plan.tissueShare = tissue?.share
        if tissue?.share == 0 { plan.notes.append("no tissue was found: all would be black") }
        let workload = try rehearsal.workload(reader, tissue: tissue)
        plan.windows = workload.windows
        plan.isFinished = job.finished(image) != nil
        guard !plan.isFinished else {
            plan.notes.append("finished before: would be skipped")
            (plan.windowsToCompute, plan.seconds) = (0, 0)
            return
        }
        try job.writeTissue(tissue, of: reader)
        plan.windowsToCompute = workload.withTissue
        let files = job.names.paths(for: image)
        let size = (width: reader.imageWidth, height: reader.imageHeight)
        plan.memoryBytes = ImagePlan.memoryBytes(
            program: programBytes, workload, image: size, isSlide: reader.slide != nil, files: files)
        let journal = Journal.byteCount(windows: workload.windows, blocks: workload.blocks)
        plan.journalBytes = journal
        let outputs = ImagePlan.outputBytes(
            workload, image: size, stride: job.options.stride, isRefined: job.options.refine != nil, files: files)
        plan.outputBytes = outputs
        let reading = try Rehearsal.reading(workload, from: reader)
        if let problem = reading?.problem { plan.notes.append("parts cannot be read: \(problem.problem)") }
        let predicting = ImagePlan.seconds(
            windows: workload.withTissue, perWindow: rehearsal.secondsPerWindow, reading: reading?.seconds ?? 0,
            threads: job.options.threads.count)
        plan.seconds = predicting
        try tryOutputs(of: image, opened, bytes: outputs, journal: journal)
        plan.seconds = try predicting + secondsToWriteMask(of: image, size)
    }

    /// Writes the beginning of a mask with as many edges as windows make, for a tenth of a second or so, and drops it.
    private func secondsToWriteMask(of image: FilePath, _ size: (width: Int, height: Int)) throws -> Double {
        let writer = try openMaskForWriting(
            job.names.mask(for: image), width: size.width, height: size.height, bits: job.options.outputs.bits)
        let row = (0..<size.width).map { UInt8($0 / job.options.stride % 2 * 255) }
        let start = ContinuousClock.now
        repeat {
            // Rows of whole tiles of a pyramid.
            for _ in 0..<min(256, size.height - writer.nextRow) {
                try row.withUnsafeBytes { try writer.write(rows: $0, count: 1) }
            }
        } while writer.nextRow < size.height && ContinuousClock.now - start < .milliseconds(100)
        return Progress.seconds(ContinuousClock.now - start) * Double(size.height) / Double(writer.nextRow)
    }

    /// Makes all files, which are gone again unless they are completed, and counts what they take.
    private func tryOutputs(of image: FilePath, _ opened: ResolvedImage, bytes: Int, journal: Int) throws {
        let refinement = job.refinement(of: opened) { _ in }
        _ = try MaskOutputs(
            job.options.outputs, for: image, opened, settings: job.options.settings, refinement: refinement)
        let (mask, journalPath) = (job.names.mask(for: image), job.names.journal(for: image))
        _ = try AtomicFile(journalPath)
        let keeps = job.options.outputs.keepProbabilities
        guard let storage = Storage(ofFile: mask), let scratch = Storage(ofFile: journalPath) else { return }
        try disks.add(
            mask, storage, bytes: bytes + (keeps ? journal : 0),
            whileMade: (journalPath, scratch, keeps ? 0 : journal))
    }
}
