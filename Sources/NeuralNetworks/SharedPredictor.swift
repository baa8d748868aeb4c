import Tensors

/// A layer that can read windows of a shared map where they lie.
protocol WindowedLayer: Layer {
    /// `scratch` lends floats for the time of the call.
    func forward(_ y: Tensor, _ windows: FeatureWindows, parameters: [Tensor], scratch: (Int) -> Tensor) throws
}

/// Windows of a block of pixels: interleaved 8-bit RGB, rows without padding.
package struct BlockWindows {
    package let bytes: UnsafeRawBufferPointer
    package let width: Int
    package let height: Int
    /// First pixels of the windows in the block.
    package let corners: [(x: Int, y: Int)]

    package init(bytes: UnsafeRawBufferPointer, width: Int, height: Int, corners: [(x: Int, y: Int)]) {
        precondition(bytes.count >= width * height * 3)
        (self.bytes, self.width, self.height, self.corners) = (bytes, width, height, corners)
    }

    /// Rectangles of one size as the kernels want them.
    func pixels(width: Int, height: Int, at corners: [(x: Int, y: Int)]) -> PixelWindows {
        PixelWindows(
            height: height, width: width, rowStride: self.width * 3,
            offsets: corners.map { Int64(($0.y * self.width + $0.x) * 3) })
    }
}

/// Applies a network to the windows of a block, which share what its first layers compute.
final class SharedPredictor {
    private let plan: SharingPlan
    private let statistics: ChannelStatistics
    private let trunk: ImageNetwork
    private let strips: ImageNetwork
    private let turnedStrips: ImageNetwork
    private let corners: ImageNetwork
    /// The layer that reads windows where they lie, if it can, with its parameters.
    private let reading: (layer: any WindowedLayer, parameters: [Tensor])?
    private let head: Network
    private let headWorkspace: Workspace
    private let memory = WorkspaceMemory()

    /// Windows that go through the head at once.
    private static let headBatch = 128, gatheredBatch = 32

    init(_ network: Network, _ plan: SharingPlan, _ statistics: ChannelStatistics) throws {
        self.plan = plan
        self.statistics = statistics
        let whole = network.plan
        let count = whole.graph.nodes.count
        func part(_ range: Range<Int>) throws -> Network {
            let part = try NetworkPlan(whole.graph.part(range), inputShape: whole.shapes[range.lowerBound])
            let first = whole.parameterRanges[range.lowerBound].lowerBound
            return Network(part, sharing: Array(network.state.tensors[first...].prefix(part.layout.names.count)))
        }
        let trunk = try part(0..<plan.trunk)
        self.trunk = ImageNetwork(trunk)
        strips = ImageNetwork(trunk)
        turnedStrips = ImageNetwork(try trunk.transposed())
        corners = ImageNetwork(trunk)
        var headStart = plan.trunk
        if let layer = whole.graph.nodes[headStart].layer as? any WindowedLayer, headStart + 1 < count,
            whole.graph.isCut(headStart + 1)
        {
            reading = (layer, Array(network.state.tensors[whole.parameterRanges[headStart]]))
            headStart += 1
        } else {
            reading = nil
        }
        head = try part(headStart..<count)
        headWorkspace = Workspace(
            head, capacity: reading == nil ? Self.gatheredBatch : Self.headBatch, purpose: .inference)
    }

    /// `deliver` gets the logits of the windows in their order, some at a time.
    func add(_ windows: BlockWindows, deliver: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        let map = try trunk.forward([(0, 0)], width: windows.width, height: windows.height) { planes, corners in
            let block = windows.pixels(width: windows.width, height: windows.height, at: corners)
            try Kernels.normalize(planes, windows.bytes, block, statistics)
        }
        let shape = map.shape.sample
        let borders = plan.stripPixels == 0 ? nil : try borders(of: windows)
        let (rows, columns) = (Self.indices(windows.corners.map(\.y)), Self.indices(windows.corners.map(\.x)))
        for start in stride(from: 0, to: windows.corners.count, by: headWorkspace.capacity) {
            let range = start..<min(start + headWorkspace.capacity, windows.corners.count)
            let places = windows.corners[range].map { corner in
                FeatureWindows.Place(
                    y: corner.y / plan.stride, x: corner.x / plan.stride, rowStrip: rows[corner.y]!,
                    columnStrip: columns[corner.x]!)
            }
            let part = borders.map { borders in
                let strip = shape[0] * plan.stripFeatures * plan.stripFeatures
                return FeatureWindows.Borders(
                    leading: plan.leading, trailing: plan.trailing, length: plan.stripFeatures, rows: borders.rows,
                    columns: borders.columns,
                    corners: borders.corners.view([4 * range.count * strip], at: 4 * range.lowerBound * strip))
            }
            let features = FeatureWindows(
                shape: [shape[0], plan.side, plan.side], map: map.view(shape), places: places, borders: part)
            headWorkspace.setBatch(range.count)
            if let reading {
                try reading.layer.forward(
                    headWorkspace.input, features, parameters: reading.parameters, scratch: memory.scratch)
            } else {
                try Kernels.gather(headWorkspace.input, features)
            }
            try headWorkspace.forward(.inference).withUnsafeBuffer { logits in
                guard logits.allSatisfy(\.isFinite) else { throw PredictionError() }
                try deliver(logits)
            }
        }
    }

