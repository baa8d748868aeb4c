import Tensors

/// Memory for passes of batches through a network, planned once: values, gradients and scratch.
///
/// Fill `input`, then call `forward` and, in a workspace for training, `backward`.
package final class Workspace {
    package enum Purpose {
        case inference, training
    }

    package let network: Network
    package let capacity: Int
    private let purpose: Purpose
    private let plan: MemoryPlan
    private let pieces: [Tensor]
    /// What each node is lent.
    private let memory: [LayerMemory]
    private var batch: Batch
    private var lastPass = Pass.inference
    /// Hears when a layer is done, forward or backward: for those who measure.
    package var observer: ((_ layer: String, _ isBackward: Bool) -> Void)?

    /// Views for one batch size, made when the size changes.
    private struct Batch {
        let size: Int
        let values: [Tensor]
        let logitsGradient: Tensor?
        let backward: [BackwardViews]
    }

    private struct BackwardViews {
        let gy: Tensor
        let gx: [Tensor?]
        let sums: [(sum: Tensor, older: Tensor, newer: Tensor)]
    }

    /// Takes its memory from `memory`, where one is given, which several workspaces may use in turns.
    package init(_ network: Network, capacity: Int, purpose: Purpose, memory shared: WorkspaceMemory? = nil) {
        precondition(capacity >= 1)
        self.network = network
        self.capacity = capacity
        self.purpose = purpose
        let (nodes, networkPlan) = (network.plan.graph.nodes, network.plan)
        plan = MemoryPlan(networkPlan, purpose)
        pieces = plan.sizes.enumerated().map { index, size in
            shared?.piece(index, capacity * size) ?? Tensor([capacity * size])
        }
        let needed = nodes.indices.map {
            nodes[$0].layer.scratchCount(batch: capacity, inputs: networkPlan.inputShapes(of: $0))
        }
        let scratchCount = max(1, needed.max() ?? 1)
        let scratch = shared?.scratch(scratchCount) ?? Tensor([scratchCount])
        memory = nodes.indices.map { index in
            let kept = nodes[index].layer.keptCount(batch: capacity, inputs: networkPlan.inputShapes(of: index))
            return LayerMemory(
                parameters: Array(network.state.tensors[networkPlan.parameterRanges[index]]),
                buffers: Array(network.state.tensors[networkPlan.bufferRanges[index]]),
                kept: Tensor([purpose == .training ? kept : 0]), scratch: scratch)
        }
        batch = Batch(size: 0, values: [], logitsGradient: nil, backward: [])
        setBatch(capacity)
    }

    /// The samples of the batch: size x channels x height x width, to be filled by the caller.
    package var input: Tensor { batch.values[0] }
    /// What `forward` computed: size x classes.
    package var logits: Tensor { batch.values[batch.values.count - 1] }
    /// To be filled with the gradient by the logits between `forward` and `backward`.
    package var logitsGradient: Tensor {
        guard let gradient = batch.logitsGradient else { preconditionFailure("gradients in a workspace for inference") }
        return gradient
    }

    /// Sets how many samples the next passes have, at most `capacity`. Allocates only when the size changes.
    package func setBatch(_ size: Int) {
        precondition(size >= 1 && size <= capacity, "a batch of \(size) in a workspace for \(capacity)")
        guard size != batch.size else { return }
        let (nodes, shapes) = (network.plan.graph.nodes, network.plan.shapes)
        func view(_ piece: Int, _ value: Int) -> Tensor { pieces[piece].view(shapes[value].batched(size)) }
        batch = Batch(
            size: size, values: shapes.indices.map { view(plan.values[$0], $0) },
            logitsGradient: plan.outputGradient.map { view($0, nodes.count) },
            backward: plan.backward.map { step in
                BackwardViews(
                    gy: view(step.gradient, step.node + 1),
                    gx: zip(step.contributions, nodes[step.node].inputs).map { piece, value in
                        piece.map { view($0, value) }
                    },
                    sums: step.sums.map {
                        (view($0.into, $0.value), view($0.terms.0, $0.value), view($0.terms.1, $0.value))
                    })
            })
    }

    /// Runs the batch through all layers; returns the logits. `before` gets the inputs of each layer before it runs.
    @discardableResult
    package func forward(_ pass: Pass, before: (_ node: Int, _ inputs: [Tensor]) throws -> Void = { _, _ in }) throws
        -> Tensor
    {
        lastPass = pass
        for (index, node) in network.plan.graph.nodes.enumerated() {
            try before(index, values(of: node))
            if case .inference = pass, node.layer.isIdentityAtInference,
                plan.values[index + 1] == plan.values[node.inputs[0]]
            {
                continue
            }
            try node.layer.forward(batch.values[index + 1], values(of: node), memory[index], pass)
            observer?(node.layer.name, false)
        }
        return logits
    }

    /// Computes the gradient by every parameter, from `logitsGradient` and the last forward pass.
    package func backward(into gradients: Gradients) throws {
        precondition(purpose == .training, "a backward pass needs a workspace for training")
        gradients.startPass()
        for (step, views) in zip(plan.backward, batch.backward) {
            let node = network.plan.graph.nodes[step.node]
            let parameters = network.plan.parameterRanges[step.node]
            let places = gradients.tensors(of: parameters)
            try node.layer.backward(
                views.gx, gy: views.gy, x: values(of: node), y: batch.values[step.node + 1], gradients: places,
                memory[step.node], lastPass)
            if let missing = places.firstIndex(where: { $0 == nil }) {
                let x = batch.values[node.inputs[0]]
                gradients.append(
                    Gradients.Product(parameter: parameters.lowerBound + missing, gy: views.gy, x: x))
            }
            for (sum, older, newer) in views.sums { try Kernels.add(sum, older, newer) }
            observer?(node.layer.name, true)
        }
    }

    private func values(of node: Graph.Node) -> [Tensor] { node.inputs.map { batch.values[$0] } }
}
