import Tensors

/// Memory for passes of batches through a network, planned once: values, gradients and scratch.
///
/// Fill `input` and call `forward`. To train, create the workspace with `supportsBackward`, fill `logitsGradient` after
/// `forward`, and call `backward`.
package final class Workspace {
    package let network: Network
    package let capacity: Int
    private let supportsBackward: Bool
    private let plan: MemoryPlan
    private let pieces: [MemoryPlan.Piece: Tensor]
    /// Memory that each node receives.
    private let memory: [LayerMemory]
    /// The nodes that inference skips, because their output is their input.
    private let skippedAtInference: Set<Int>
    private var batch: Batch
    private var lastPass = Pass.inference
    /// Called after each layer has run forward or backward, for measurements.
    package var observer: ((_ layer: String, _ isBackward: Bool) -> Void)?

    /// Views for one batch size, remade when the size changes.
    private struct Batch {
        let size: Int
        let values: Graph.PerValue<Tensor>
        let logitsGradient: Tensor?
        let backward: [BackwardViews]
    }

    private struct BackwardViews {
        let gy: Tensor
        let gx: [Tensor?]
        let sums: [(sum: Tensor, older: Tensor, newer: Tensor)]
    }

    /// A workspace for batches of at most `capacity` samples. Backward passes need more memory, since they read values
    /// of the forward pass. With an `arena`, several workspaces can use the same memory one after the other.
    package init(_ network: Network, capacity: Int, supportsBackward: Bool = false, arena: Arena? = nil) {
        precondition(capacity >= 1)
        self.network = network
        self.capacity = capacity
        self.supportsBackward = supportsBackward
        let networkPlan = network.plan
        let plan = MemoryPlan(networkPlan, supportsBackward: supportsBackward)
        self.plan = plan
        func tensor(_ slot: Arena.Slot, count: Int) -> Tensor {
            arena?.tensor(slot, count: count) ?? Tensor([count])
        }
        pieces = Dictionary(
            uniqueKeysWithValues: plan.pieces.map {
                ($0, tensor(.piece($0), count: capacity * plan.size(of: $0)))
            })
        let traits = networkPlan.graph.nodes.indices.map { networkPlan.memoryTraits(of: $0, batch: capacity) }
        let scratch = tensor(.scratch, count: max(1, traits.map(\.scratchCount).max() ?? 1))
        memory = traits.enumerated().map { index, traits in
            LayerMemory(
                parameters: Array(network.state.tensors[networkPlan.parameterRanges[index]]),
                buffers: Array(network.state.tensors[networkPlan.bufferRanges[index]]),
                kept: Tensor([supportsBackward ? traits.keptCount : 0]), scratch: scratch)
        }
        skippedAtInference = Set(
            traits.indices.filter {
                let input = networkPlan.graph.nodes[$0].inputs[0]
                return traits[$0].isIdentityAtInference && plan.values[.output(of: $0)] == plan.values[input]
            })
        batch = Batch(size: 0, values: Graph.PerValue([]), logitsGradient: nil, backward: [])
        setBatch(capacity)
    }

    /// The samples of the batch, to be filled by the caller: size x channels x height x width.
    package var input: Tensor { batch.values[.input] }
    /// The result of `forward`: size x classes.
    package var logits: Tensor { batch.values[network.plan.graph.output] }
    /// The gradient with respect to the logits, to be filled by the caller between `forward` and `backward`.
    package var logitsGradient: Tensor {
        guard let gradient = batch.logitsGradient else {
            preconditionFailure("gradients in a workspace without backward passes")
        }
        return gradient
    }

    /// Sets the number of samples in the next passes, at most `capacity`. Makes views only if the number changes.
    package func setBatch(_ size: Int) {
        precondition(size >= 1 && size <= capacity, "a batch of \(size) in a workspace for \(capacity)")
        guard size != batch.size else { return }
        let (nodes, shapes) = (network.plan.graph.nodes, network.plan.shapes)
        func view(_ piece: MemoryPlan.Piece, _ value: Graph.Value) -> Tensor {
            pieces[piece]!.view(shapes[value].batched(size))
        }
        batch = Batch(
            size: size, values: Graph.PerValue(shapes.indices.map { view(plan.values[$0], $0) }),
            logitsGradient: plan.outputGradient.map { view($0, network.plan.graph.output) },
            backward: plan.backward.map { step in
                BackwardViews(
                    gy: view(step.gradient, .output(of: step.node)),
                    gx: zip(step.contributions, nodes[step.node].inputs).map { piece, value in
                        piece.map { view($0, value) }
                    },
                    sums: step.sums.map {
                        (view($0.into, $0.value), view($0.terms.0, $0.value), view($0.terms.1, $0.value))
                    })
            })
    }

    /// Runs the batch through all layers and returns the logits. `before` is called with the inputs of each layer
    /// before the layer runs.
    @discardableResult
    package func forward(_ pass: Pass, before: (_ node: Int, _ inputs: [Tensor]) throws -> Void = { _, _ in }) throws
        -> Tensor
    {
        lastPass = pass
        for (index, node) in network.plan.graph.nodes.enumerated() {
            try before(index, values(of: node))
            if case .inference = pass, skippedAtInference.contains(index) { continue }
            try node.layer.forward(
                batch.values[.output(of: index)], values(of: node), memory[index], self.pass(of: index))
            observer?(node.layer.name, false)
        }
        return logits
    }

    /// Computes the gradient with respect to every parameter, from `logitsGradient` and the last forward pass.
    package func backward(into gradients: Gradients) throws {
        precondition(supportsBackward, "a backward pass in a workspace without backward passes")
        gradients.startPass()
        for (step, views) in zip(plan.backward, batch.backward) {
            let node = network.plan.graph.nodes[step.node]
            let (x, y) = (values(of: node), batch.values[.output(of: step.node)])
            let parameters = network.plan.parameterRanges[step.node]
            let places = gradients.tensors(of: parameters)
            try node.layer.backward(
                views.gx, gy: views.gy, x: x, y: y, gradients: places, memory[step.node], pass(of: step.node))
            if let parameter = gradients.product(of: parameters) {
                gradients.append(Gradients.Product(parameter: parameter, gy: views.gy, x: x[0]))
            }
            for (sum, older, newer) in views.sums { try Kernels.add(sum, older, newer) }
            observer?(node.layer.name, true)
        }
    }

    /// The mode of a node in the last pass. Layers with frozen statistics compute as in inference.
    private func pass(of node: Int) -> Pass {
        network.plan.nodesWithFrozenStatistics.contains(node) ? .inference : lastPass
    }

    private func values(of node: Graph.Node) -> [Tensor] { node.inputs.map { batch.values[$0] } }
}
