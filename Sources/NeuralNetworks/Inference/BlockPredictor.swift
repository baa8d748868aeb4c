import Tensors

/// Choice to share results of a network's first layers between overlapping windows.
package enum SharingChoice: Sendable {
    case none
    /// Share where it is cheaper.
    case automatic
    /// Share this number of layers wherever possible, even if it is slower.
    case layers(Int)
}

/// Applies a model to the windows of blocks of pixels. Overlapping windows share results where that is cheaper; otherwise
/// windows are computed independently. The logits of both methods differ only by rounding, and not at all where all
/// convolutions are in fixed point.
package final class BlockPredictor {
    /// How windows share results; nil if they cannot, or it would be slower.
    package let sharing: SharingPlan?
    private let shared: SharedPredictor?
    /// Computes windows independently. Created when first needed, since it takes memory for a batch of windows.
    private var independent: Predictor?
    private let batchSize: Int
    /// Largest batch of `independent` where it takes memory in addition to a shared predictor.
    private static let smallBatch = 8
    private let model: Model
    private let network: PredictionNetwork
    private let choice: SharingChoice

    /// A predictor for windows at a stride. The model's weights must not change while it is in use. Predictors that are
    /// used one after the other can share the memory of features, an `arena`. Throws `LayerError` where the model
    /// cannot compute with the given precision.
    package init(
        _ model: Model, batchSize: Int, windowStride: Int, sharing choice: SharingChoice = .automatic,
        precision: Precision = .float32, arena: Arena = Arena()
    ) throws {
        self.model = model
        self.choice = choice
        let network = try PredictionNetwork(model, precision)
        self.network = network
        let layers = network.network
        sharing =
            switch choice {
            case .none: nil
            case .automatic: SharingPlan(layers, windowStride: windowStride)
            case .layers(let count): SharingPlan(layers, windowStride: windowStride, layers: count)
            }
        shared = try sharing.map { try SharedPredictor(network, $0, arena) }
        self.batchSize = shared == nil ? batchSize : min(batchSize, Self.smallBatch)
    }

    /// Computes the logits of all windows of a block. `deliver` receives them in the order of the windows, a batch at a
    /// time: windows x classes. Throws `PredictionError` if logits are not finite.
    package func add(_ windows: BlockWindows, deliver: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        if windows.corners.isEmpty { return }
        if let sharing, let shared, isWorthSharing(windows, sharing) {
            return try shared.add(windows, deliver: deliver)
        }
        let tile = model.description.tileSize
        let independent = self.independent ?? Predictor(model, network, batchSize: batchSize)
        self.independent = independent
        try independent.add(
            windows.bytes, windows.pixels(width: tile, height: tile, at: windows.corners), deliver: deliver)
        try independent.flush(deliver: deliver)
    }

    private func isWorthSharing(_ windows: BlockWindows, _ sharing: SharingPlan) -> Bool {
        let corners = windows.corners
        guard corners.allSatisfy({ $0.x % sharing.stride == 0 && $0.y % sharing.stride == 0 }) else { return false }
        if case .layers = choice { return true }
        let cost = sharing.cost(
            width: windows.width, height: windows.height, rows: Set(corners.map(\.y)).count,
            columns: Set(corners.map(\.x)).count, windows: corners.count)
        return cost < sharing.independentCost(windows: corners.count)
    }
}
