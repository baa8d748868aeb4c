import Tensors

/// Runs the trunk of a network on a block of an image, for all windows of the block at once.
///
/// Layer by layer, values are computed once for the whole block, together with the borders: the rows and columns at the
/// ends of windows that depend on padding. Borders are computed from those of the previous layer and from the values of
/// the block. Windows that start in the same row of pixels share their border rows, and windows that start in the same
/// column share their border columns. Only the corners, where both meet, belong to a single window.
///
/// The last layer may compute its channels in slices. The size of blocks is then limited by the memory of the layers
/// before it, not by its own output.
final class SharedTrunk {
    /// A layer with its parameters.
    struct Step {
        var layer: any SpatialLayer
        var parameters: [Tensor]
    }

    let steps: [Step]
    /// All layers, or all but the last if it computes slices.
    private let network: Network
    private let slices: [(channels: Range<Int>, step: Step)]
    /// Features along a window's side, for each value.
    let axes: Graph.PerValue<AxisFeatures>
    let arena: Arena
    private var current: Workspace?

    /// `slices`: the channels that the last layer computes at a time; empty if it runs once.
    init(_ network: Network, _ axes: Graph.PerValue<AxisFeatures>, slices: [Range<Int>], _ arena: Arena) throws {
        self.arena = arena
        let nodes = network.plan.graph.nodes
        let last = nodes.count - 1
        precondition(axes.count == nodes.count + 1)
        let steps = nodes.indices.map {
            guard let layer = nodes[$0].layer as? any SpatialLayer else {
                preconditionFailure("\(nodes[$0].layer.name) cannot be shared")
            }
            return Step(
                layer: layer, parameters: Array(network.state.tensors[network.plan.parameterRanges[$0]]))
        }
        (self.axes, self.steps) = (axes, steps)
        self.network = slices.isEmpty ? network : try network.part(0..<last)
        self.slices = slices.map { channels in
            guard let layer = steps[last].layer.sliced(to: channels) else {
                preconditionFailure("\(steps[last].layer.name) cannot be sliced")
            }
            return (channels, Step(layer: layer, parameters: steps[last].parameters.map { $0.rows(channels) }))
        }
    }

    /// One value of the trunk for the windows of a block. Valid until the next slice or block is computed.
    struct Features {
        let axis: AxisFeatures
        let map: Tensor
        /// The map's first channel, and the number of channels of the whole value.
        let firstChannel: Int
        let channels: Int
        let borders: FeatureWindows.Borders
        let grid: Grid

        /// Consecutive windows of the block.
        func windows(_ range: Range<Int>) -> FeatureWindows {
            let ends = FeatureWindows.Ends(leading: axis.leading, trailing: axis.trailing)
            return FeatureWindows(
                shape: [map.shape[0], axis.length, axis.length], map: map, firstChannel: firstChannel,
                channels: channels, places: grid.places(range, axis.stride), borderRows: ends, borderColumns: ends,
                borders: borders)
        }
    }

    /// The positions of a block's windows, in pixels.
    struct Grid {
        let corners: [(x: Int, y: Int)]
        /// Distinct positions in ascending order.
        let rows: [Int]
        let columns: [Int]
        private let rowIndices: [Int: Int]
        private let columnIndices: [Int: Int]

        init(_ corners: [(x: Int, y: Int)]) {
            self.corners = corners
            rows = Set(corners.map(\.y)).sorted()
            columns = Set(corners.map(\.x)).sorted()
            rowIndices = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($0.element, $0.offset) })
            columnIndices = Dictionary(uniqueKeysWithValues: columns.enumerated().map { ($0.element, $0.offset) })
        }

        /// Positions of windows in a map whose features are `stride` pixels apart.
        func places(_ range: Range<Int>, _ stride: Int) -> [FeatureWindows.Place] {
            range.map { index in
                let (x, y) = corners[index]
                return FeatureWindows.Place(
                    y: y / stride, x: x / stride, row: rowIndices[y]!, column: columnIndices[x]!, corner: index)
            }
        }
    }

    /// Runs the trunk on a block. `fill` writes the normalized pixels of the block. `deliver` receives the features of
    /// the windows, once or for one slice of the channels at a time.
    func forward(
        width: Int, height: Int, corners: [(x: Int, y: Int)], fill: (Tensor) throws -> Void,
        deliver: (Features) throws -> Void
    ) throws {
        let workspace = try workspace(width: width, height: height)
        let (nodes, grid) = (network.plan.graph.nodes, Grid(corners))
        var borders = Graph.PerValue([FeatureWindows.Borders()])
        func features(
            _ value: Graph.Value, _ map: Tensor, firstChannel: Int = 0, of channels: Int? = nil
        ) -> Features {
            let map = map.view(map.shape.sample)
            return Features(
                axis: axes[value], map: map, firstChannel: firstChannel, channels: channels ?? map.shape[0],
                borders: borders[value], grid: grid)
        }
        try fill(workspace.input)
        let map = try workspace.forward(.inference) { index, inputs in
            let values = zip(nodes[index].inputs, inputs).map { features($0, $1) }
            let map = workspace.network.plan.shapes[.output(of: index)]
            borders.append(try self.borders(after: index, values, map: map))
        }
        let output = network.plan.graph.output
        guard !slices.isEmpty else { return try deliver(features(output, map)) }
        let last = nodes.count
        let whole = try steps[last].layer.outputShape(for: [map.shape.sample])
        borders.append(try self.borders(after: last, [features(output, map)], map: whole))
        for (channels, step) in slices {
            // The pixels are no longer needed.
            let shape: Shape = [1, channels.count, whole[1], whole[2]]
            let part = arena.tensor(.piece(.input), count: shape.count).view(shape)
            try forward(step, part, [map])
            try deliver(features(.output(of: last), part, firstChannel: channels.lowerBound, of: whole[0]))
        }
    }

    func forward(_ step: Step, _ y: Tensor, _ x: [Tensor]) throws {
        let traits = step.layer.memoryTraits(for: x.map(\.shape.sample), batch: y.shape[0])
        let memory = LayerMemory(
            parameters: step.parameters, buffers: [], kept: Tensor([0]),
            scratch: arena.tensor(.scratch, count: max(1, traits.scratchCount)))
        try step.layer.forward(y, x, memory, .inference)
    }

    private func workspace(width: Int, height: Int) throws -> Workspace {
        let shape: Shape = [network.inputShape[0], height, width]
        if let current, current.network.inputShape == shape { return current }
        let plan = try NetworkPlan(network.plan.graph, inputShape: shape)
        let workspace = Workspace(Network(plan, sharing: network.state.tensors), capacity: 1, arena: arena)
        current = workspace
        return workspace
    }
}
