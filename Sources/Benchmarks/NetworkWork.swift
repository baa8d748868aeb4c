import Foundations
import NeuralNetworks
import Tensors

/// A network with random tiles, ready to execute inferences or training steps.
package final class NetworkWork {
    package enum Task: String, Codable, CaseIterable, Sendable {
        /// From normalized pixels to logits.
        case infer
        /// Forward, loss, backward, clipping to norm 1 and an AdamW step.
        case train
    }

    /// Label smoothing, clipping and decay as in training.
    private static let loss = CrossEntropy(labelSmoothing: 0.1)
    private static let clipNorm: Float = 1
    private static let optimizerSettings = OptimizerSettings(method: .adamw, learningRate: 1e-4, weightDecay: 1e-4)
    package static let dropout: Float = 0.5
    static let stepName = "clip and step"

    package let architecture: Architecture
    package let task: Task
    package let batch: Int
    package let precision: Precision
    package let model: Model
    package let workspace: Workspace
    private let trainer: (optimizer: Optimizer, gradients: Gradients)?
    private let targets: [Int32]
    private var steps: UInt64 = 0
    /// Called after each part of the work.
    package var observer: ((_ part: String, _ phase: Phase) -> Void)? {
        didSet {
            workspace.observer = observer.map { observer in
                { layer, isBackward in observer(layer, isBackward ? .backward : .forward) }
            }
        }
    }

    package enum Phase: String, Codable, Sendable {
        case forward, backward, step
    }

    /// Initializes the weights as for training, with a fixed seed. `precision` is that of inference. Throws
    /// `LayerError` for a network that cannot compute with it.
    package init(_ architecture: Architecture, _ task: Task, batch: Int, precision: Precision = .float32) throws {
        self.architecture = architecture
        self.task = task
        self.batch = batch
        self.precision = precision
        var model = try Self.model(architecture)
        let network = model.network
        try network.initialize(seed: 1)
        if precision == .int16 {
            let ranges = try Self.ranges(of: model)
            model.description.fixedPoint = FixedPointRecord(ranges: ranges)
        }
        self.model = model
        var prediction: PredictionNetwork?
        switch task {
        case .infer:
            trainer = nil
            let network = try PredictionNetwork(model, precision)
            prediction = network
            workspace = Workspace(network.network, capacity: batch)
        case .train:
            trainer = (
                Optimizer(Self.optimizerSettings, layout: network.parameters.layout), Gradients(network)
            )
            workspace = Workspace(network, capacity: batch, supportsBackward: true)
        }
        targets = (0..<batch).map { Int32($0 % network.outputShape.count) }
        // Random tiles.
        guard precision == .int16, let prediction else {
            try Kernels.randomUniform(workspace.input, in: -1.5..<1.5, seed: 2)
            return
        }
        let (bytes, windows) = Self.noise(tiles: batch)
        try bytes.withUnsafeBytes { try prediction.normalize(workspace.input, $0.bytes, windows) }
    }

    private static func ranges(of model: Model) throws -> [String: Float] {
        let recorder = try RangeRecorder(model, batchSize: 1)
        let (bytes, windows) = noise(tiles: 1)
        try bytes.withUnsafeBytes { try recorder.add($0, windows) }
        return recorder.ranges
    }

    /// Tiles of random bytes, all in the same place.
    private static func noise(tiles: Int) -> ([UInt8], PixelWindows) {
        let bytes = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
        let offsets = [Int64](repeating: 0, count: tiles)
        return (bytes, PixelWindows(height: side, width: side, rowStride: 3 * side, offsets: offsets))
    }

    /// Pixels of the side of a tile.
    private static let side = 256

    /// A two-class model for tiles of 256 pixels, with weights of zero.
    static func model(_ architecture: Architecture) throws -> Model {
        let description = ModelDescription(
            architecture: architecture, tileSize: side, classes: TileClass.allCases.map(\.rawValue),
            statistics: ChannelStatistics(mean: [127.5, 127.5, 127.5], deviation: [127.5, 127.5, 127.5]),
            dropout: dropout)
        return try Model(description)
    }

    /// Executes one inference or training step.
    package func run() throws {
        guard let trainer else {
            try workspace.forward(.inference)
            return
        }
        try differentiate()
        try trainer.optimizer.step(
            model.network.parameters, trainer.gradients, clipNorm: Self.clipNorm)
        observer?(Self.stepName, .step)
    }

    /// The part of a training step before the optimizer.
    private func differentiate() throws {
        guard let trainer else { return }
        steps += 1
        let logits = try workspace.forward(.training(seed: steps))
        _ = try Kernels.crossEntropyForward(logits, targets: targets, Self.loss)
        try Kernels.crossEntropyBackward(workspace.logitsGradient, logits, targets: targets, Self.loss)
        observer?("loss", .step)
        try workspace.backward(into: trainer.gradients)
    }

    /// Logits [batch][classes] of the tiles with the current weights.
    package func logits() throws -> Tensor {
        let logits = try workspace.forward(.inference)
        return Tensor(logits.shape, logits.values)
    }

    /// The norm and the optimizer step, which can be repeated after one backward pass.
    package func optimizerStep() throws -> (norm: () throws -> Void, step: () throws -> Void) {
        guard let trainer else { preconditionFailure("an optimizer step needs the train task") }
        try differentiate()
        var scratch = Tensor([1])
        let parameters = model.network.parameters
        return (
            { _ = try trainer.gradients.norm(scratch: &scratch) },
            { try trainer.optimizer.step(parameters, trainer.gradients) }
        )
    }
}
