import ArgumentParser
import BundledModels
import Console
import Foundations
import Imaging
import Masking

extension EdgeRule: ExpressibleByArgument {}
extension Blend: ExpressibleByArgument {}

extension Shard {
    /// The shard that an argument states, or that of the running task of Slurm.
    fileprivate init(argument: String) throws {
        guard argument == "slurm" else {
            guard let shard = Self(argument) else {
                throw ValidationError("--shard: expected I/N with I from 1 to N, or slurm, found \(argument)")
            }
            self = shard
            return
        }
        let names = ["ID", "COUNT", "MIN", "STEP"].map { "SLURM_ARRAY_TASK_\($0)" }
        let values = names.compactMap { name in Terminal.environment(name).map { (name, $0) } }
        guard let shard = Self(slurm: Dictionary(uniqueKeysWithValues: values)) else {
            let found = values.map { "\($0.0)=\($0.1)" }.joined(separator: " ")
            throw ValidationError(
                "--shard: expected a task of a Slurm array of equal steps, such as --array=1-10, found "
                    + (found.isEmpty ? "no SLURM_ARRAY_TASK_ID" : found))
        }
        self = shard
    }
}

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
    var images: [String] = []

    @Option(
        name: .customLong("images"),
        help: ArgumentHelp(
            """
            List of further images: one path per line, or CSV with the header image or image,mpp, whose mpp is --mpp for \
            this image. Relative paths begin in the working directory; lines with # are ignored.
            """, valueName: "file"), completion: .file())
    var list: FilePath?

    @Option(
        help: ArgumentHelp(
            """
            Process part I of N of --images, as I/N: a task of a job array. slurm: I and N are those of the Slurm array that \
            runs the command.
            """, valueName: "shard"), transform: Shard.init(argument:))
    var shard: Shard?

    @Flag(
        help: """
            Take images from the folders inside folders too. With --output-folder, their outputs are in folders of the \
            same names.
            """)
    var recursive = false

    @Option(
        name: .shortAndLong,
        help: """
            Model file, or a bundled model: nuclei-unet, which outlines nuclei, or nuclei-compact, which classifies windows \
            (default: nuclei-unet; nuclei-compact with an option for models that classify windows).
            """)
    var model: FilePath?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            """
            Two or more models of the same kind and resolution in place of --model: their probabilities are averaged, and how \
            much they differ is part of tables. Name images before this option, or after another one.
            """, valueName: "model"), completion: .file())
    var ensemble: [FilePath] = []

    @Option(
        help: """
            Models that classify windows: pixels from one window to the next, at most the model's tile size (default: 128).
            """)
    var stride: Int?

    @Option(help: "Microns per pixel of images that state none (0.25 at 40x, 0.5 at 20x).")
    var mpp: Double?

    @Flag(help: "Use --mpp for all images, also where they state another value.")
    var mppOverride = false

    @Option(help: "Level of a slide to read as it is, without resampling to the model's resolution.")
    var level: Int?

    @OptionGroup var batch: BatchOptions

    @Option(
        help: """
            Smallest probability of the pixels of a nucleus. With a model that classifies windows, pixels with a higher mean \
            probability are white.
            """)
    var threshold = 0.5

    @Option(
        help: """
            Make the mask of regions: all tissue within this many microns of a nucleus (default: nuclei alone). 16 is half \
            a window of a classifier.
            """)
    var within: Double?

    @Flag(
        name: .customLong("flips"),
        help: """
            Outline nuclei by the mean over the image and its mirror images, for about four times the computing; scores \
            change little.
            """)
    var averagesFlips = false

    @Option(
        help: """
            Numbers that models compute with. int16 is 16-bit fixed point; auto uses it where the \
            processor is faster with it (x86 with AVX2) and the model's record says that no held-out tile changes its class (default: auto).
            """)
    var precision: PrecisionChoice?

    @Option(
        help: """
            Models that classify windows: at the right and lower edge, add a window that touches the edge (clamp), or leave \
            the remainder out (none) (default: clamp).
            """)
    var edges: EdgeRule?

    @Option(
        help: """
            Models that classify windows: weights of the windows over a pixel: equal (uniform), or smaller towards the edge of a window (hann), for \
            masks without steps at the stride, computed for squares of 8 x 8 pixels (default: uniform).
            """)
    var blend: Blend?

    @Option(
        help: """
            Models that classify windows: outline nuclei inside the white regions: pixels with more hematoxylin, by color deconvolution, than a \
            threshold computed for the whole image (hematoxylin). For H&E at 20x or more.
            """)
    var refine: RefinementMethod?

    @Option(
        help: ArgumentHelp(
            """
            Area to process: the tissue found in a small level of a slide (auto; crops are processed everywhere), \
            everything (off), or the polygons of a GeoJSON file in pixels of the full resolution; {} in its name stands \
            for the name of IMAGE.
            """,
            valueName: "auto|off|FILE.geojson"), completion: .file(extensions: ["geojson", "json"]))
    var tissue = TissueOption.auto

    @Option(
        help: ArgumentHelp(
            """
            Class of the objects in the GeoJSON file to use, in upper or lower case; may be repeated (default: all except those that \
            end with *, which QuPath ignores; these are cut out of the others).
            """,
            valueName: "name"))
    var tissueClass: [String] = []

    @Flag(
        inversion: .prefixedNo,
        help: """
            Models that classify windows: compute features that overlapping windows share only once, where that is faster; \
            results are the same (default: yes).
            """)
    var sharedFeatures: Bool?

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
        if images.isEmpty, list == nil {
            throw ValidationError(
                "expected an image, a folder or --images, found none"
                    + (ensemble.isEmpty ? "" : "; name images before --ensemble, or after another option"))
        }
        try require(model == nil || ensemble.isEmpty, "--ensemble", "no --model with it", found: "\(model ?? "")")
        try require(ensemble.count != 1, "--ensemble", "two or more models", found: 1)
        try require(
            shard == nil || list != nil && images.isEmpty, "--shard", "--images with it, and no other images",
            found: images.first ?? "none")
        try require(stride ?? 1 >= 1, "--stride", "at least 1", found: stride ?? 1)
        try require(0...1000 ~= within ?? 0, "--within", "0 to 1000 microns", found: within ?? 0)
        if let mpp {
            let range = plausibleMicronsPerPixel
            let hint =
                range ~= mpp / 1000
                ? "; are these nanometers, \(String(mpp / 1000, significantDigits: 4)) microns?" : ""
            try require(
                range ~= mpp, "--mpp", "\(range.lowerBound) to \(Int(range.upperBound)) microns per pixel",
                found: "\(mpp)\(hint)")
        }
        try require(
            mpp != nil || list != nil || !mppOverride, "--mpp-override", "--mpp with a value, or --images",
            found: "none")
        try require(level ?? 0 >= 0, "--level", "0 or more", found: level ?? 0)
        try require(0...1 ~= threshold, "--threshold", "0 to 1", found: threshold)
        if case .outline = tissue { return }
        try require(tissueClass.isEmpty, "--tissue-class", "--tissue with a GeoJSON file", found: "none")
    }

    /// The settings for models that outline nuclei, or for ones that classify windows. Throws where they lack what an
    /// option needs.
    func settings(for models: MaskModels) throws -> MaskSettings {
        var settings = MaskSettings()
        settings.threshold = threshold
        settings.precision = try (precision ?? .auto).resolved(for: models)
        if models.outlinesNuclei {
            var nuclei = NucleusSettings()
            nuclei.foreground = Float(threshold)
            nuclei.averagesFlips = averagesFlips
            (settings.nuclei, settings.within) = (nuclei, within)
            return settings
        }
        settings.stride = stride ?? settings.stride
        settings.edges = edges ?? settings.edges
        settings.blend = blend ?? settings.blend
        return settings
    }

    /// The models of `--model` or `--ensemble` or, without them, the bundled one that the other options are for.
    var choices: [ModelChoice] {
        if !ensemble.isEmpty { return ensemble.map(ModelChoice.init) }
        if let model { return [ModelChoice(model)] }
        let isForWindows = firstUseless(outliningNuclei: true, beyondSpeed: true) != nil
        return [.bundled(isForWindows && firstUseless(outliningNuclei: false) == nil ? .compact : .unet)]
    }

    /// The first option that the kind of model has no use for; nil without one. Those that only change the speed do not
    /// count with `beyondSpeed`.
    private func firstUseless(outliningNuclei: Bool, beyondSpeed: Bool = false) -> String? {
        let ofSpeed = [
            ("--\(sharedFeatures == false ? "no-" : "")shared-features", sharedFeatures != nil),
            ("--batch-size", batch.isGiven),
        ]
        let ofWindows =
            [
                ("--stride", stride != nil), ("--edges", edges != nil), ("--blend", blend != nil),
                ("--refine", refine != nil),
            ] + (beyondSpeed ? [] : ofSpeed)
        let ofNuclei = [("--within", within != nil), ("--flips", averagesFlips)]
        let given = (outliningNuclei ? ofWindows : ofNuclei).filter(\.1).map(\.0)
        return given.first ?? outputs.firstUseless(outliningNuclei: outliningNuclei)
    }

    /// Throws where an option is given that the kind of model has no use for.
    func requireUse(outliningNuclei: Bool) throws {
        if let option = firstUseless(outliningNuclei: outliningNuclei) {
            let kinds = ["a model that classifies windows", "a model that outlines nuclei"]
            throw ValidationError(
                "\(option): expected \(kinds[outliningNuclei ? 0 : 1]), found \(kinds[outliningNuclei ? 1 : 0])")
        }
    }

    var resolution: ResolutionChoice {
        ResolutionChoice(micronsPerPixel: mpp, overrides: mppOverride, level: level)
    }

    /// Throws where an option needs windows that overlap: a stride below the model's tile size. The models of an ensemble
    /// can disagree about one window.
    func requireOverlap(_ tile: Int, isEnsemble: Bool) throws {
        let stride = stride ?? MaskSettings().stride
        try require(stride <= tile, "--stride", "1 to \(tile), the model's tile size", found: stride)
        guard stride == tile else { return }
        let found = "windows that only touch, --stride \(tile)"
        try require(blend ?? .uniform == .uniform, "--blend hann", "windows that overlap", found: found)
        if !isEnsemble { try outputs.requireOverlap(found: found) }
    }
}
