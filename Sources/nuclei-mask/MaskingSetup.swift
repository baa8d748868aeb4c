import BundledModels
import Console
import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors

/// The images and the pipeline that the options of a command describe, checked before anything runs.
struct MaskingSetup {
    let batch: ImageBatch
    let pipeline: MaskPipeline
    private let options: MaskingOptions
    private let list: ImageList?

    init(_ options: MaskingOptions) throws {
        self.options = options
        let names = options.outputs.names
        (list, batch) = try Interruption.endingAtOnce {
            let list = try options.list.map { path throws(FileError) in try ImageList(path) }
            let batch = try ImageBatch(
                options.images, list: list, shard: options.shard, names, recursively: options.recursive
            ) { image, names in
                options.tissue.file(for: image, names).map { [$0] } ?? []
            }
            return (list, batch)
        }
        try Kernels.checkEnvironment()
        try Kernels.setThreadCount(options.threads.count)
        let start = ContinuousClock.now
        let choices = options.choices
        let models = try Interruption.endingAtOnce {
            try MaskModels(
                choices.map { choice in
                    Terminal.showStatus("reading model \(choice.path)")
                    let (model, sha256) = try choice.load()
                    return try MaskModel(model, path: choice.path, sha256: sha256)
                })
        }
        let outliningNuclei = models.outlinesNuclei
        try options.requireUse(outliningNuclei: outliningNuclei)
        let settings = try options.settings(for: models)
        let named = MaskRecord.NamedModel(models)
        if !outliningNuclei { try options.requireOverlap(named.tileSize, isEnsemble: models.isEnsemble) }
        let precision = settings.precision ?? .float32
        let method = try models.method(precision) {
            if outliningNuclei { return try NucleusPredictor(models, settings: settings) }
            return try WindowPredictor(
                models, settings: settings, batchSize: options.batch.size,
                sharing: options.sharedFeatures ?? true ? .automatic : .none)
        }
        let secondsLoading = start.secondsSince
        pipeline = MaskPipeline(named, method, version: version, secondsLoading: secondsLoading)
        try options.outputs.requirePlaceholders(for: batch)
        try batch.requireNoInput(models: choices.compactMap(\.file))
        for model in named.members ?? [named] {
            Terminal.detail(
                "model: \(model.path), \(model.architecture), tiles of \(model.tileSize) pixels, SHA-256 \(model.sha256)"
            )
        }
        Terminal.detail(
            "computing: \(options.threads.description), \(Kernels.instructions.rawValue) kernels, \(precision.rawValue)"
        )
    }

    func request(for image: FilePath) -> MaskRequest {
        var request = MaskRequest(image: image, names: batch.names)
        request.resolution = options.resolution
        if let stated = statedMicronsPerPixel(of: image) { request.resolution.micronsPerPixel = stated }
        request.tissue = options.tissue.source(for: image, batch.names, classes: options.tissueClass)
        request.refinement = options.refine
        request.formats = options.outputs.formats
        request.keepsCache = options.outputs.keepProbabilities
        request.stagingFolder = options.outputs.stage
        return request
    }

    /// Microns per pixel that the list of images states for one; nil where it states none.
    func statedMicronsPerPixel(of image: FilePath) -> Double? { list?.micronsPerPixel(of: image) }

    /// Whether finished images are masked again.
    var overwrites: Bool { options.overwrite ?? batch.isSingle }

    /// The record of an image that need not be masked again; nil for others.
    func finishedRecord(of request: MaskRequest) -> MaskRecord? {
        overwrites ? nil : pipeline.finishedRecord(of: request)
    }

    /// Throws where a summary would replace an input or an output.
    func requireFree(_ summary: FilePath) throws(FileError) {
        try batch.requireFree(summary)
        try summary.requireDistinct(from: options.choices.compactMap(\.file))
    }

    /// Makes the folders that outputs and caches are written to; returns those that were made, inner ones first.
    func makeFolders() throws(FileError) -> [FilePath] {
        var made = [FilePath]()
        let scratch = options.outputs.scratch.map { [$0] } ?? []
        for folder in batch.outputFolders + scratch { made = try Folder.ensureCounted(folder) + made }
        return made
    }

    /// Notes how many files were found but are not images to mask.
    func noteLeftOut() {
        if let shard = options.shard {
            Terminal.note("shard \(shard): \(batch.images.count.counted("image"))")
        }
        for line in batch.leftOut { Terminal.note(line) }
    }
}
