import Tensors

extension Network {
    /// The same network for inference, with every batch normalisation that alone reads a convolution's output worked
    /// into that convolution's weights and bias, by the running statistics: convolution(x) * factor + shift, with
    /// factor = weight / sqrt(variance + epsilon) and shift = bias - mean * factor. Returns this network itself when
    /// there is nothing to fold.
    package func folded() throws -> Network {
        let nodes = plan.graph.nodes
        let readers = plan.graph.readers
        var graph = Graph()
        /// The value in the new graph for each of this one's.
        var values = [0]
        /// Position of each folded normalisation, by that of its convolution.
        var folds = [Int: Int]()
        for (index, node) in nodes.enumerated() {
            let inputs = node.inputs.map { values[$0] }
            let reader = readers[index + 1].count == 1 ? readers[index + 1][0] : nil
            if let convolution = node.layer as? ConvolutionLayer, let reader, nodes[reader].layer is BatchNormLayer {
                folds[index] = reader
                values.append(graph.append(convolution.withBias, reading: inputs))
            } else if let norm = node.layer as? BatchNormLayer, folds.values.contains(index) {
                values.append(norm.relu ? graph.append(ReLULayer(norm.name), reading: inputs) : inputs[0])
            } else {
                values.append(graph.append(node.layer, reading: inputs))
            }
        }
        if folds.isEmpty { return self }
        let result = try Network(graph, inputShape: inputShape)
        for (name, tensor) in result.state.named {
            if let original = state[name], original.shape == tensor.shape { tensor.copy(from: original) }
        }
        for (convolution, norm) in folds {
            fold(nodes[norm].layer.name, into: nodes[convolution].layer.name, of: result)
        }
        return result
    }

    private func fold(_ norm: String, into convolution: String, of result: Network) {
        func values(_ name: String) -> [Double]? { state[name].map { $0.values.map(Double.init) } }
        guard let weight = result.state["\(convolution).weight"], let bias = result.state["\(convolution).bias"],
            let scale = values("\(norm).weight"), let shift = values("\(norm).bias"),
            let mean = values("\(norm).running_mean"), let variance = values("\(norm).running_var")
        else { preconditionFailure("\(norm) has nothing to be folded into") }
        let old = values("\(convolution).bias")
        let each = weight.count / bias.count
        for filter in 0..<bias.count {
            let factor = scale[filter] / (variance[filter] + Double(BatchNormLayer.epsilon)).squareRoot()
            for index in filter * each..<(filter + 1) * each { weight[index] = Float(Double(weight[index]) * factor) }
            bias[filter] = Float(shift[filter] + ((old?[filter] ?? 0) - mean[filter]) * factor)
        }
    }
}
