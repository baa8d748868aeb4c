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
    private let statistics: ChannelStatistics
    private let trunk: SharedTrunk
    /// The layer that reads windows where they lie, if it can, with its parameters.
    private let reading: (layer: any WindowedLayer, parameters: [Tensor])?
    private let head: Network
    private let headWorkspace: Workspace
    private let memory = WorkspaceMemory()

    /// Windows that go through the head at once.
    private static let headBatch = 1024, gatheredBatch = 32

    init(_ network: Network, _ plan: SharingPlan, _ statistics: ChannelStatistics) throws {
        self.statistics = statistics
        let whole = network.plan
        let count = whole.graph.nodes.count
        func part(_ range: Range<Int>) throws -> Network {
            let part = try NetworkPlan(whole.graph.part(range), inputShape: whole.shapes[range.lowerBound])
            let first = whole.parameterRanges[range.lowerBound].lowerBound
            return Network(part, sharing: Array(network.state.tensors[first...].prefix(part.layout.names.count)))
        }
        trunk = SharedTrunk(try part(0..<plan.trunk), plan.axes)
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
        let (width, height, corners) = (windows.width, windows.height, windows.corners)
        let features = try trunk.forward(width: width, height: height, corners: corners) { planes in
            let block = windows.pixels(width: width, height: height, at: [(0, 0)])
            try Kernels.normalize(planes, windows.bytes, block, statistics)
        }
        for start in stride(from: 0, to: corners.count, by: headWorkspace.capacity) {
            let some = features.windows(start..<min(start + headWorkspace.capacity, corners.count))
            headWorkspace.setBatch(some.places.count)
            if let reading {
                try reading.layer.forward(
                    headWorkspace.input, some, parameters: reading.parameters, scratch: memory.scratch)
            } else {
                try Kernels.gather(headWorkspace.input, some)
            }
            try headWorkspace.forward(.inference).withUnsafeBuffer { logits in
                guard logits.allSatisfy(\.isFinite) else { throw PredictionError() }
                try deliver(logits)
            }
        }
    }
}
