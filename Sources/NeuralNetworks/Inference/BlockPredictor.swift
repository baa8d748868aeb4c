import Tensors

/// Whether windows share features.
package enum SharingChoice: Sendable {
    case none
    /// Where that is less work.
    case automatic
    /// Those of the first layers, whatever it costs, where it is possible.
    case layers(Int)
}

/// Applies a model to the windows of blocks of pixels: by sharing what overlapping windows have in common where that is
/// less work, else window by window. Both give the same logits but for rounding.
package final class BlockPredictor {
    /// How windows share; nil when they cannot, or it would not pay.
    package let sharing: SharingPlan?
    private let shared: SharedPredictor?
    /// Made when it is needed first: its memory is that of a batch of windows.
    private var plain: Predictor?
    /// Of windows by themselves.
    private let batchSize: Int
    /// The same where only a block's few windows are: beside what sharing takes.
    private static let smallBatch = 8
    private let model: Model
    private let choice: SharingChoice

    /// For windows at a stride. The model's weights must not change under it.
    package init(
        _ model: Model, batchSize: Int, windowStride: Int, sharing choice: SharingChoice = .automatic
    ) throws {
        self.model = model
        self.choice = choice
        let network = try model.network.folded()
        sharing =
            switch choice {
            case .none: nil
            case .automatic: SharingPlan(network, windowStride: windowStride)
            case .layers(let count): SharingPlan(network, windowStride: windowStride, layers: count)
            }
        shared = try sharing.map { try SharedPredictor(network, $0, model.description.statistics) }
        self.batchSize = shared == nil ? batchSize : min(batchSize, Self.smallBatch)
    }

    /// Logits of all windows of a block. `deliver` gets them in the order of the windows, some at a time: one row of as
    /// many numbers as the model has classes for each.
    package func add(_ windows: BlockWindows, deliver: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        if windows.corners.isEmpty { return }
        if let sharing, let shared, isWorthSharing(windows, sharing) {
            return try shared.add(windows, deliver: deliver)
        }
        let tile = model.description.tileSize
        let plain = try self.plain ?? Predictor(model, batchSize: batchSize)
        self.plain = plain
        try plain.add(
            windows.bytes, windows.pixels(width: tile, height: tile, at: windows.corners), deliver: deliver)
        try plain.flush(deliver: deliver)
    }

    private func isWorthSharing(_ windows: BlockWindows, _ sharing: SharingPlan) -> Bool {
        let corners = windows.corners
        guard corners.allSatisfy({ $0.x % sharing.stride == 0 && $0.y % sharing.stride == 0 }) else { return false }
        if case .layers = choice { return true }
        let cost = sharing.cost(
            width: windows.width, height: windows.height, rows: Set(corners.map(\.y)).count,
            columns: Set(corners.map(\.x)).count, windows: corners.count)
        return cost < sharing.plainCost(windows: corners.count)
    }
}
