import Foundations
import Glibc

extension MaskPipeline {
    /// Masks an image like `run`. An abnormal end of the program, such as a library that traps, leaves a file with the
    /// name of the mask and `.failed`, so that a later run does not end at the same image again.
    ///
    /// Throws `malformed` where such a file tells of an earlier attempt of the same request, unless `repeats`.
    package func attempt(_ request: MaskRequest, repeats: Bool, _ observer: any MaskObserver) throws -> MaskRecord {
        let note = request.files[.mask]?.withSuffix(".failed") ?? request.cache.withSuffix(".failed")
        let text = "nuclei \(try fingerprint(of: request).digest)\n"
        if !repeats, let file = try? MappedFile(note), file.bytes.elementsEqual(text.utf8) {
            throw FileError(
                request.image, .malformed,
                "expected an image that can be read, found that the program ended abnormally while reading it "
                    + "(remove \(note) or use --overwrite to try again)")
        }
        AbnormalEnd.begin(request.image, note: (note, text))
        defer { AbnormalEnd.end() }
        let record = try run(request, observer)
        _ = note.withPlatformString { unlink($0) }
        return record
    }
}
