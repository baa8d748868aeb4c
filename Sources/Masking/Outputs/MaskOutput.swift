import Foundations
import Imaging

/// A file that masking writes for an image.
///
/// An output is one file of this folder: a class that adopts this protocol. Register it in `OutputKind`; a command adds
/// an option for it. Calls come in the order of the declarations here, with one call of `add` for each band of the mask.
package protocol MaskOutput: AnyObject {
    /// Ends in lower case, after a dot, that the output's name may have; empty for any.
    static var fileExtensions: [String] { get }
    /// Whether the output has content only where windows overlap.
    static var needsOverlap: Bool { get }
    /// Estimates the size of the file, in bytes.
    static func estimatedBytes(_ image: OutputEstimate) -> Double
    /// Estimates the memory for writing the file, in bytes.
    static func memoryBytes(_ image: OutputEstimate) -> Int

    /// Opens the file, so that a location that cannot be written to fails before windows are computed. The file appears
    /// when it is finished; without that, nothing remains.
    init(_ path: FilePath, _ job: OutputJob) throws
    /// Receives the processed area before windows are computed; nil for all of the image.
    func begin(_ tissue: TissueMap?) throws
    /// Receives the windows and their mean probabilities. The image may be read here, but not in `finish`.
    func write(_ windows: ProbabilityGrid, _ field: ProbabilityField, _ progress: OutputProgress) throws
    /// Receives the nuclei of the image, where the model finds them, in place of windows.
    func write(_ nuclei: NucleiResult, _ progress: OutputProgress) throws
    /// Receives each nucleus, in the order of their numbers.
    func add(_ nucleus: Nucleus, id: Int) throws
    /// Receives the rows of the mask, from top to bottom without gaps.
    func add(_ band: MaskBand) throws
    /// Completes the file, and may add to the results. Nothing appears before.
    func finish(_ results: inout MaskResults) throws
}

/// Receives the name of a step, and how many of its rows are done. May throw to cancel.
package typealias OutputProgress = (_ step: String, _ done: Int, _ total: Int) throws -> Void

extension MaskOutput {
    package static var fileExtensions: [String] { [] }
    package static var needsOverlap: Bool { false }
    package static func memoryBytes(_ image: OutputEstimate) -> Int { 0 }
    package func begin(_ tissue: TissueMap?) throws {}
    package func write(_ windows: ProbabilityGrid, _ field: ProbabilityField, _ progress: OutputProgress) throws {}
    package func write(_ nuclei: NucleiResult, _ progress: OutputProgress) throws {}
    package func add(_ nucleus: Nucleus, id: Int) throws {}
    package func add(_ band: MaskBand) throws {}
    package func finish(_ results: inout MaskResults) throws {}
}

/// The outputs that exist. Raw values are keys of records.
package enum OutputKind: String, CaseIterable, Codable, Sendable {
    case mask, record, csv, geojson, tiles, probabilities, disagreement, heatmap, tissue, nuclei, labels, density

    package var type: any MaskOutput.Type {
        switch self {
        case .mask: MaskImageOutput.self
        case .record: RecordOutput.self
        case .csv: WindowTableOutput.self
        case .geojson: GeoJSONOutput.self
        case .tiles: WindowTilesOutput.self
        case .probabilities: ProbabilityMapOutput.self
        case .disagreement: DisagreementMapOutput.self
        case .heatmap: HeatMapOutput.self
        case .tissue: TissueOutlineOutput.self
        case .nuclei: NucleusOutput.self
        case .labels: LabelImageOutput.self
        case .density: DensityMapOutput.self
        }
    }

    /// Whether the output can be written with a model that outlines nuclei, or with one that classifies windows.
    package func exists(outliningNuclei: Bool) -> Bool {
        switch self {
        case .mask, .record, .geojson, .tissue: true
        case .nuclei, .labels, .density: outliningNuclei
        case .csv, .tiles, .probabilities, .disagreement, .heatmap: !outliningNuclei
        }
    }
}

/// Everything that the outputs of one image depend on.
package struct OutputJob {
    package let request: MaskRequest
    package let image: SlideImage
    package let settings: MaskSettings
    /// How positive regions become nuclei; nil keeps the regions.
    package let refinement: RefinementSettings?
    /// Name and version of the program, for file metadata.
    package let software: String
    /// Whether probabilities are means over several models.
    var isEnsemble = false
    /// Whether the white parts of the mask are nuclei, not regions.
    var showsNuclei: Bool { refinement != nil || settings.nuclei != nil && settings.within == nil }
    /// Microns of the pixels that windows are laid on, of an image whose own are not known.
    package var assumedMicronsPerPixel = 0.5

    /// Microns per pixel at full resolution, for measurements.
    package var micronsPerPixel: (x: Double, y: Double) {
        image.micronsPerPixel(assuming: assumedMicronsPerPixel)
    }

    /// The stride of the windows in pixels at full resolution: the side of the square that a pixel of a map covers.
    var strideAtFullResolution: Int {
        let (x, y) = (
            Double(image.width) / Double(image.blocks.width), Double(image.height) / Double(image.blocks.height)
        )
        return max(1, Int((Double(settings.stride) * (x * y).squareRoot()).rounded()))
    }

    /// Metadata of a TIFF file whose pixels are `scale` pixels of the image wide and high. With a name of its channel,
    /// it is OME-TIFF.
    func properties(_ description: String, channel: String = "", scale: Int = 1) -> TIFFWriter.Properties {
        let scaled = image.micronsPerPixel.map { (x: $0.x * Double(scale), y: $0.y * Double(scale)) }
        var properties = TIFFWriter.Properties(
            micronsPerPixel: scaled, description: description, software: software)
        properties.channel = channel
        return properties
    }
}

/// Quantities from which the size of an output is estimated.
package struct OutputEstimate {
    package let path: FilePath
    package let workload: Workload
    /// Size of the image in pixels.
    package let width: Int
    package let height: Int
    /// In pixels of the image.
    package let stride: Int
    package let micronsPerPixel: (x: Double, y: Double)
    /// Whether the white parts of the mask are nuclei, not regions.
    package let showsNuclei: Bool

    package init(
        _ path: FilePath, _ workload: Workload, width: Int, height: Int, stride: Int,
        micronsPerPixel: (x: Double, y: Double), showsNuclei: Bool
    ) {
        (self.path, self.workload, self.width, self.height) = (path, workload, width, height)
        (self.stride, self.micronsPerPixel, self.showsNuclei) = (stride, micronsPerPixel, showsNuclei)
    }

    var pixels: Double { Double(width) * Double(height) }
    /// Pixels of the image that are processed.
    var processedPixels: Double { pixels * Double(workload.withTissue) / Double(max(1, workload.windows)) }
    /// The number of nuclei in the processed area, of which a square millimeter has 1,000 to 8,000.
    var nuclei: Double { processedPixels * micronsPerPixel.x * micronsPerPixel.y / 1e6 * 3500 }
    /// Memory of a pyramid: a band of tiles of each of its levels.
    func pyramidBytes(channels: Int) -> Int { path.isTIFF ? 512 * width * channels : 0 }
}

extension FilePath {
    /// Whether a file of this name is written as TIFF.
    package var isTIFF: Bool { ["tif", "tiff"].contains(lowercasedExtension) }
}
