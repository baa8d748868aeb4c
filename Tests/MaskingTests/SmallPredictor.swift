import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors

/// Models of files model0, model1, ...
func maskModels(_ models: Model...) throws -> MaskModels {
    try MaskModels(
        models.enumerated().map { index, model in
            try MaskModel(model, path: FilePath("model\(index)"), sha256: "\(index)")
        })
}

/// LeNet-5 for tiles of 32 pixels.
func smallModel(seed: UInt64 = 3) throws -> Model {
    let model = try Model(
        ModelDescription(
            architecture: .lenet5, tileSize: 32, classes: ["NO_NUCLEUS", "NUCLEI"],
            statistics: ChannelStatistics(mean: [120, 130, 140], deviation: [50, 60, 70])))
    try model.network.initialize(seed: seed)
    return model
}

/// A `compact` network for tiles of 32 pixels, with made up ranges for fixed point.
func smallCompactPredictor(_ precision: Precision) throws -> WindowPredictor {
    let description = ModelDescription(
        architecture: .compact, tileSize: 32, classes: ["NO_NUCLEUS", "NUCLEI"],
        statistics: ChannelStatistics(mean: [120, 130, 140], deviation: [50, 60, 70]))
    var model = try Model(description)
    try model.network.initialize(seed: 3)
    model.description.fixedPoint = FixedPointRecord(
        ranges: Dictionary(uniqueKeysWithValues: model.network.layerNames.map { ($0, 20) }))
    var settings = MaskSettings()
    (settings.stride, settings.precision) = (16, precision)
    return try WindowPredictor(maskModels(model), settings: settings, batchSize: 7, largestBlock: 96)
}

/// A predictor of the small model, or of an ensemble of two, on blocks of 96 pixels.
func smallPredictor(stride: Int = 16, isEnsemble: Bool = false) throws -> WindowPredictor {
    var settings = MaskSettings()
    settings.stride = stride
    let models = try isEnsemble ? maskModels(smallModel(), smallModel(seed: 8)) : maskModels(smallModel())
    return try WindowPredictor(models, settings: settings, batchSize: 7, largestBlock: 96)
}

/// Collects notes and progress. `check` receives each progress and may throw to cancel.
final class RecordingObserver: MaskObserver {
    private(set) var notes = [String]()
    private(set) var progress = [MaskProgress]()
    private(set) var findings: (any MaskFindings)?
    private let check: (MaskProgress) throws -> Void

    init(_ check: @escaping (MaskProgress) throws -> Void = { _ in }) { self.check = check }

    var windowsDone: [Int] { progress.filter { $0.stage == .units("windows") }.map(\.done) }

    func note(_ text: String) { notes.append(text) }
    func found(_ findings: any MaskFindings) { self.findings = findings }

    func progress(_ progress: MaskProgress) throws {
        self.progress.append(progress)
        try check(progress)
    }
}

extension WindowPredictor {
    /// Plans and predicts an image without a cache.
    func predict(
        _ image: any BlockReader, tissue: TissueMap? = nil, _ observer: RecordingObserver = RecordingObserver()
    ) throws -> Prediction {
        try predict(plan(image, tissue: tissue), from: image, observer)
    }

    func predict(_ rows: any RowReader, _ observer: RecordingObserver = RecordingObserver()) throws -> Prediction {
        try predict(RowBlockReader(rows), observer)
    }

    /// Writes the mask of an image of a size.
    func writeMask(
        _ windows: ProbabilityGrid, width: Int, height: Int, tissue: TissueMap? = nil, to writer: any RowWriter
    ) throws -> MaskSummary {
        let field = ProbabilityField(windows, blend: settings.blend, width: width, height: height, tissue: tissue)
        var summary = MaskSummary(width: width, height: height)
        for band in MaskBands(field, threshold: settings.threshold) {
            summary.add(band)
            try writer.write(band)
        }
        try writer.finish()
        return summary
    }
}

/// A U-Net to which dark pixels are the interior of nuclei. Only the first feature of the finest level is used. A larger
/// `bias` of the interior makes it less strict.
func darknessOutliner(bias: Float = -4) throws -> Model {
    let model = try Model(
        ModelDescription(
            architecture: .unet, tileSize: 128, classes: ["NO_NUCLEUS", "NUCLEI"],
            statistics: ChannelStatistics(mean: [128, 128, 128], deviation: [50, 50, 50]), micronsPerPixel: 0.5))
    func set(_ name: String, _ values: [Int: Float]) {
        for (index, value) in values { model.network.state[name]![index] = value }
    }
    // The tap of a 3x3 filter at its center, for channels 0, 1 and 2 of the first filter.
    set("encoder0.0.conv.weight", [4: -1.0 / 3, 13: -1.0 / 3, 22: -1.0 / 3])
    for layer in ["encoder0.0", "encoder0.1", "decoder0.0"] {
        if layer != "encoder0.0" { set("\(layer).conv.weight", [4: 1]) }
        set("\(layer).bn.weight", [0: 1])
        set("\(layer).bn.running_var", [0: 1])
    }
    let features = model.network.state["head.weight"]!.shape[1]
    for pixel in 0..<4 {
        set("head.weight", [(4 + pixel) * features: 8])
        set("head.bias", [4 + pixel: bias, 8 + pixel: -10])
    }
    return model
}
