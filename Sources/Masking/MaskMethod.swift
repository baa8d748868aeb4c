import Foundations
import Imaging
import NeuralNetworks

/// A way to make a mask: from the classes of windows, or from the classes of pixels.
///
/// The steps of masking an image are a chain of values: a method plans an image, the plan opens a cache, the run that it
/// gives computes what is missing in the cache, and its findings write the outputs.
package protocol MaskMethod {
    var settings: MaskSettings { get }
    /// Parts of an image that results are computed for: "windows" or "blocks".
    var unit: String { get }

    /// Plans an image. `tissue` restricts the work to what touches it. Throws `malformed` where an image is too large for
    /// the memory that masking is designed for.
    func plan(_ image: SlideImage, tissue: TissueMap?) throws(FileError) -> any MaskPlan
    /// Seconds of computing one unit, measured for about a second.
    func measureSecondsPerUnit() throws -> Double
}

/// Everything about an image that is decided before the first unit is computed.
package protocol MaskPlan {
    /// The work if no unit is computed yet.
    var workload: Workload { get }
    /// Estimated size of the cache in bytes.
    var cacheBytes: Int { get }

    /// Opens the cache of an image, or starts a new one. Throws `unwritable` where the disk is full or the file is not a
    /// cache, and `busy` where another process has it open.
    func open(_ cache: FilePath, of image: ImageState, model: String, version: String) throws(FileError) -> any MaskRun
    /// Reads blocks of the image for about half a second. Throws what the image throws.
    func survey(_ image: any BlockReader) throws(FileError) -> ReadingSurvey
}

/// A plan with its cache.
package protocol MaskRun {
    var cache: any MaskCache { get }
    /// Computes what the cache lacks. Throws what the image throws, what the observer throws, and `PredictionError`.
    func findings(in image: any BlockReader, _ observer: any MaskObserver) throws -> any MaskFindings
}

/// A file that keeps finished blocks of an image, so that an interrupted run can continue.
package protocol MaskCache: AnyObject {
    var path: FilePath { get }
    /// Whether the file held the blocks of another identity.
    var wasReset: Bool { get }
    /// Size of the file.
    var byteCount: Int { get }
    var blocks: Int { get }
    /// Blocks that are complete, and those that were complete when the file was opened.
    var completeBlocks: Int { get }
    var blocksFound: Int { get }
    /// Removes the file. Its content stays readable as long as this object lives.
    func remove()
}

/// Findings in an image.
package protocol MaskFindings {
    /// How windows share features; nil if they do not.
    var sharing: SharingPlan? { get }
    /// Units that were computed, not found in the cache.
    var computed: Int { get }
    var seconds: PredictionSeconds { get }
    /// How bright the computed units are.
    var brightness: BrightnessSample { get }
    /// Objects with too little hematoxylin for nuclei; 0 where windows are classified.
    var pale: Int { get }
    /// The counts of units for records.
    var units: MaskRecord.Windows { get }
    /// Whether some pixels could be decoded and predicted.
    var hasReadablePart: Bool { get }
    /// The decoder's error for the first part that could not be decoded.
    var problem: FileError? { get }

    /// Writes the content of the outputs except the record. Nothing appears before they are finished.
    func write(to outputs: OutputSet, _ progress: OutputProgress) throws -> MaskResults
}
