import Tensors

/// A graph of layers with its parameters.
package final class Network {
    package let plan: NetworkPlan
    /// Everything a model file stores: the parameters, then the buffers.
    package let state: ParameterSet
    /// The tensors that gradients change: the first part of `state`.
    package let parameters: ParameterSet

    /// A network whose parameters are zero. Throws when a layer does not accept the shapes of its inputs.
    package convenience init(_ graph: Graph, inputShape: Shape) throws {
        self.init(try NetworkPlan(graph, inputShape: inputShape))
    }

    package convenience init(_ layers: [any Layer], inputShape: Shape) throws {
        try self.init(Graph(chain: layers), inputShape: inputShape)
    }

    /// A network whose parameters and buffers are zero.
    package init(_ plan: NetworkPlan) {
        self.plan = plan
        state = ParameterSet(plan.stateLayout)
        parameters = ParameterSet(plan.layout, in: state.all)
    }

    /// A network for inference that shares its parameters and buffers with another network or the bytes of a file.
    init(_ plan: NetworkPlan, sharing tensors: [Tensor]) {
        self.plan = plan
        state = ParameterSet(plan.stateLayout, tensors)
        parameters = ParameterSet(plan.layout, Array(tensors.prefix(plan.layout.names.count)))
    }

    /// Consecutive layers as a network that shares its parameters with this one. Among the values computed before them,
    /// the layers may read only the last one. This network must have no buffers.
    func part(_ range: Range<Int>) throws -> Network {
        precondition(plan.stateLayout == plan.layout, "a part of a network with buffers")
        let part = try NetworkPlan(
            plan.graph.part(range), inputShape: plan.shapes[.after(layers: range.lowerBound)])
        let first = plan.parameterRanges[range.lowerBound].lowerBound
        return Network(part, sharing: Array(state.tensors[first...].prefix(part.layout.names.count)))
    }

    /// Names of the layers in the order in which they run.
    package var layerNames: [String] { plan.graph.nodes.map(\.layer.name) }
    /// Shape of one sample: channels x height x width.
    package var inputShape: Shape { plan.shapes[.input] }
    /// Shape of the logits for one sample.
    package var outputShape: Shape { plan.shapes[plan.graph.output] }

    /// Sets parameters and buffers to the values that training starts from; random ones come from streams of `seed`.
    package func initialize(seed: UInt64) throws {
        for (index, tensor) in state.tensors.enumerated() {
            switch plan.initials[index] {
            case .constant(let value): tensor.fill(value)
            case .uniform(let bound):
                let stream = SplitMix64.derive(seed, [0x696E_6974, UInt64(index)])
                try Kernels.randomUniform(tensor, in: -bound..<bound, seed: stream)
            }
        }
    }

    /// Copies the parameters and buffers of a network with the same layout.
    package func copyState(of other: Network) {
        precondition(other.plan.stateLayout == plan.stateLayout, "networks of different layouts")
        for (tensor, original) in zip(state.tensors, other.state.tensors) { tensor.copy(from: original) }
    }
}