    /// Numbers for different values, in their order.
    private static func indices(_ values: [Int]) -> [Int: Int] {
        Dictionary(uniqueKeysWithValues: Set(values).sorted().enumerated().map { ($0.element, $0.offset) })
    }

    /// The features at the windows' ends.
    private func borders(of windows: BlockWindows) throws -> (rows: Tensor, columns: Tensor, corners: Tensor) {
        let (strip, tile) = (plan.stripPixels, plan.tile)
        let (ys, xs) = (Set(windows.corners.map(\.y)).sorted(), Set(windows.corners.map(\.x)).sorted())
        let rowStrips = ys.flatMap { [(x: 0, y: $0), (x: 0, y: $0 + tile - strip)] }
        let rows = try strips.forward(rowStrips, width: windows.width, height: strip) { planes, corners in
            let pixels = windows.pixels(width: windows.width, height: strip, at: corners)
            try Kernels.normalize(planes, windows.bytes, pixels, statistics)
        }
        // Turned, so that they are as wide as the others.
        let columnStrips = xs.flatMap { [(x: $0, y: 0), (x: $0 + tile - strip, y: 0)] }
        let columns = try turnedStrips.forward(columnStrips, width: windows.height, height: strip) { planes, corners in
            let pixels = windows.pixels(width: strip, height: windows.height, at: corners)
            try Kernels.normalizeTransposed(planes, windows.bytes, pixels, statistics)
        }
        let squares = windows.corners.flatMap { corner in
            let (right, below) = (corner.x + tile - strip, corner.y + tile - strip)
            return [
                (x: corner.x, y: corner.y), (x: right, y: corner.y), (x: corner.x, y: below), (x: right, y: below),
            ]
        }
        let corners = try corners.forward(squares, width: strip, height: strip) { planes, corners in
            try Kernels.normalize(
                planes, windows.bytes, windows.pixels(width: strip, height: strip, at: corners), statistics)
        }
        return (rows, columns, corners)
    }
}

/// Layers that take images of any size.
private final class ImageNetwork {
    private let network: Network
    private let memory = WorkspaceMemory()
    private let results = WorkspaceMemory()
    private var current: (workspace: Workspace, width: Int, height: Int)?

    init(_ network: Network) { self.network = network }

    /// Floats of input that are computed at once, unless one image has more.
    private static let inputFloats = 1 << 20

    /// The outputs for equally large images, one after the other. `fill` makes the inputs of some of them. The result is
    /// valid until the next call.
    func forward(
        _ places: [(x: Int, y: Int)], width: Int, height: Int,
        fill: (Tensor, [(x: Int, y: Int)]) throws -> Void
    ) throws -> Tensor {
        let most = max(1, min(places.count, Self.inputFloats / (3 * width * height)))
        let workspace = try workspace(width: width, height: height, capacity: most)
        if places.count == 1 {
            workspace.setBatch(1)
            try fill(workspace.input, places)
            return try workspace.forward(.inference)
        }
        let sample = workspace.network.outputShape
        let result = results.piece(0, places.count * sample.count).view(sample.batched(places.count))
        for start in stride(from: 0, to: places.count, by: workspace.capacity) {
            let range = start..<min(start + workspace.capacity, places.count)
            workspace.setBatch(range.count)
            try fill(workspace.input, Array(places[range]))
            let output = try workspace.forward(.inference)
            result.view(output.shape, at: start * sample.count).copy(from: output)
        }
        return result
    }

    private func workspace(width: Int, height: Int, capacity: Int) throws -> Workspace {
        if let current, (current.width, current.height) == (width, height), current.workspace.capacity >= capacity {
            return current.workspace
        }
        let plan = try NetworkPlan(network.plan.graph, inputShape: [network.inputShape[0], height, width])
        let workspace = Workspace(
            Network(plan, sharing: network.state.tensors), capacity: capacity, purpose: .inference, memory: memory)
        current = (workspace, width, height)
        return workspace
    }
}

extension Network {
    /// The same network for images whose rows and columns are exchanged.
    fileprivate func transposed() throws -> Network {
        let result = Network(plan)
        for (tensor, original) in zip(result.state.tensors, state.tensors) {
            let dimensions = original.shape.dimensions
            guard dimensions.count == 4 else {
                tensor.copy(from: original)
                continue
            }
            let (height, width) = (dimensions[2], dimensions[3])
            for plane in stride(from: 0, to: original.count, by: height * width) {
                for y in 0..<height {
                    for x in 0..<width { tensor[plane + x * height + y] = original[plane + y * width + x] }
                }
            }
        }
        return result
    }
}
