import Tensors

/// A graph of layers with its parameters.
package final class Network {
    package let plan: NetworkPlan
    /// All that a model file has to hold: the parameters, then the buffers.
    package let state: ParameterSet
    /// What gradients change: the first part of `state`.
    package let parameters: ParameterSet

    /// A network whose parameters are zero. Throws when a layer does not fit the ones before it.
    package convenience init(_ graph: Graph, inputShape: Shape) throws {
        self.init(try NetworkPlan(graph, inputShape: inputShape))
    }

    package convenience init(_ layers: [any Layer], inputShape: Shape) throws {
        try self.init(Graph(chain: layers), inputShape: inputShape)
    }

    /// The network of a plan, its parameters and buffers zero.
    package init(_ plan: NetworkPlan) {
        self.plan = plan
        state = ParameterSet(plan.stateLayout)
        parameters = ParameterSet(plan.layout, in: state.all)
    }

    /// The network of a plan for inference, with parameters and buffers that are another network's as well, or a file's.
    init(_ plan: NetworkPlan, sharing tensors: [Tensor]) {
        self.plan = plan
        state = ParameterSet(plan.stateLayout, tensors)
        parameters = ParameterSet(plan.layout, Array(tensors.prefix(plan.layout.names.count)))
    }

    /// Some of the layers in a row, the first of which reads the value before it, and no other from outside. They have
    /// their parameters in common with this network, which has no buffers.
    func part(_ range: Range<Int>) throws -> Network {
        precondition(plan.stateLayout == plan.layout, "a part of a network with buffers")
        let part = try NetworkPlan(plan.graph.part(range), inputShape: plan.shapes[range.lowerBound])
        let first = plan.parameterRanges[range.lowerBound].lowerBound
        return Network(part, sharing: Array(state.tensors[first...].prefix(part.layout.names.count)))
    }

    /// In the order in which they run.
    package var layerNames: [String] { plan.graph.nodes.map(\.layer.name) }
    /// Shape of one sample: channels x height x width.
    package var inputShape: Shape { plan.shapes[0] }
    /// Shape of one sample's logits.
    package var outputShape: Shape { plan.shapes[plan.shapes.count - 1] }

    /// Gives parameters and buffers the values that training starts from, random ones from streams of `seed`.
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

    /// Takes over the parameters and buffers of a network of the same layout.
    package func copyState(of other: Network) {
        precondition(other.plan.stateLayout == plan.stateLayout, "networks of different layouts")
        for (tensor, original) in zip(state.tensors, other.state.tensors) { tensor.copy(from: original) }
    }
}

/// Layers that fit each other, and the tensors that they need; no memory yet.
package struct NetworkPlan {
    package let graph: Graph
    /// Shapes of one sample's values.
    package let shapes: [Shape]
    /// For each node, where its parameters and buffers stand in the layouts.
    let parameterRanges: [Range<Int>]
    let bufferRanges: [Range<Int>]
    /// For each tensor of the state.
    let initials: [TensorDeclaration.Initial]
    /// Of the parameters.
    package let layout: ParameterSet.Layout
    /// Of parameters and buffers.
    package let stateLayout: ParameterSet.Layout

    /// Throws when a layer does not fit the ones before it.
    package init(_ graph: Graph, inputShape: Shape) throws {
        precondition(Set(graph.nodes.map(\.layer.name)).count == graph.nodes.count, "two layers have one name")
        precondition(
            graph.readers.dropLast().allSatisfy { !$0.isEmpty }, "a value that no layer reads, and is not the output")
        self.graph = graph
        var shapes = [inputShape]
        for node in graph.nodes {
            shapes.append(try node.layer.outputShape(for: node.inputs.map { shapes[$0] }))
        }
        self.shapes = shapes
        var tensors = [(name: String, shape: Shape)]()
        var initials = [TensorDeclaration.Initial]()
        func declare(_ list: (any Layer, [Shape]) -> [TensorDeclaration]) -> [Range<Int>] {
            graph.nodes.map { node in
                let first = tensors.count
                for tensor in list(node.layer, node.inputs.map { shapes[$0] }) {
                    tensors.append((name: "\(node.layer.name).\(tensor.name)", shape: tensor.shape))
                    initials.append(tensor.initial)
                }
                return first..<tensors.count
            }
        }
        parameterRanges = declare { $0.parameters(for: $1) }
        layout = ParameterSet.Layout(tensors)
        bufferRanges = declare { $0.buffers(for: $1) }
        stateLayout = ParameterSet.Layout(tensors)
        self.initials = initials
    }

    package func inputShapes(of node: Int) -> [Shape] { graph.nodes[node].inputs.map { shapes[$0] } }

    /// For each value, whether parameters stand above it: no gradient by the others is needed.
    package var isTrained: [Bool] {
        var trained = [false]
        for (index, node) in graph.nodes.enumerated() {
            trained.append(!parameterRanges[index].isEmpty || node.inputs.contains { trained[$0] })
        }
        return trained
    }
}
