import Tensors

/// The first layers of a network on a block of an image, and what windows in it have for themselves.
///
/// Layer by layer, the values of the whole block are computed once, and beside them the rows and columns at the ends of
/// windows that padding has a part in: from the ones before, and from what windows share. Rows are the same for all
/// windows that begin in one row of pixels, and columns for those that begin in one column, but for the corners.
///
/// The last layer may make its channels some at a time, so that blocks are as large as the values before it, not its
/// own, leave room for.
final class SharedTrunk {
    /// A layer as it is run, with its parameters.
    private struct Step {
        var layer: any Layer
        var parameters: [Tensor]
    }

    private let steps: [Step]
    /// All layers but the last where that makes some of its output's channels at a time.
    private let network: Network
    private let slices: [(channels: Range<Int>, step: Step)]
    /// Along a window's side, for each value.
    private let axes: [AxisFeatures]
    private let memory = WorkspaceMemory()
    private let borderMemory = WorkspaceMemory()
    private var current: Workspace?

    /// `slices`: the channels that the last layer makes at a time; none where it runs once.
    init(_ network: Network, _ axes: [AxisFeatures], slices: [Range<Int>]) throws {
        let plan = network.plan
        let last = plan.graph.nodes.count - 1
        precondition(axes.count == last + 2)
        let steps = plan.graph.nodes.indices.map {
            Step(layer: plan.graph.nodes[$0].layer, parameters: Array(network.state.tensors[plan.parameterRanges[$0]]))
        }
        (self.axes, self.steps) = (axes, steps)
        self.network = slices.isEmpty ? network : try network.part(0..<last)
        self.slices = slices.map { channels in
            guard let layer = steps[last].layer.sliced(channels) else {
                preconditionFailure("slices of a layer that has none")
            }
            return (channels, Step(layer: layer, parameters: steps[last].parameters.map { $0.rows(channels) }))
        }
    }

    /// What layers made of the windows of a block: valid until the next block, or the next slice.
    struct Features {
        fileprivate let axis: AxisFeatures
        fileprivate let map: Tensor
        /// What the map has of the channels.
        fileprivate let firstChannel: Int
        fileprivate let channels: Int
        fileprivate let borders: FeatureWindows.Borders
        fileprivate let grid: Grid

        /// Some of the windows.
        func windows(_ range: Range<Int>) -> FeatureWindows {
            let ends = FeatureWindows.Ends(leading: axis.leading, trailing: axis.trailing)
            return FeatureWindows(
                shape: [map.shape[0], axis.length, axis.length], map: map, firstChannel: firstChannel,
                channels: channels, places: grid.places(range, axis.stride), borderRows: ends, borderColumns: ends,
                borders: borders)
        }
    }

    /// Where the windows of a block begin, in pixels.
    fileprivate struct Grid {
        let corners: [(x: Int, y: Int)]
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

        func places(_ range: Range<Int>, _ stride: Int) -> [FeatureWindows.Place] {
            range.map { index in
                let (x, y) = corners[index]
                return FeatureWindows.Place(
                    y: y / stride, x: x / stride, row: rowIndices[y]!, column: columnIndices[x]!, corner: index)
            }
        }
    }

    /// `fill` makes the planes of a block of so many pixels; `deliver` gets the features of its windows, all or some
    /// channels of them at a time.
    func forward(
        width: Int, height: Int, corners: [(x: Int, y: Int)], fill: (Tensor) throws -> Void,
        deliver: (Features) throws -> Void
    ) throws {
        let workspace = try workspace(width: width, height: height)
        let (nodes, grid) = (network.plan.graph.nodes, Grid(corners))
        var borders = [FeatureWindows.Borders()]
        func features(_ value: Int, _ map: Tensor, firstChannel: Int = 0, of channels: Int? = nil) -> Features {
            let map = map.view(map.shape.sample)
            return Features(
                axis: axes[value], map: map, firstChannel: firstChannel, channels: channels ?? map.shape[0],
                borders: borders[value], grid: grid)
        }
        try fill(workspace.input)
        let map = try workspace.forward(.inference) { index, inputs in
            let values = zip(nodes[index].inputs, inputs).map { features($0, $1) }
            let map = workspace.network.plan.shapes[index + 1]
            borders.append(try self.borders(after: index, values, map: map))
        }
        if slices.isEmpty { return try deliver(features(nodes.count, map)) }
        let whole = try steps[nodes.count].layer.outputShape(for: [map.shape.sample])
        borders.append(try self.borders(after: nodes.count, [features(nodes.count, map)], map: whole))
        for (channels, step) in slices {
            // Where the pixels were, which are of no use any more.
            let shape: Shape = [1, channels.count, whole[1], whole[2]]
            let part = memory.piece(0, shape.count).view(shape)
            try forward(step, part, [map])
            try deliver(features(nodes.count + 1, part, firstChannel: channels.lowerBound, of: whole[0]))
        }
    }

    private func forward(_ step: Step, _ y: Tensor, _ x: [Tensor]) throws {
        let scratch = step.layer.scratchCount(batch: y.shape[0], inputs: x.map(\.shape.sample))
        let lent = LayerMemory(
            parameters: step.parameters, buffers: [], kept: Tensor([0]), scratch: memory.scratch(max(1, scratch)))
        try step.layer.forward(y, x, lent, .inference)
    }

    private func workspace(width: Int, height: Int) throws -> Workspace {
        let shape: Shape = [network.inputShape[0], height, width]
        if let current, current.network.inputShape == shape { return current }
        let plan = try NetworkPlan(network.plan.graph, inputShape: shape)
        let workspace = Workspace(
            Network(plan, sharing: network.state.tensors), capacity: 1, purpose: .inference, memory: memory)
        current = workspace
        return workspace
    }

