import ArgumentParser
import Console
import Foundations
import Imaging
import Masking

extension EdgeRule: ExpressibleByArgument {}
extension Blend: ExpressibleByArgument {}

extension RefinementMethod: ExpressibleByArgument {
    /// British spelling is accepted.
    public init?(argument: String) { self.init(rawValue: argument == "haematoxylin" ? "hematoxylin" : argument) }
}

/// Images, settings and outputs: what masking and planning have in common.
struct MaskingOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Crops, whole slides, folders with images, or patterns such as 'slides/*.svs'.", valueName: "image"),
        completion: .file())
    var images: [String]

    @Flag(
        help: """
            Take images from the folders inside folders too. With --output-folder, their outputs are in folders of the \
            same names.
            """)
    var recursive = false

    @Option(name: .shortAndLong, help: "Model file (default: the bundled model, nuclei-compact).")
    var model: FilePath?

    @Option(help: "Pixels from one window to the next, at most the model's tile size.")
    var stride = 128

    @Option(help: "Microns per pixel of images that state none (0.25 at 40x, 0.5 at 20x).")
    var mpp: Double?

    @Flag(help: "Use --mpp for all images, also where they state another value.")
    var mppOverride = false

    @Option(help: "Level of a slide to read as it is, without resampling to the model's resolution.")
    var level: Int?

    @OptionGroup var batch: BatchOptions

    @Option(help: "A pixel is white if its mean probability of nuclei is above this.")
    var threshold = 0.5

    @Option(
        help: "Right and lower edge: add a window that touches the edge (clamp), or leave the remainder out (none).")
    var edges = EdgeRule.clamp

    @Option(
        help: """
            Weights of the windows over a pixel: equal (uniform), or smaller towards the edge of a window (hann), for \
            masks without steps at the stride, computed for squares of 8 x 8 pixels.
            """)
    var blend = Blend.uniform

    @Option(
        help: """
            Outline nuclei inside the white regions: pixels with more hematoxylin, by color deconvolution, than a \
            threshold computed for the whole image (hematoxylin). For H&E at 20x or more.
            """)
    var refine: RefinementMethod?

    @Option(
        help: ArgumentHelp(
            """
            Area to process: the tissue found in a slide's smallest level (auto; crops are processed everywhere), \
            everything (off), or the polygons of a GeoJSON file in pixels of the full resolution; {} in its name stands \
            for the name of IMAGE.
            """,
            valueName: "auto|off|FILE.geojson"), completion: .file(extensions: ["geojson", "json"]))
    var tissue = TissueOption.auto

    @Option(
        help: ArgumentHelp(
            """
            Class of the objects in the GeoJSON file to use, in any case; may be repeated (default: all except those that \
            end with *, which QuPath ignores; these are cut out of the others).
            """,
            valueName: "name"))
    var tissueClass: [String] = []

    @Flag(
        inversion: .prefixedNo,
        help: "Compute features that overlapping windows share only once, where that is faster. Results are the same."
    )
    var sharedFeatures = true

    @OptionGroup var outputs: OutputOptions

    @Flag(
        inversion: .prefixedNo,
        help: """
            Mask images again that are finished: same image, model, version, settings and outputs (default: yes for a \
            single file; with several images, finished ones are skipped).
            """)
    var overwrite: Bool?

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        try require(stride >= 1, "--stride", "at least 1", found: stride)
        if let mpp {
            let range = plausibleMicronsPerPixel
            let hint =
                range ~= mpp / 1000
                ? "; are these nanometers, \(String(mpp / 1000, significantDigits: 4)) microns?" : ""
            try require(
                range ~= mpp, "--mpp", "\(range.lowerBound) to \(Int(range.upperBound)) microns per pixel",
                found: "\(mpp)\(hint)")
        }
        try require(mpp != nil || !mppOverride, "--mpp-override", "--mpp with a value", found: "none")
        try require(level ?? 0 >= 0, "--level", "0 or more", found: level ?? 0)
        try require(0...1 ~= threshold, "--threshold", "0 to 1", found: threshold)
        if case .outline = tissue { return }
        try require(tissueClass.isEmpty, "--tissue-class", "--tissue with a GeoJSON file", found: "none")
    }

    var settings: MaskSettings {
        var settings = MaskSettings()
        (settings.stride, settings.threshold) = (stride, threshold)
        (settings.edges, settings.blend) = (edges, blend)
        return settings
    }

    var resolution: ResolutionChoice {
        ResolutionChoice(micronsPerPixel: mpp, overrides: mppOverride, level: level)
    }

    /// Throws where an option needs windows that overlap: a stride below the model's tile size.
    func requireOverlap(_ tile: Int) throws {
        try require(stride <= tile, "--stride", "1 to \(tile), the model's tile size", found: stride)
        guard stride == tile else { return }
        let found = "windows that only touch, --stride \(tile)"
        try require(blend == .uniform, "--blend hann", "windows that overlap", found: found)
        try outputs.requireOverlap(found: found)
    }
}
