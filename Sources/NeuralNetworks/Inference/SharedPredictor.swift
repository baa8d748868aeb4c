import Tensors

/// Applies a network to the windows of a block, with shared results of its first layers.
final class SharedPredictor {
    private let whole: PredictionNetwork
    private let trunk: SharedTrunk
    /// The first layer after the trunk, if it reads windows directly from the shared map, and its parameters.
    private let reader: (layer: any WindowReader, parameters: [Tensor])?
    /// The layers after the trunk and `reader`.
    private let head: Network
    private let headWorkspace: Workspace
    private let arena: Arena

    /// Windows in a batch of the head, which is larger if `reader` has reduced them to few features.
    private static let headBatch = 1024, gatheredBatch = 32

    init(_ whole: PredictionNetwork, _ plan: SharingPlan, _ arena: Arena) throws {
        (self.whole, self.arena) = (whole, arena)
        let network = whole.network
        let nodes = network.plan.graph.nodes
        trunk = try SharedTrunk(try network.part(0..<plan.trunk), plan.axes, slices: plan.slices, arena)
        var headStart = plan.trunk
        if plan.readsWindows, let layer = nodes[headStart].layer as? any WindowReader {
            reader = (layer, Array(network.state.tensors[network.plan.parameterRanges[headStart]]))
            headStart += 1
        } else {
            reader = nil
        }
        head = try network.part(headStart..<nodes.count)
        headWorkspace = Workspace(head, capacity: reader == nil ? Self.gatheredBatch : Self.headBatch)
    }

    /// Passes the logits of the windows to `deliver` in order, a batch at a time.
    func add(_ windows: BlockWindows, deliver: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        let (width, height, corners) = (windows.width, windows.height, windows.corners)
        func fill(_ planes: Tensor) throws {
            let block = windows.pixels(width: width, height: height, at: [(0, 0)])
            try whole.normalize(planes, windows.bytes.bytes, block)
        }
        let batches = stride(from: 0, to: corners.count, by: headWorkspace.capacity).map {
            $0..<min($0 + headWorkspace.capacity, corners.count)
        }
        guard let reader else {
            return try trunk.forward(width: width, height: height, corners: corners, fill: fill) { features in
                for batch in batches {
                    try runHead(batch, deliver) { try Kernels.gather($0, features.windows(batch)) }
                }
            }
        }
        let each = head.inputShape.count
        let headInput = arena.tensor(.headInput, count: corners.count * each)
        try trunk.forward(width: width, height: height, corners: corners, fill: fill) { features in
            for batch in batches {
                let rows = headInput.view([batch.count, each], at: batch.lowerBound * each)
                try reader.layer.forward(rows, features.windows(batch), parameters: reader.parameters) {
                    arena.tensor(.scratch, count: $0)
                }
            }
        }
        for batch in batches {
            try runHead(batch, deliver) {
                $0.copy(from: headInput.view([batch.count, each], at: batch.lowerBound * each))
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
