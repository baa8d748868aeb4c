import ArgumentParser
import Console
import Foundations
import Masking

/// Makes the folders of outputs, and calls `body` with each image. Of several images, one that fails is reported and the
/// others go on; throws their status at the end.
func forEachImage(of batch: ImageBatch, _ body: (FilePath) throws -> Void) throws {
    for folder in batch.outputFolders { try Folder.ensure(folder) }
    var failures = batch.problems.map { report($0) }
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
