import Tensors

/// How windows that slide over an image share the results of a network's first layers.
///
/// A convolution's outputs are the same for a window and for a larger image around it, if the window starts at a multiple
/// of the layers' total stride, except for outputs that depend on the padding at the window's ends. Therefore the first
/// layers, the trunk, run once over a block of the image. The features near a window's ends are computed separately. The
/// remaining layers, the head, run for each window on the combined features. The depth of the trunk is the one with the
/// lowest estimated cost.
package struct SharingPlan: Sendable {
    /// Number of layers in the trunk.
    package let trunk: Int
    /// Features along a window's side, for the pixels and for the output of each layer of the trunk.
    package let axes: Graph.PerValue<AxisFeatures>
    /// Pixels from one feature of the trunk's output to the next.
    package var stride: Int { axes[.after(layers: trunk)].stride }
    /// Pixels along a window's side.
    let tile: Int
    /// Cost of the layers of the trunk for one window, as part of an image and as borders. The unit is the time of one
    /// multiplication in a dense layer.
    private let trunkCosts: [(image: Double, border: Double)]
    private let headCost: Double
    private var totalCost: Double { trunkCosts.reduce(headCost) { $0 + $1.image } }
    /// Whether the first layer of the head reads windows directly from the shared map.
    let readsWindows: Bool
    /// The channels that the last layer of the trunk computes at a time; empty if it computes all of them at once.
    let slices: [Range<Int>]
    /// Floats of memory per window for the trunk's values.
    private let trunkFloats: Int

    /// The cheapest plan for windows at a stride, or nil if computing windows independently is cheaper.
    package init?(_ network: Network, windowStride: Int) {
        let plans = network.plan.graph.nodes.indices.dropFirst().compactMap {
            SharingPlan(network, windowStride: windowStride, layers: $0)
        }
        let best = plans.min { $0.typicalCost(windowStride) < $1.typicalCost(windowStride) }
        guard let best, best.typicalCost(windowStride) < best.totalCost else { return nil }
        self = best
    }

    /// A plan whose trunk has a number of layers, or nil if these layers cannot be shared.
    package init?(_ network: Network, windowStride: Int, layers: Int) {
        let plan = network.plan
        let nodes = plan.graph.nodes
        let shape = network.inputShape
        guard plan.stateLayout == plan.layout, shape[1] == shape[2] else { return nil }
        let tile = shape[1]
        let features = plan.graph.axisFeatures(pixels: tile)
        let end = Graph.Value.after(layers: layers)
        guard features.indices.dropFirst().contains(end), layers < nodes.count, plan.graph.isCut(end) else {
            return nil
        }
        let axes = Graph.PerValue(features[...end].compactMap(\.self))
        // The features that depend on padding must not overlap, and the features of a larger image must continue these.
        guard axes.count == layers + 1, axes.allSatisfy({ $0.leading + $0.trailing <= $0.length }),
            windowStride % axes[end].stride == 0,
            let next = plan.graph.axisFeatures(pixels: tile + axes[end].stride)[end],
            next.length == axes[end].length + 1
        else { return nil }
        self.trunk = layers
        self.tile = tile
        self.axes = axes
        let costs = nodes.indices.map {
            (nodes[$0].layer as? any CostedLayer)?.inferenceCost(for: plan.inputShapes(of: $0)) ?? .free
        }
        // Borders are computed without transforms.
        trunkCosts = costs[..<layers].map { ($0.time, $0.directTime) }
        headCost = costs[layers...].reduce(0) { $0 + $1.time }
        readsWindows =
            nodes[layers].layer is any WindowReader && layers + 1 < nodes.count
            && plan.graph.isCut(.after(layers: layers + 1))
        slices = readsWindows ? Self.slices(of: plan, layers) : []
        let once = slices.isEmpty ? layers : layers - 1
        guard let part = try? NetworkPlan(plan.graph.part(0..<once), inputShape: shape) else { return nil }
        let memory = MemoryPlan(part, supportsBackward: false)
        // Slices are computed in the piece of the pixels.
        let slice = slices.isEmpty ? 0 : slices[0].count * plan.shapes[end].sample.count
        trunkFloats = memory.pieces.reduce(0) {
            $0 + ($1 == .input ? max(memory.size(of: $1), slice) : memory.size(of: $1))
        }
    }

    /// Channels in a slice: they take about as much memory as the pixels. Slices are multiples of the channel block, which
    /// fills the registers of all kernels.
    private static let sliceChannels = 40, channelBlock = 8

    /// The slices of the last of the first layers.
    private static func slices(of plan: NetworkPlan, _ layers: Int) -> [Range<Int>] {
        let (last, nodes) = (layers - 1, plan.graph.nodes)
        let channels = plan.shapes[.output(of: last)][0]
        let count = (channels + sliceChannels - 1) / sliceChannels
        guard count > 1, last > 0, nodes[last].inputs == [.output(of: last - 1)],
            let layer = nodes[last].layer as? any SpatialLayer, layer.sliced(to: 0..<1) != nil,
            // Otherwise the layer would read the pixels that its slices overwrite.
            !(0..<last).allSatisfy({ plan.memoryTraits(of: $0).isIdentityAtInference })
        else { return [] }
        let each = ((channels + count - 1) / count + channelBlock - 1) / channelBlock * channelBlock
        return Swift.stride(from: 0, to: channels, by: each).map { $0..<min($0 + each, channels) }
    }

    /// How much slower borders are than whole images: their inputs have to be gathered, and they are narrow. Measured on a
    /// Zen 5 core.
    private static let stripPenalty = 3.0, cornerPenalty = 5.0

    /// Estimated cost of the windows of a block, which start in the given numbers of distinct rows and columns.
    package func cost(width: Int, height: Int, rows: Int, columns: Int, windows: Int) -> Double {
        var cost = Double(windows) * headCost
        for (axis, layer) in zip(axes.dropFirst(), trunkCosts) {
            let (across, down) = (Double(width / axis.stride), Double(height / axis.stride))
            let ends = Double(axis.leading + axis.trailing), features = Double(axis.length * axis.length)
            let strips = ends * (Double(rows) * across + Double(columns) * down)
            let corners = Double(windows) * ends * ends
            cost += across * down * layer.image / features
            cost += (Self.stripPenalty * strips + Self.cornerPenalty * corners) * layer.border / features
        }
        return cost
    }

    /// Estimated cost of computing windows independently.
    package func independentCost(windows: Int) -> Double { Double(windows) * totalCost }

    /// Cost per window of a block with many windows.
    private func typicalCost(_ windowStride: Int) -> Double {
        let count = 10
        let length = tile + (count - 1) * windowStride
        return cost(width: length, height: length, rows: count, columns: count, windows: count * count)
            / Double(count * count)
    }

    /// The largest side, in pixels, of a block whose trunk fits into a number of bytes.
    package func largestSide(bytes: Int) -> Int {
        let windows = Double(bytes) / Double(trunkFloats * MemoryLayout<Float>.stride)
        return max(tile, Int(Double(tile) * windows.squareRoot()))
    }
}
