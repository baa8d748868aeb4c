/// Layers and how they hang together, in an order in which they can run.
///
/// Values are numbered: 0 is the network's input, 1 the first node's output, and so on; the last one is the network's
/// output. A value may be read by several nodes, and must be read by one.
package struct Graph {
    package struct Node {
        package let layer: any Layer
        /// The values that the layer reads.
        package let inputs: [Int]
    }

    package private(set) var nodes = [Node]()

    package init() {}

    /// Each layer reads the output of the one before it.
    package init(chain layers: [any Layer]) {
        for layer in layers { append(layer) }
    }

    /// The newest value.
    package var output: Int { nodes.count }

    /// Adds a layer that reads some values, or the newest one when none are given; returns the value of its output.
    @discardableResult
    package mutating func append(_ layer: any Layer, reading inputs: [Int] = []) -> Int {
        let inputs = inputs.isEmpty ? [output] : inputs
        precondition(inputs.allSatisfy { 0...output ~= $0 }, "\(layer.name) reads a value that is not there yet")
        nodes.append(Node(layer: layer, inputs: inputs))
        return output
    }

    /// For each value, the nodes that read it, in their order.
    var readers: [[Int]] {
        var readers = [[Int]](repeating: [], count: nodes.count + 1)
        for (index, node) in nodes.enumerated() {
            for input in node.inputs { readers[input].append(index) }
        }
        return readers
    }
}