    /// What a layer makes of the borders of its inputs. `map` is the shape of what it makes of the whole block.
    private func borders(after node: Int, _ inputs: [Features], map: Shape) throws -> FeatureWindows.Borders {
        let (step, axis) = (steps[node], axes[node + 1])
        if axis.leading + axis.trailing == 0 { return FeatureWindows.Borders() }
        if step.layer.isIdentityAtInference { return inputs[0].borders }
        let grid = inputs[0].grid
        let ends = [0..<axis.leading, axis.length - axis.trailing..<axis.length]
        var result = FeatureWindows.Borders()
        func part(_ index: Int, _ rows: Range<Int>, _ columns: Range<Int>, _ kind: Kind) throws -> Tensor {
            try compute(step, inputs, rows: rows, columns: columns, kind, place: node * 8 + index)
        }
        for end in 0..<2 {
            result.rows.append(try part(end, ends[end], 0..<map[2], .rows))
            let columns = try part(2 + end, 0..<map[1], ends[end], .columns)
            result.columns.append(columns.view([map[0], map[1], grid.columns.count, ends[end].count]))
            for side in 0..<2 {
                let corners = try part(4 + 2 * end + side, ends[end], ends[side], .corners)
                result.corners.append(
                    corners.view([map[0], ends[end].count, grid.corners.count, ends[side].count]))
            }
        }
        return result
    }

    fileprivate enum Kind { case rows, columns, corners }

    /// Some rows and columns of a layer's output: of all rows of windows one below the other, or of all columns or
    /// windows side by side.
    private func compute(
        _ step: Step, _ inputs: [Features], rows: Range<Int>, columns: Range<Int>, _ kind: Kind, place: Int
    ) throws -> Tensor {
        guard !rows.isEmpty, !columns.isEmpty else { return Tensor([0]) }
        let sideBySide = kind != .rows
        guard let steps = step.layer.spatialSteps, let layer = step.layer.onParts(sideBySide: sideBySide) else {
            preconditionFailure("a trunk of layers that do not work on parts")
        }
        let (down, across) = (Reach(rows, steps), Reach(columns, steps))
        var parts = [Tensor]()
        for (index, input) in inputs.enumerated() {
            let windows = input.part(kind)
            // The first input is read through the layer's window, the others are taken at its sums' places.
            let patches =
                index > 0
                ? FeaturePatches(
                    firstRow: down.sums.lowerBound, rows: down.sums.count, firstColumn: across.sums.lowerBound,
                    length: across.sums.count)
                : FeaturePatches(
                    firstRow: down.input.lowerBound, rows: down.input.count, firstColumn: across.input.lowerBound,
                    runs: sideBySide ? across.sums.count : 1, step: across.stride,
                    length: sideBySide ? across.window : across.input.count)
            let (count, width) = (windows.places.count, patches.runs * patches.length)
            let shape: Shape =
                sideBySide
                ? [1, windows.shape[0], patches.rows, count * width] : [count, windows.shape[0], patches.rows, width]
            // Inputs are of no use behind the layer.
            let tensor = memory.piece(Self.inputPieces + index, shape.count).view(shape)
            try Kernels.gather(tensor, windows, patches, sideBySide: sideBySide)
            parts.append(tensor)
        }
        let output = try layer.outputShape(for: parts.map(\.shape.sample)).batched(parts[0].shape[0])
        let result = borderMemory.piece(place, output.count).view(output)
        try forward(Step(layer: layer, parameters: step.parameters), result, parts)
        return result
    }

    /// Behind the pieces of the workspace.
    private static let inputPieces = 64

    /// What some outputs along an axis come from.
    private struct Reach {
        /// The sums of the layer's first step, and its inputs.
        var sums: Range<Int>
        var input: Range<Int>
        let window: Int
        let stride: Int

        init(_ outputs: Range<Int>, _ steps: [SpatialStep]) {
            func through(_ step: SpatialStep, _ range: Range<Int>) -> Range<Int> {
                let first = range.lowerBound * step.stride - step.padding
                return first..<first + (range.count - 1) * step.stride + step.window
            }
            let first = steps.first ?? SpatialStep(window: 1, stride: 1, padding: 0)
            sums = steps.dropFirst().reversed().reduce(outputs) { through($1, $0) }
            input = through(first, sums)
            (window, stride) = (first.window, first.stride)
        }
    }
}

extension SharedTrunk.Features {
    /// Rows of windows as wide as the block, columns as high, or the windows themselves.
    fileprivate func part(_ kind: SharedTrunk.Kind) -> FeatureWindows {
        let ends = FeatureWindows.Ends(leading: axis.leading, trailing: axis.trailing)
        let none = FeatureWindows.Ends()
        switch kind {
        case .corners: return windows(0..<grid.corners.count)
        case .rows:
            let places = grid.rows.enumerated().map {
                FeatureWindows.Place(y: $0.element / axis.stride, x: 0, row: $0.offset)
            }
            return FeatureWindows(
                shape: [map.shape[0], axis.length, map.shape[2]], map: map, places: places, borderRows: ends,
                borderColumns: none, borders: borders)
        case .columns:
            let places = grid.columns.enumerated().map {
                FeatureWindows.Place(y: 0, x: $0.element / axis.stride, column: $0.offset)
            }
            return FeatureWindows(
                shape: [map.shape[0], map.shape[1], axis.length], map: map, places: places, borderRows: none,
                borderColumns: ends, borders: borders)
        }
    }
}
