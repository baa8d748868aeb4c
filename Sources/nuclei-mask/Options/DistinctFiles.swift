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
