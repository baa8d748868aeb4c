import FoundationEssentials
import Foundations
import Tensors

/// Everything needed to use a network apart from its weights: the architecture, the meaning of the outputs, and the
/// requirements on the inputs.
package struct ModelDescription: Codable, Equatable, Sendable {
    package var architecture: Architecture
    /// Side of the square tiles in pixels.
    package var tileSize: Int
    /// Names of the outputs, in order.
    package var classes: [String]
    /// Means and standard deviations that pixels are normalized by.
    package var statistics: ChannelStatistics
    /// Resolution of the training tiles; nil if unknown.
    package var micronsPerPixel: Double?
    /// Fraction of the dense features, or of the coarsest ones of a U-Net, that training drops.
    package var dropout: Float
    /// For a network that outlines nuclei: how the score of a tile follows from its pixels; nil until it is fitted.
    package var tileScoreFit: TileScoreFit?
    /// What the network needs to compute in 16-bit fixed point; nil until that is known.
    package var fixedPoint: FixedPointRecord?

    package init(
        architecture: Architecture, tileSize: Int, classes: [String], statistics: ChannelStatistics,
        micronsPerPixel: Double? = nil, dropout: Float = 0
    ) {
        self.architecture = architecture
        self.tileSize = tileSize
        self.classes = classes
        self.statistics = statistics
        self.micronsPerPixel = micronsPerPixel
        self.dropout = dropout
    }
}

extension ModelDescription {
    /// Throws when tiles are too small for the architecture.
    func plan(_ fineTuning: FineTuning = FineTuning()) throws -> NetworkPlan {
        try NetworkPlan(
            architecture.graph(classes: classes.count, dropout: dropout), inputShape: [3, tileSize, tileSize],
            fineTuning)
    }

    /// The first invalid field of a description from a file; nil if all are valid.
    fileprivate var problem: (expected: String, found: String)? {
        if Set(classes).count < 2 || Set(classes).count < classes.count {
            return ("two or more classes with different names", "\(classes.joined(separator: ", ").prefix(80))")
        }
        if !(1...2048 ~= tileSize) { return ("a tile size of 1 to 2048 pixels", "\(tileSize)") }
        if !(0..<1 ~= dropout) { return ("a dropout of 0 or more, below 1", "\(dropout)") }
        let (mean, deviation) = (statistics.mean, statistics.deviation)
        let areUsable =
            mean.count == 3 && deviation.count == 3 && mean.allSatisfy { 0...255 ~= $0 }
            && deviation.allSatisfy { 0.01...255 ~= $0 }
        if !areUsable {
            return ("means of 0 to 255 and deviations of 0.01 to 255 for 3 channels", "\(mean) and \(deviation)")
        }
        if let tileScoreFit, !tileScoreFit.isValid {
            return ("a tile score with a finite offset and a slope above 0", "\(tileScoreFit)")
        }
        if let fixedPoint, !fixedPoint.isValid {
            return ("ranges of 0 or 1e-20 to 1e20, and changes of 0 to 1, in fixedPoint", "other numbers")
        }
        let range = plausibleMicronsPerPixel
        if let micronsPerPixel, !range.contains(micronsPerPixel) {
            return ("\(range.lowerBound) to \(range.upperBound) microns per pixel", "\(micronsPerPixel)")
        }
        return nil
    }
}

/// A network with everything needed to use it.
///
/// A model file is a `.safetensors` file. Its tensors have the names and shapes of the same network's `state_dict` in
/// PyTorch. Its metadata contains `format`, the description as JSON in `model`, and records of training, of which this
/// module reads the calibration.
package struct Model {
    package static let format = "nuclei-model-1"

    package var description: ModelDescription
    package let network: Network
    /// Other metadata by key: settings, seed, history, metrics, calibration, version.
    package var records: [String: String]

    /// A model whose parameters and buffers are zero. `fineTuning` says what training changes.
    package init(
        _ description: ModelDescription, records: [String: String] = [:], _ fineTuning: FineTuning = FineTuning()
    ) throws {
        self.init(description, records, Network(try description.plan(fineTuning)))
    }

    private init(_ description: ModelDescription, _ records: [String: String], _ network: Network) {
        self.description = description
        self.records = records
        self.network = network
    }

    /// Reads a model file. Large tensors refer to the memory of the file, so the model is for inference only. Throws
    /// `FileError` if the file is not a model file or its tensors do not match its architecture.
    package init(path: FilePath) throws {
        try self.init(SafetensorsFile(path: path))
    }

    /// Whether the metadata of a file are those of a model file.
    package static func isStored(in file: SafetensorsFile) -> Bool { file.metadata["format"] == format }

    /// The model in a file that is already open. Throws like `init(path:)`.
    package init(_ file: SafetensorsFile) throws {
        let path = file.path
        guard Self.isStored(in: file), let json = file.metadata["model"] else {
            let found = file.metadata["format"].map { "format \($0.prefix(40))" } ?? "no format in its metadata"
            throw FileError(path, expected: "a model of format \(Self.format)", found: found)
        }
        let description: ModelDescription
        do {
            description = try JSON.decode(ModelDescription.self, from: Data(json.utf8))
        } catch {
            throw FileError(
                path, expected: "a model description that this version supports",
                found: "another (\(JSON.problem(error).prefix(120)))")
        }
        if let problem = description.problem {
            throw FileError(path, expected: problem.expected, found: problem.found)
        }
        let plan: NetworkPlan
        do {
            plan = try description.plan()
        } catch {
            throw FileError(path, expected: "layers for tiles of \(description.tileSize) pixels", found: "\(error)")
        }
        if description.architecture.outlinesNuclei, !description.tileSize.isMultiple(of: 2) {
            throw FileError(
                path, expected: "an even tile size for outlines of nuclei", found: "\(description.tileSize)")
        }
        try plan.stateLayout.check(file)
        self.init(
            description, file.metadata.filter { $0.key != "format" && $0.key != "model" },
            Network(plan, sharing: plan.stateLayout.names.map(file.tensor)))
        if let name = network.state.firstInvalid {
            throw FileError(
                path, expected: "finite weights, and variances of 0 or more", found: "another value in \(name)")
        }
    }

    /// Writes the model file atomically. Throws `FileError`.
    package func write(to path: FilePath) throws {
        var metadata = records
        metadata["format"] = Self.format
        metadata["model"] = try JSON.text(description)
        try SafetensorsFile.write(network.state.named, metadata: metadata, to: path)
    }
}
