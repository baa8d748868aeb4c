import ArgumentParser
import Console
import Foundations
import Masking

/// Throws `ValidationError` where images would share a file: where the name of one that is written or read has no place for
/// the name of the image, or two images would have the same `path` to write.
func requireDistinct(
    _ batch: ImageBatch, written: (option: String, name: String?), read: (option: String, name: String?),
    path: (FilePath) -> FilePath
) throws {
    if !batch.isSingle {
        for (option, name) in [read, written] {
            try require(
                name?.contains(OutputNames.placeholder) ?? true, option,
                "a name with {}, which stands for the name of each image", found: name ?? "")
        }
    }
    var taken = [FilePath: FilePath]()
    for image in batch.images {
        let path = path(image)
        if let other = taken.updateValue(image, forKey: path.location) {
            throw ValidationError("expected another file for each image, found \(path) for \(other) and \(image)")
        }
    }
}

/// Makes the folders of outputs, and calls `body` with each image. Of several images, one that fails is reported and the
/// others go on; throws their status at the end.
func forEachImage(of batch: ImageBatch, _ body: (FilePath) throws -> Void) throws {
    for folder in batch.outputFolders { try Folder.ensure(folder) }
    var failures = [ExitCode]()
    for image in batch.images {
        do {
            try body(image)
        } catch  where !(error is Interrupted) && !batch.isSingle {
            failures.append(report(error))
        }
    }
    let status = ExitStatus.combined(failures, isPartlyUnreadable: false)
    if status != .success { throw status }
}
