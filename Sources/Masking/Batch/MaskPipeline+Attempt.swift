import Foundations
import Glibc

extension MaskPipeline {
    /// Masks an image like `run`, as the only process that writes its mask. An abnormal end of the program, such as a
    /// library that traps, leaves a file with the name of the mask and `.failed`, so that a later run does not end at the
    /// same image again.
    ///
    /// Unless `repeats`, a mask that another process has finished meanwhile is returned as found. Throws `busy` where
    /// another process writes the mask, and, unless `repeats`, what `requireNoFailure` throws.
    package func attempt(
        _ request: MaskRequest, repeats: Bool, _ observer: any MaskObserver
    ) throws -> (record: MaskRecord, wasFound: Bool) {
        let lock = try FileLock(for: request.mask, owner: MaskLock(request.image).text)
        defer { withExtendedLifetime(lock) {} }
        if !repeats, let record = finishedRecord(of: request) { return (record, true) }
        if lock.isHeld {
            for path in request.files.values { AtomicFile.removeLeftovers(of: path) }
        }
        if !repeats { try requireNoFailure(request) }
        let note = try failureNote(request)
        let memory = AvailableMemory.atStart.map { "\(Self.memory) \($0)\n" } ?? ""
        AbnormalEnd.begin(request.image, note: (note.path, note.text, note.text + memory))
        defer { AbnormalEnd.end() }
        let record = try runStaged(request, observer)
        _ = note.path.withPlatformString { unlink($0) }
        return (record, false)
    }

    /// Starts the line about missing memory in the file about an abnormal end.
    private static let memory = "available memory"

    private func failureNote(_ request: MaskRequest) throws -> (path: FilePath, text: String) {
        (request.mask.withSuffix(".failed"), "nuclei \(try fingerprint(of: request).digest)\n")
    }

    /// Throws where a file tells of an abnormal end of an earlier attempt of the same request: `malformed`, or
    /// `lacksMemory` where memory was missing and this process began with no more than that one.
    func requireNoFailure(_ request: MaskRequest) throws {
        let note = try failureNote(request)
        guard let file = try? FileBytes.data(note.path), file.starts(with: note.text.utf8) else { return }
        let rest = String(decoding: file.dropFirst(note.text.utf8.count), as: UTF8.self)
        let hint = "(remove \(note.path) or use --overwrite to try again)"
        guard let earlier = rest.split(whereSeparator: \.isWhitespace).last.flatMap({ Int($0) }) else {
            throw FileError(
                request.image, .malformed,
                "expected an image that can be read, found that the program ended abnormally while it was masked \(hint)"
            )
        }
        // What others take of it varies.
        if let now = AvailableMemory.atStart, now > earlier + earlier / 20 { return }
        throw FileError(
            request.image, .lacksMemory,
            "expected more memory than the \(earlier / 1_000_000) MB that were too little in an earlier attempt, "
                + "found no more \(hint)")
    }

    static func changed(_ image: FilePath) -> FileError {
        FileError(
            image, expected: "the same image and outline until its mask is complete",
            found: "that one was changed or replaced")
    }

    /// Runs a request, with the image in its staging folder where one is named.
    private func runStaged(_ request: MaskRequest, _ observer: any MaskObserver) throws -> MaskRecord {
        guard let folder = request.stagingFolder else { return try run(request, observer) }
        let state = try ImageState(request.image)
        guard state.isSingleFile else {
            observer.note("a slide of several files is read in place, not from \(folder)")
            return try run(request, observer)
        }
        let copy = try observer.opening { try StagedFile(request.image, in: folder) }
        defer { withExtendedLifetime(copy) {} }
        guard try ImageState(request.image) == state else { throw Self.changed(request.image) }
        var staged = request
        staged.copy = copy.path
        do {
            return try run(staged, observer)
        } catch let error as FileError where error.path == copy.path.string {
            throw FileError(request.image, error.kind, error.problem)
        }
    }
}
