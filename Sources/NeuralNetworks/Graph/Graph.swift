/// Layers and the values that connect them, in an order in which they can run.
///
/// Several nodes may read the same value. Every value except the output must be read by at least one node.
package struct Graph {
    package struct Node {
        package let layer: any Layer
        /// The values that the layer reads.
        package let inputs: [Value]
    }

    package private(set) var nodes = [Node]()

    package init() {}

    /// A graph in which each layer reads the output of the previous one.
    package init(chain layers: [any Layer]) {
        for layer in layers { append(layer) }
    }

    /// The output of the last node: the network's output once the graph is complete.
    package var output: Value { .after(layers: nodes.count) }

    /// Adds a layer that reads the given values, or the current output if none are given. Returns the layer's output.
    @discardableResult
    package mutating func append(_ layer: any Layer, reading inputs: [Value] = []) -> Value {
        let inputs = inputs.isEmpty ? [output] : inputs
        precondition(inputs.allSatisfy { $0 <= output }, "\(layer.name) reads a value that no earlier layer computes")
        nodes.append(Node(layer: layer, inputs: inputs))
        return output
    }

    /// The nodes that read each value, in ascending order.
    var readers: PerValue<[Int]> {
        var readers = PerValue<[Int]>(repeating: [], through: output)
        for (index, node) in nodes.enumerated() {
            for input in node.inputs { readers[input].append(index) }
        }
        return readers
    }

    /// Consecutive layers as a graph of their own. Among the values computed before them, they may read only the last
    /// one, which becomes the input.
    func part(_ range: Range<Int>) -> Graph {
        var graph = Graph()
        for node in nodes[range] {
            graph.append(
                node.layer, reading: node.inputs.map { .after(layers: $0.precedingLayers - range.lowerBound) })
        }
        return graph
    }

    /// Whether the layers after a value read nothing that was computed before it.
    func isCut(_ value: Value) -> Bool {
        nodes[value.precedingLayers...].allSatisfy { node in node.inputs.allSatisfy { $0 >= value } }
    }
}
