import Foundations
import Tensors

/// A model computed logits that are not finite.
package struct PredictionError: Error, CustomStringConvertible {
    package let description =
        "the model's outputs are not finite numbers: its weights or statistics do not fit its input"
}

/// Applies a model to windows of pixels, a batch at a time.
///
/// The logits are those of a window's classes, also for a network that outlines nuclei (`TileScore`). Windows are queued
/// until a batch is full, so they can be added in groups of any size.
package final class Predictor {
    package let model: Model
    private let network: PredictionNetwork
    private let workspace: Workspace
    /// Nil for a network whose outputs are logits of classes.
    private let score: TileScore?
    /// How the score of a tile follows from its pixels; initially that of the model.
    package var tileScoreFit: TileScoreFit?
    private var queued = 0

    /// A predictor with its own workspace. It uses a folded copy of the network, so later changes of the model's weights
    /// have no defined effect. Throws `LayerError` where the model cannot compute with the given precision.
    package convenience init(_ model: Model, batchSize: Int, precision: Precision = .float32) throws {
        self.init(model, try PredictionNetwork(model, precision), batchSize: batchSize)
    }

    /// A predictor that shares the network of a model with others.
    convenience init(_ model: Model, _ network: PredictionNetwork, batchSize: Int) {
        self.init(model, network, Workspace(network.network, capacity: batchSize))
    }

    /// A predictor that uses an existing workspace of the model's network, and the current weights at each call.
    package convenience init(_ model: Model, _ workspace: Workspace) {
        precondition(workspace.network === model.network)
        self.init(model, PredictionNetwork(model.network, model.description.statistics), workspace)
    }

    private init(_ model: Model, _ network: PredictionNetwork, _ workspace: Workspace) {
        self.model = model
        self.network = network
        self.workspace = workspace
        let description = model.description
        tileScoreFit = description.tileScoreFit
        score =
            description.architecture.outlinesNuclei
            ? TileScore(
                classes: description.classes.count,
                nuclei: description.classes.firstIndex(of: TileClass.nuclei.rawValue) ?? 0,
                shape: workspace.network.outputShape, batch: workspace.capacity) : nil
    }

    /// Adds windows to the queue. `deliver` receives the logits of every full batch in the order of the windows: windows x
    /// classes. Throws `PredictionError` if logits are not finite.
    package func add(
        _ bytes: UnsafeRawBufferPointer, _ windows: PixelWindows,
        deliver: (UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        let sample = network.network.inputShape
        var done = 0
        while done < windows.offsets.count {
            workspace.setBatch(workspace.capacity)
            let size = min(workspace.capacity - queued, windows.offsets.count - done)
            var piece = windows
            piece.offsets = Array(windows.offsets[done..<done + size])
            let place = workspace.input.view(sample.batched(size), at: queued * sample.count)
            try network.normalize(place, bytes.bytes, piece)
            try score?.measure(bytes.bytes, piece, at: queued)
            queued += size
            done += size
            if queued == workspace.capacity { try flush(deliver: deliver) }
        }
    }

    /// Predicts the windows that are still queued.
    package func flush(deliver: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        guard queued > 0 else { return }
        workspace.setBatch(queued)
        queued = 0
        func deliverFinite(_ logits: UnsafeBufferPointer<Float>) throws {
            guard logits.allSatisfy(\.isFinite) else { throw PredictionError() }
            try deliver(logits)
        }
        let outputs = try workspace.forward(.inference)
        if let score {
            try score.logits(outputs, tileScoreFit).withUnsafeBufferPointer(deliverFinite)
        } else {
            try outputs.withUnsafeBuffer(deliverFinite)
        }
    }

    /// The logits of all windows: windows x classes. `afterBatch` is called with the number of windows done so far and
    /// may throw to stop.
    package func logits(
        _ bytes: UnsafeRawBufferPointer, _ windows: PixelWindows, afterBatch: ((Int) throws -> Void)? = nil
    ) throws -> [Float] {
        let classes = model.description.classes.count
        var result = [Float]()
        result.reserveCapacity(windows.offsets.count * classes)
        func deliver(_ rows: UnsafeBufferPointer<Float>) throws {
            result.append(contentsOf: rows)
            try afterBatch?(result.count / classes)
        }
        // Drops windows that remain after an error.
        queued = 0
        try add(bytes, windows, deliver: deliver)
        try flush(deliver: deliver)
        return result
    }
}
