import ArgumentParser
import Console
import Foundations
import Masking

extension EdgeRule: ExpressibleByArgument {}
extension Blend: ExpressibleByArgument {}

/// How the positive regions of a mask become nuclei.
enum Refiner: String, CaseIterable, ExpressibleByArgument {
    case haematoxylin
}

/// Which images to look at, how, and what to write: what masking and planning have in common.
struct MaskingOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Crops, whole slides, folders that have some, or patterns such as 'slides/*.svs'.", valueName: "image"))
    var images: [String]

    @Option(help: "Model file (default: the model that is part of the program, nuclei-compact).")
    var model: FilePath?

    @Option(help: "Pixels from one window to the next, at most the model's tile size.")
    var stride = 128

    @Option(help: "Microns per pixel of the image, for one that does not say or is wrong.")
    var mpp: Double?

    @Option(help: "Level of a slide to look at as it is, instead of resampling to the model's resolution.")
    var level: Int?

    @OptionGroup var batch: BatchOptions

    @Option(help: "A pixel is white where its mean probability of nuclei is above this.")
    var threshold = 0.5

    @Option(help: "Where windows do not end at an edge: one more touches it (clamp), or the rest is left out (none).")
    var edges = EdgeRule.clamp

    @Option(
        help: """
            Weights of the windows over a pixel: the same (uniform), or less towards a window's edge (hann), for masks \
            without block edges, computed for squares of 8 x 8 pixels.
            """)
    var blend = Blend.uniform

    @Option(
        help: """
            Outline the nuclei inside the white regions: pixels with more haematoxylin, by colour deconvolution, than a \
            threshold that is found for the whole image (haematoxylin). Made for H&E at 20x and more.
            """)
    var refine: Refiner?

    @Option(
        help: ArgumentHelp(
            """
            Where to look: in the tissue that a slide's smallest level shows (auto; crops are looked at everywhere), \
            everywhere (off), or inside the polygons of a GeoJSON file in pixels of the full resolution, in whose name {} \
            stands for the name of IMAGE.
            """,
            valueName: "auto|off|FILE.geojson"))
    var tissue = TissueChoice.auto

    @Flag(
        inversion: .prefixedNo,
        help: "Compute what overlapping windows have in common once, where that is less work; the results are the same."
    )
    var sharedFeatures = true

    @OptionGroup var outputs: OutputOptions

    @Flag(
        inversion: .prefixedNo,
        help: """
            Make masks again that are finished: made of the same image by the same model and version, with the same \
            settings and outputs (default: for a single IMAGE that is a file; of several, finished ones are skipped).
            """)
    var overwrite: Bool?

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        try require(stride >= 1, "--stride", "at least 1", found: stride)
        try require(mpp.map { $0 > 0 && $0.isFinite } ?? true, "--mpp", "a positive number", found: mpp ?? 0)
        try require(level ?? 0 >= 0, "--level", "0 or more", found: level ?? 0)
        try require(mpp == nil || level == nil, "--level", "no --mpp beside it", found: "both")
        try require(0...1 ~= threshold, "--threshold", "0 to 1", found: threshold)
    }

    var settings: MaskSettings {
        var settings = MaskSettings()
        (settings.stride, settings.threshold) = (stride, threshold)
        (settings.edges, settings.blend) = (edges, blend)
        return settings
    }

    var resolution: ResolutionChoice {
        level.map { .level($0) } ?? mpp.map { .imageMicronsPerPixel($0) } ?? .model
    }

    /// What only has a sense where windows overlap: at a stride below the model's tile size.
    func requireOverlap(_ tile: Int) throws {
        try require(stride <= tile, "--stride", "1 to \(tile), the model's tile size", found: stride)
        guard stride == tile else { return }
        let found = "windows that only touch, --stride \(tile)"
        try require(blend == .uniform, "--blend hann", "windows that overlap", found: found)
        try require(outputs.disagreement == nil, "--disagreement", "windows that overlap", found: found)
    }
}
