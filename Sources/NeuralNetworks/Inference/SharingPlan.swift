import Tensors

/// How windows that slide over an image can share what the first layers of a network make of it.
///
/// A convolution's outputs are the same for a window and for a larger image around it, where the window begins at a
/// multiple of the layers' total stride, but for those that the padding at the window's ends has a part in. So the first
/// layers, the trunk, run once over a block of the image; the features next to a window's ends are computed apart; and
/// the other layers, the head, run for each window on what both come to. How deep the trunk is follows from what that
/// costs.
package struct SharingPlan: Sendable {
    /// How many layers the trunk has.
    package let trunk: Int
    /// Features along a window's side, for the pixels and what each layer of the trunk makes of them.
    package let axes: [AxisFeatures]
    /// Pixels from one feature of the trunk's output to the next.
    package var stride: Int { axes[trunk].stride }
    /// Pixels along a window's side.
    let tile: Int
    /// What each layer of the trunk costs for one window, as part of an image and at its borders, and what the others do.
    /// Costs are in the time of a dense layer's multiplication.
    private let trunkCosts: [(image: Double, border: Double)]
    private let headCost: Double
    private var totalCost: Double { trunkCosts.reduce(headCost) { $0 + $1.image } }
    /// Whether the head's first layer reads windows where they lie.
    let readsWindows: Bool
    /// The channels that the trunk's last layer makes at a time; none where it makes all at once.
    let slices: [Range<Int>]
    /// Floats that the trunk's values take for a window.
    private let trunkFloats: Int

    /// The trunk that makes windows at a stride cheapest; nil when all are best computed by themselves.
    package init?(_ network: Network, windowStride: Int) {
        let plans = network.plan.graph.nodes.indices.dropFirst().compactMap {
            SharingPlan(network, windowStride: windowStride, layers: $0)
        }
        let best = plans.min { $0.typicalCost(windowStride) < $1.typicalCost(windowStride) }
        guard let best, best.typicalCost(windowStride) < best.totalCost else { return nil }
        self = best
    }

    /// A trunk of so many layers; nil where it cannot be shared.
    package init?(_ network: Network, windowStride: Int, layers: Int) {
        let plan = network.plan
        guard plan.stateLayout == plan.layout, plan.shapes[0][1] == plan.shapes[0][2] else { return nil }
        let tile = plan.shapes[0][1]
        let features = plan.graph.axisFeatures(pixels: tile)
        guard features.indices.dropFirst().contains(layers), layers < plan.graph.nodes.count, plan.graph.isCut(layers)
        else { return nil }
        let axes = features[...layers].compactMap(\.self)
        // Own features of both ends must not meet, and those of larger images have to follow the pixels.
        guard axes.count == layers + 1, axes.allSatisfy({ $0.leading + $0.trailing <= $0.length }),
            windowStride % axes[layers].stride == 0,
            let next = plan.graph.axisFeatures(pixels: tile + axes[layers].stride)[layers],
            next.length == axes[layers].length + 1
        else { return nil }
        let trunk = plan.graph.nodes[..<layers]
        guard
            axes[layers].leading + axes[layers].trailing == 0
                || trunk.allSatisfy({ $0.layer.onParts(sideBySide: true) != nil })
        else { return nil }
        self.trunk = layers
        self.tile = tile
        self.axes = axes
        let works = plan.graph.nodes.indices.map { plan.graph.nodes[$0].layer.work(for: plan.inputShapes(of: $0)) }
        trunkCosts = works[..<layers].map { (Double($0.multiplications) * $0.each, Double($0.multiplications)) }
        headCost = works[layers...].reduce(0) { $0 + Double($1.multiplications) * $1.each }
        readsWindows =
            plan.graph.nodes[layers].layer is any WindowedLayer && layers + 1 < plan.graph.nodes.count
            && plan.graph.isCut(layers + 1)
        slices = readsWindows ? Self.slices(of: plan, layers) : []
        let once = slices.isEmpty ? layers : layers - 1
        guard let part = try? NetworkPlan(plan.graph.part(0..<once), inputShape: plan.shapes[0]) else { return nil }
        let pieces = MemoryPlan(part, .inference).sizes
        // A slice lies where the pixels did.
        let slice = slices.isEmpty ? 0 : slices[0].count * plan.shapes[layers].sample.count
        trunkFloats = pieces.reduce(0, +) - pieces[0] + max(pieces[0], slice)
    }

    /// Channels of a slice: they take about as much memory as the pixels, and fill the blocks of all kernels.
    private static let sliceChannels = 40, channelBlock = 8

    /// How the output of the last layer of a trunk is made.
    private static func slices(of plan: NetworkPlan, _ layers: Int) -> [Range<Int>] {
        let (last, channels) = (layers - 1, plan.shapes[layers][0])
        let count = (channels + sliceChannels - 1) / sliceChannels
        guard count > 1, last > 0, plan.graph.nodes[last].inputs == [last],
            plan.graph.nodes[last].layer.sliced(0..<1) != nil,
            // The pixels themselves would be lost.
            !plan.graph.nodes[..<last].allSatisfy({ $0.layer.isIdentityAtInference })
        else { return [] }
        let each = ((channels + count - 1) / count + channelBlock - 1) / channelBlock * channelBlock
        return Swift.stride(from: 0, to: channels, by: each).map { $0..<min($0 + each, channels) }
    }

    /// How much slower borders are computed than whole images, without transforms: they have to be gathered, and are
    /// narrow. Measured on a Zen 5 core.
    private static let stripPenalty = 3.0, cornerPenalty = 5.0

    /// About, for windows in some rows and columns of a block.
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

    /// The same for windows computed by themselves.
    package func plainCost(windows: Int) -> Double { Double(windows) * totalCost }

    /// For a window of many.
    private func typicalCost(_ windowStride: Int) -> Double {
        let count = 10
        let length = tile + (count - 1) * windowStride
        return cost(width: length, height: length, rows: count, columns: count, windows: count * count)
            / Double(count * count)
    }

    /// The largest side, in pixels, of blocks whose trunk takes no more than some bytes.
    package func largestSide(bytes: Int) -> Int {
        let windows = Double(bytes) / Double(trunkFloats * MemoryLayout<Float>.stride)
        return max(tile, Int(Double(tile) * windows.squareRoot()))
    }
}
