import ArgumentParser
import Console
import Foundations
import Masking

/// Images that have masks, and where the masks are.
struct MaskedImages: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Crops, whole slides, folders with images, or patterns. Images without a mask are errors.",
            valueName: "image"), completion: .file())
    var images: [String]

    @Flag(help: "Take images from the folders inside folders too.")
    var recursive = false

    @Option(
        help: """
            Mask, whose record is next to it; {} stands for the name of IMAGE (default: {}_nuclei_mask.png, or .tif, in \
            --output-folder if it is there, else next to IMAGE).
            """, completion: .file())
    var mask: String?

    @Option(
        help: "Folder of the masks, as in masking, and of outputs whose names have no folder; created if needed.",
        completion: .directory)
    var outputFolder: FilePath?

    /// The images, each with a file to write, which `--output` names or `path` finds. Throws `ValidationError` where
    /// images would share a mask or a file: where a name has no place for the name of the image, or two images have the
    /// same `path`.
    func batch(output: String?, path: (FilePath, OutputNames) -> FilePath) throws -> ImageBatch {
        let batch = try Interruption.endingAtOnce {
            try ImageBatch(images, OutputNames(folder: outputFolder), recursively: recursive)
        }
        if !batch.isSingle {
            for (option, name) in [("--mask", mask), ("--output", output)] {
                try require(
                    name?.contains(OutputNames.placeholder) ?? true, option,
                    "a name with {}, which stands for the name of each image", found: name ?? "")
            }
        }
        var taken = [FilePath: FilePath]()
        for image in batch.images {
            let path = path(image, batch.names)
            if let other = taken.updateValue(image, forKey: path.location) {
                throw ValidationError("expected another file for each image, found \(path) for \(other) and \(image)")
            }
        }
        return batch
    }
}
