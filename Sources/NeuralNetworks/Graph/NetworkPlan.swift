import Tensors

/// Layers whose shapes match, and the tensors that they need. Allocates no memory.
package struct NetworkPlan {
    package let graph: Graph
    /// Shape of each value for one sample.
    package let shapes: Graph.PerValue<Shape>
    /// For each node, the positions of its parameters and buffers in `stateLayout`.
    let parameterRanges: [Range<Int>]
    let bufferRanges: [Range<Int>]
    /// Initial value of each tensor in `stateLayout`.
    let initials: [TensorDeclaration.Initial]
    /// Layout of the parameters.
    package let layout: ParameterSet.Layout
    /// Layout of the parameters followed by the buffers.
    package let stateLayout: ParameterSet.Layout

    /// Throws when a layer does not accept the shapes of its inputs.
    package init(_ graph: Graph, inputShape: Shape) throws {
        precondition(Set(graph.nodes.map(\.layer.name)).count == graph.nodes.count, "two layers have the same name")
        precondition(
            graph.readers.dropLast().allSatisfy { !$0.isEmpty }, "a value other than the output has no reader")
        self.graph = graph
        var shapes = Graph.PerValue([inputShape])
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

    package func memoryTraits(of node: Int, batch: Int = 1) -> MemoryTraits {
        graph.nodes[node].layer.memoryTraits(for: inputShapes(of: node), batch: batch)
    }

    /// Whether each value depends on parameters. No gradients with respect to the other values are needed.
    package var isTrained: Graph.PerValue<Bool> {
        var trained = Graph.PerValue([false])
        for (index, node) in graph.nodes.enumerated() {
            trained.append(!parameterRanges[index].isEmpty || node.inputs.contains { trained[$0] })
        }
        return trained
    }

    /// Positions in `layout` of the parameters whose gradients need not be stored.
    var productParameters: Set<Int> {
        Set(
            graph.nodes.indices.compactMap { node in
                memoryTraits(of: node).productParameter.map { parameterRanges[node].lowerBound + $0 }
            })
    }
}
