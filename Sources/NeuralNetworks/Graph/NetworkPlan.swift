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
    /// The last node with parameters.
    let head: Int
    /// Factor on the learning rate of each parameter in `layout`; 0 for those that training leaves unchanged.
    private(set) var rateFactors: [Float]
    /// The nodes whose running statistics training uses and leaves unchanged.
    private(set) var nodesWithFrozenStatistics = Set<Int>()

    /// Throws when a layer does not accept the shapes of its inputs. Names in `fineTuning` that stand for no layer have no
    /// effect.
    package init(_ graph: Graph, inputShape: Shape, _ fineTuning: FineTuning = FineTuning()) throws {
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
        head = parameterRanges.lastIndex { !$0.isEmpty } ?? 0
        rateFactors = Array(repeating: 1, count: layout.names.count)
        for parameter in rateFactors.indices where !parameterRanges[head].contains(parameter) {
            rateFactors[parameter] = fineTuning.backboneRateFactor
        }
        let frozen = Set(fineTuning.frozen.flatMap(nodes(named:)))
        for parameter in frozen.flatMap({ parameterRanges[$0] }) { rateFactors[parameter] = 0 }
        nodesWithFrozenStatistics = Set(
            graph.nodes.indices.filter {
                !bufferRanges[$0].isEmpty && (fineTuning.freezesStatistics || frozen.contains($0))
            })
    }

    package func inputShapes(of node: Int) -> [Shape] { graph.nodes[node].inputs.map { shapes[$0] } }

    package func memoryTraits(of node: Int, batch: Int = 1) -> MemoryTraits {
        var traits = graph.nodes[node].layer.memoryTraits(for: inputShapes(of: node), batch: batch)
        if !isTrained(node) { traits.productParameter = nil }
        return traits
    }

    /// Whether training changes parameters of a node.
    private func isTrained(_ node: Int) -> Bool { parameterRanges[node].contains { rateFactors[$0] > 0 } }

    /// Whether each value depends on parameters that training changes. No gradients with respect to the other values are
    /// needed.
    package var isTrained: Graph.PerValue<Bool> {
        var trained = Graph.PerValue([false])
        for (index, node) in graph.nodes.enumerated() {
            trained.append(isTrained(index) || node.inputs.contains { trained[$0] })
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
