import Tensors

/// A layer that can read windows of a shared map where they lie.
protocol WindowedLayer: Layer {
    /// Windows with the first channels begin y, others add to it. `scratch` lends floats for the time of the call.
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
        trunk = try SharedTrunk(try network.part(0..<plan.trunk), plan.axes, slices: plan.slices)
        var headStart = plan.trunk
        if plan.readsWindows, let layer = whole.graph.nodes[headStart].layer as? any WindowedLayer {
            reading = (layer, Array(network.state.tensors[whole.parameterRanges[headStart]]))
            headStart += 1
        } else {
            reading = nil
        }
        head = try network.part(headStart..<whole.graph.nodes.count)
        headWorkspace = Workspace(
            head, capacity: reading == nil ? Self.gatheredBatch : Self.headBatch, purpose: .inference)
    }

    /// `deliver` gets the logits of the windows in their order, some at a time.
    func add(_ windows: BlockWindows, deliver: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        let (width, height, corners) = (windows.width, windows.height, windows.corners)
        func fill(_ planes: Tensor) throws {
            let block = windows.pixels(width: width, height: height, at: [(0, 0)])
            try Kernels.normalize(planes, windows.bytes, block, statistics)
        }
        let batches = stride(from: 0, to: corners.count, by: headWorkspace.capacity).map {
            $0..<min($0 + headWorkspace.capacity, corners.count)
        }
        guard let reading else {
            return try trunk.forward(width: width, height: height, corners: corners, fill: fill) { features in
                for batch in batches {
                    try runHead(batch, deliver) { try Kernels.gather($0, features.windows(batch)) }
                }
            }
        }
        let each = head.inputShape.count
        let read = memory.piece(0, corners.count * each)
        try trunk.forward(width: width, height: height, corners: corners, fill: fill) { features in
            for batch in batches {
                let rows = read.view([batch.count, each], at: batch.lowerBound * each)
                try reading.layer.forward(
                    rows, features.windows(batch), parameters: reading.parameters, scratch: memory.scratch)
            }
        }
        for batch in batches {
            try runHead(batch, deliver) {
                $0.copy(from: read.view([batch.count, each], at: batch.lowerBound * each))
            }
        }
    }

    private func runHead(
        _ batch: Range<Int>, _ deliver: (UnsafeBufferPointer<Float>) throws -> Void, fill: (Tensor) throws -> Void
    ) throws {
        headWorkspace.setBatch(batch.count)
        try fill(headWorkspace.input)
        try headWorkspace.forward(.inference).withUnsafeBuffer { logits in
            guard logits.allSatisfy(\.isFinite) else { throw PredictionError() }
            try deliver(logits)
        }
    }
}
