import Console
import Foundations
import Foundation
import Imaging
import Masking
import NeuralNetworks
import Tensors

/// The images of a command, what is to be written of each, and the model, checked before anything runs.
struct MaskingJob {
    let options: MaskingOptions
    let images: [FilePath]
    /// Whether one file is all that was asked for.
    let isSingle: Bool
    /// Files that were found but are masks and other pictures of ours.
    private let leftOut: Int
    let names: OutputNames
    /// All files that are read.
    let inputs: [FilePath]
    let model: MaskRecord.NamedModel
    let micronsPerPixel: Double?
    let masker: Masker
    /// Seconds that reading the model and its SHA-256 took.
    let loading: Double

    init(_ options: MaskingOptions) throws {
        self.options = options
        names = options.outputs.names
        let search = try ImageSearch(options.images)
        isSingle = search.isSingle
        images = isSingle ? search.images : Self.withoutUnfinished(search.images, names)
        leftOut = search.leftOut.count + search.images.count - images.count
        try Kernels.setThreadCount(options.threads.count)
        let start = ContinuousClock.now
        let loaded = try Model(pathOrBuiltIn: options.model)
        let path = options.model ?? FilePath(Model.builtInName)
        try options.requireOverlap(loaded.description.tileSize)
        model = MaskRecord.NamedModel(
            path: path.string, sha256: try Model.digest(ofPathOrBuiltIn: options.model), loaded.description)
        loading = Progress.seconds(ContinuousClock.now - start)
        micronsPerPixel = loaded.description.micronsPerPixel
        masker = try Masker(loaded, path: path, batchSize: options.batch.size, settings: options.settings)
        masker.sharing = options.sharedFeatures ? .automatic : .none
        let outlines = images.compactMap { [names] in options.tissue.file(for: $0, names) }
        inputs = images + (options.model.map { [$0] } ?? []) + outlines
        try options.outputs.requireDistinct(for: images, inputs: inputs)
    }

    /// Leaves out what an interrupted command has written of an image: no record tells of it yet, but the journal is
    /// there.
    private static func withoutUnfinished(_ images: [FilePath], _ names: OutputNames) -> [FilePath] {
        var written = Set<FilePath>()
        for image in images {
            let journal = names.journal(for: image)
            guard journal.exists else { continue }
            let own = ImageSearch.place(image)
            let places = Array(names.paths(for: image).values) + [journal]
            written.formUnion(places.map(ImageSearch.place).filter { $0 != own })
        }
        return images.filter { !written.contains(ImageSearch.place($0)) }
    }

    /// Throws when a file is read, or is an output of an image.
    func requireFree(_ path: FilePath) throws(FileError) {
        try requireOther(path, than: inputs)
        let place = ImageSearch.place(path)
        for image in images {
            let outputs = Array(names.paths(for: image).values) + [names.journal(for: image)]
            if outputs.contains(where: { ImageSearch.place($0) == place }) {
                throw FileError(
                    path, .unwritable, "expected a file of its own for the summary, found an output of \(image)")
            }
        }
    }

    /// Says in a line what was found but is not looked at.
    func reportLeftOut() {
        if leftOut == 0 { return }
        let files = leftOut == 1 ? "1 file" : "\(leftOut) files"
        Terminal.printLine("\(files) left out: masks and other pictures made of images")
    }

    /// Opens an image at the resolution that was asked for.
    func open(_ image: FilePath) throws(FileError) -> ResolvedImage {
        try openBlocks(image, modelMicronsPerPixel: micronsPerPixel, options.resolution)
    }

    func request(for image: FilePath) throws(FileError) -> MaskRequest {
        MaskRequest(
            version: version, image: try FileState(image), model: model.sha256, settings: options.settings,
            resolution: options.resolution, tissue: try options.tissue.identity(for: image, names),
            refinement: options.refine?.rawValue, bits: options.outputs.bits, files: names.paths(for: image))
    }

    /// The record of an image that need not be masked again; nil for others, also for those that cannot be read.
    func finished(_ image: FilePath) -> MaskRecord? {
        if options.overwrite ?? isSingle { return nil }
        if options.outputs.keepProbabilities, !names.journal(for: image).exists {
            return nil
        }
        return (try? request(for: image))?.finished(names.paths(for: image))
    }

    /// How to refine: at the slide's resolution, else the model's, else that of 40x, which `say` gets a line about.
    func refinement(of image: ResolvedImage, say: (String) -> Void) -> RefinementSettings? {
        guard options.refine != nil else { return nil }
        if let slide = image.micronsPerPixel { return RefinementSettings(micronsPerPixel: (slide.x + slide.y) / 2) }
        let assumed = micronsPerPixel ?? 0.25
        say(String(format: "its resolution is not known; refined as if it were %.3f microns per pixel", assumed))
        return RefinementSettings(micronsPerPixel: assumed)
    }

    /// Writes the outline of the tissue, where it was asked for.
    func writeTissue(_ tissue: TissueMap?, of image: any BlockReader) throws {
        guard let path = names.path(.tissue, for: image.path) else { return }
        let everywhere = TissueMap.everywhere(imageWidth: image.imageWidth, imageHeight: image.imageHeight)
        try (tissue ?? everywhere).writeOutlines(to: path)
    }
}
