import Tensors

/// How windows that slide over an image can share what the first layers of a network make of it.
///
/// A convolution's outputs are the same for a window and for a larger image around it, where the window begins at a
/// multiple of the layers' total stride, but for those that the padding at the window's ends has a part in. So the first
/// layers, the trunk, run once over a block of the image; the features next to a window's ends are computed apart, from
/// strips and corners of pixels that are just large enough; and the other layers, the head, run for each window on
/// what both come to. How deep the trunk is follows from what that costs.
package struct SharingPlan: Sendable {
    /// How many layers the trunk has.
    package let trunk: Int
    /// Pixels from one feature of the trunk's output to the next.
    package let stride: Int
    /// Features along a window's side, and those at its ends that it has for itself.
    package let side: Int
    package let leading: Int
    package let trailing: Int
    /// Pixels that strips are high, and the features that come of them; 0 when nothing is computed apart.
    package let stripPixels: Int
    package let stripFeatures: Int
    /// Pixels along a window's side.
    let tile: Int
    /// Multiplications of the trunk and of the whole network for one window.
    let trunkCost: Double
    let totalCost: Double
    /// Floats that the trunk's values take for a window.
    let trunkFloats: Int

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
        guard features.indices.dropFirst().contains(layers), layers < plan.graph.nodes.count,
            let axis = features[layers],
            plan.graph.isCut(layers), windowStride % axis.stride == 0
        else { return nil }
        self.init(plan, trunk: layers, axis, tile: tile)
    }

    private init?(_ plan: NetworkPlan, trunk: Int, _ axis: AxisFeatures, tile: Int) {
        let graph = plan.graph
        func features(_ pixels: Int) -> AxisFeatures? { graph.axisFeatures(pixels: pixels)[trunk] }
        // In larger images features have to follow the pixels.
        guard let next = features(tile + axis.stride), next.length == axis.length + 1,
            (next.leading, next.trailing) == (axis.leading, axis.trailing), axis.leading + axis.trailing <= axis.length
        else { return nil }
        self.trunk = trunk
        self.tile = tile
        (side, stride, leading, trailing) = (axis.length, axis.stride, axis.leading, axis.trailing)
        if leading + trailing == 0 {
            (stripPixels, stripFeatures) = (0, 0)
        } else {
            // Strips begin, and end, at multiples of the stride from the window's ends.
            let heights = Array(Swift.stride(from: tile % stride, to: tile, by: stride))
            let fitting = heights.lazy.compactMap { pixels -> (Int, Int)? in
                guard pixels > 0, let strip = features(pixels),
                    strip.length == axis.length - (tile - pixels) / axis.stride,
                    strip.length - strip.trailing >= axis.leading, strip.length - strip.leading >= axis.trailing
                else { return nil }
                return (pixels, strip.length)
            }
            guard let (pixels, length) = fitting.first else { return nil }
            (stripPixels, stripFeatures) = (pixels, length)
        }
        let costs = graph.nodes.indices.map {
            Double(graph.nodes[$0].layer.multiplications(for: plan.inputShapes(of: $0)))
        }
        trunkCost = costs[..<trunk].reduce(0, +)
        totalCost = costs.reduce(0, +)
        trunkFloats = plan.shapes[...trunk].reduce(0) { $0 + $1.count }
    }

    /// How much slower strips and corners are computed than large images are, about.
    private static let stripPenalty = 1.3, cornerPenalty = 3.0

    /// Multiplications, about, for windows in some rows and columns of a block.
    package func cost(width: Int, height: Int, rows: Int, columns: Int, windows: Int) -> Double {
        let strips = Self.stripPenalty * Double(2 * stripPixels * (rows * width + columns * height))
        let corners = Self.cornerPenalty * Double(4 * windows * stripPixels * stripPixels)
        let pixels = Double(width * height) + strips + corners
        return pixels / Double(tile * tile) * trunkCost + Double(windows) * (totalCost - trunkCost)
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
