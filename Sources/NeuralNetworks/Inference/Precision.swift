import Tensors

/// The numbers that a network computes predictions with.
package enum Precision: String, CaseIterable, Codable, Sendable {
    case float32
    /// 16-bit fixed point; see `FixedPointConvolution` and `FixedPointLinear`.
    case int16
}

/// What a network needs to compute in 16-bit fixed point, and how much that changes the probabilities of tiles. Training
/// records it at the end.
package struct FixedPointRecord: Codable, Equatable, Sendable {
    /// The largest magnitude of the output of each layer of the folded network whose values are rounded, by name.
    package var ranges: [String: Float]
    /// The number of tiles that predictions were compared on.
    package var tiles: Int
    /// The largest difference to the probability of a class computed with floats.
    package var largestChange: Double
    /// The number of tiles whose predicted class differs.
    package var changedDecisions: Int

    /// A record without a comparison.
    package init(ranges: [String: Float]) {
        (self.ranges, tiles, largestChange, changedDecisions) = (ranges, 0, 0, 0)
    }

    /// Compares rows of `classes` probabilities, one for each tile.
    package init(ranges: [String: Float], expected: [Double], found: [Double], classes: Int) {
        precondition(expected.count == found.count && expected.count.isMultiple(of: classes))
        self.ranges = ranges
        tiles = expected.count / classes
        largestChange = zip(expected, found).map { abs($0 - $1) }.max() ?? 0
        func decision(_ rows: [Double], _ tile: Int) -> Int {
            (0..<classes).max { rows[tile * classes + $0] < rows[tile * classes + $1] }!
        }
        changedDecisions = (0..<tiles).count { decision(expected, $0) != decision(found, $0) }
    }

    /// Whether the classes of all tiles are those of floats, and no probability of a tile changes by 0.01 or more.
    /// Probabilities of single pixels may change by more.
    package var isFaithful: Bool { tiles > 0 && changedDecisions == 0 && largestChange < 0.01 }

    var isValid: Bool {
        ranges.values.allSatisfy { $0 == 0 || 1e-20...1e20 ~= $0 } && 0...1 ~= largestChange && tiles >= 0
            && 0...tiles ~= changedDecisions
    }
}

extension Precision {
    /// Fixed point where it is faster and faithful by the records of all models, else floats.
    package static func best(for models: [Model]) -> Precision {
        let areFaithful = models.allSatisfy { $0.description.fixedPoint?.isFaithful ?? false }
        return FixedPointConvolution.isFast && areFaithful ? .int16 : .float32
    }
}

/// The network of a model as it computes predictions, and its input from pixels.
package struct PredictionNetwork {
    package let network: Network
    private let statistics: ChannelStatistics
    /// The value of 1 in an input in fixed point; nil for floats.
    private let inputScale: Float?

    init(_ network: Network, _ statistics: ChannelStatistics, inputScale: Float? = nil) {
        self.network = network
        self.statistics = statistics
        self.inputScale = inputScale
    }

    /// A network for a model whose weights do not change. Without its last layer if `shufflesPixels` is false, for a model
    /// that outlines nuclei. Throws `LayerError` where the model cannot compute in fixed point.
    package init(_ model: Model, _ precision: Precision, shufflesPixels: Bool = true) throws {
        statistics = model.description.statistics
        let folded = try model.network.folded()
        let whole = shufflesPixels ? folded : try folded.withoutPixelShuffle()
        switch precision {
        case .float32: (network, inputScale) = (whole, nil)
        case .int16:
            guard let record = model.description.fixedPoint else {
                throw LayerError(description: "the model does not record the ranges of its values")
            }
            let scale = statistics.largest / Float(FixedPointConvolution.largest)
            network = try whole.fixedPoint(ranges: record.ranges, inputScale: scale)
            inputScale = whole.convolvesInFixedPoint ? scale : nil
        }
    }

    /// The same network for images of another size.
    func resized(height: Int, width: Int) throws -> PredictionNetwork {
        let plan = try NetworkPlan(network.plan.graph, inputShape: [network.inputShape[0], height, width])
        return PredictionNetwork(
            Network(plan, sharing: network.state.tensors), statistics, inputScale: inputScale)
    }

    /// Fills the input of the network for windows of pixels.
    package func normalize(_ input: Tensor, _ bytes: RawSpan, _ windows: PixelWindows) throws(KernelError) {
        if let inputScale {
            try Kernels.normalizeFixedPoint(input, bytes, windows, statistics, scale: inputScale)
        } else {
            try Kernels.normalize(input, bytes, windows, statistics)
        }
    }
}

extension ChannelStatistics {
    /// The largest magnitude of a normalized pixel.
    fileprivate var largest: Float {
        zip(mean, deviation).map { max($0, 255 - $0) / $1 }.max()!
    }
}
