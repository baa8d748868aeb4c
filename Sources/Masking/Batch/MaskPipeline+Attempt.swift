import Foundations
import Glibc

extension MaskPipeline {
    /// Masks an image like `run`, as the only process that writes its mask. An abnormal end of the program, such as a
    /// library that traps, leaves a file with the name of the mask and `.failed`, so that a later run does not end at the
    /// same image again.
    ///
    /// Unless `repeats`, a mask that another process has finished meanwhile is returned as found. Throws `busy` where
    /// another process writes the mask, and, unless `repeats`, `malformed` where a file tells of an abnormal end of an
    /// earlier attempt of the same request.
    package func attempt(
        _ request: MaskRequest, repeats: Bool, _ observer: any MaskObserver
    ) throws -> (record: MaskRecord, wasFound: Bool) {
        let text = "nuclei \(try fingerprint(of: request).digest)\n"
        let lock = try FileLock(for: request.mask, owner: MaskLock(request.image).text)
        defer { withExtendedLifetime(lock) {} }
        if !repeats, let record = finishedRecord(of: request) { return (record, true) }
        if lock.isHeld {
            for path in request.files.values { AtomicFile.removeLeftovers(of: path) }
        }
        let note = request.mask.withSuffix(".failed")
        if !repeats, let file = try? MappedFile(note), file.bytes.elementsEqual(text.utf8) {
            throw FileError(
                request.image, .malformed,
                "expected an image that can be read, found that the program ended abnormally while reading it "
                    + "(remove \(note) or use --overwrite to try again)")
        }
        AbnormalEnd.begin(request.image, note: (note, text))
        defer { AbnormalEnd.end() }
        let record = try runStaged(request, observer)
        _ = note.withPlatformString { unlink($0) }
        return (record, false)
    }

    /// Runs a request, with the image in its staging folder where one is named.
    private func runStaged(_ request: MaskRequest, _ observer: any MaskObserver) throws -> MaskRecord {
        guard let folder = request.stagingFolder else { return try run(request, observer) }
        guard try ImageState(request.image).isSingleFile else {
            observer.note("a slide of several files is read in place, not from \(folder)")
            return try run(request, observer)
        }
        let copy = try observer.opening { try StagedFile(request.image, in: folder) }
        defer { withExtendedLifetime(copy) {} }
        var staged = request
        staged.copy = copy.path
        do {
            return try run(staged, observer)
        } catch let error as FileError where error.path == copy.path.string {
            throw FileError(request.image, error.kind, error.problem)
        }
    }
}
