import Tensors

extension Network {
    /// Values may exceed the largest ones that were recorded by this factor; those beyond are cut off.
    private static let headroom: Float = 2

    /// This folded network in 16-bit fixed point, with an output of floats. Layers without kernels for it, such as global
    /// pooling, compute with floats if no convolution follows them. `ranges` has the largest magnitude of the output of each
    /// of `fixedPointLayers` by name, `inputScale` is the value of 1 in the input. Throws `LayerError` where that is not
    /// possible, and for values without a range.
    func fixedPoint(ranges: [String: Float], inputScale: Float) throws -> Network {
        let nodes = plan.graph.nodes
        let (scales, isFixedPoint) = (try self.scales(ranges, inputScale: inputScale), self.isFixedPoint)
        var graph = Graph()
        var values = Graph.PerValue<Graph.Value>([.input])
        var parameters = [Tensor]()
        for (index, node) in nodes.enumerated() {
            let inputs = node.inputs.map { values[$0] }
            let own = state.tensors[plan.parameterRanges[index]]
            switch node.layer {
            case let layer as ConvolutionLayer:
                guard let inputScales = node.inputs.map({ scales[$0] }) as? [Float],
                    let convolution = layer.fixedPoint(
                        channels: plan.shapes[node.inputs[0]][0], inputScales: inputScales,
                        outputScale: scales[.output(of: index)])
                else { throw LayerError(description: "\(layer.name): no kernel in 16-bit fixed point") }
                let packed = Tensor([convolution.packedCount])
                try Kernels.packFixedPoint(
                    packed, weight: own.first!, bias: layer.hasBias ? own.last : nil, convolution)
                parameters.append(packed)
                values.append(
                    graph.append(
                        FixedPointConvolutionLayer(name: layer.name, convolution: convolution), reading: inputs))
            case is UpsampleAddLayer:
                values.append(graph.append(FixedPointUpsampleAddLayer(name: node.layer.name), reading: inputs))
            case is DropoutLayer: values.append(inputs[0])
            default:
                guard !isFixedPoint[.output(of: index)], node.inputs.allSatisfy({ scales[$0] == nil }) else {
                    throw LayerError(description: "\(node.layer.name): no kernel in 16-bit fixed point")
                }
                parameters += own
                values.append(graph.append(node.layer, reading: inputs))
            }
        }
        let pairs = FixedPointConvolution.pairs(of: inputShape[0])
        return Network(
            try NetworkPlan(graph, inputShape: [pairs, inputShape[1], inputShape[2]]), sharing: parameters)
    }

    /// The layers whose outputs are in fixed point: those whose ranges are needed.
    package var fixedPointLayers: [Int] {
        let isFixedPoint = self.isFixedPoint
        return plan.graph.nodes.indices.filter {
            let layer = plan.graph.nodes[$0].layer
            return isFixedPoint[.output(of: $0)] && (layer is ConvolutionLayer || layer is UpsampleAddLayer)
        }
    }

    /// Whether each value is to be in fixed point: all layers that read it compute with that. The output is of floats.
    private var isFixedPoint: Graph.PerValue<Bool> {
        let (nodes, readers) = (plan.graph.nodes, plan.graph.readers)
        var result = Graph.PerValue(repeating: false, through: plan.graph.output)
        for value in result.indices.reversed() {
            result[value] =
                !readers[value].isEmpty
                && readers[value].allSatisfy {
                    switch nodes[$0].layer {
                    case is ConvolutionLayer, is UpsampleAddLayer: true
                    case is DropoutLayer: result[.output(of: $0)]
                    default: false
                    }
                }
        }
        return result
    }

    /// The value of 1 in each value; nil for values of floats. The terms of a sum and the sum share a scale.
    private func scales(_ ranges: [String: Float], inputScale: Float) throws -> Graph.PerValue<Float?> {
        let (nodes, output) = (plan.graph.nodes, plan.graph.output)
        // The first value of each group of values of the same scale.
        var first = Graph.PerValue<Graph.Value>(repeating: .input, through: output)
        for value in first.indices { first[value] = value }
        func join(_ values: [Graph.Value]) {
            let firsts = Set(values.map { first[$0] })
            let least = firsts.min()!
            for value in first.indices where firsts.contains(first[value]) { first[value] = least }
        }
        for (index, node) in nodes.enumerated() where node.layer is UpsampleAddLayer || node.layer is DropoutLayer {
            join(node.inputs + [.output(of: index)])
        }
        var largest = Graph.PerValue<Float?>(repeating: nil, through: output)
        for index in fixedPointLayers {
            let name = nodes[index].layer.name
            guard let range = ranges[name] else {
                throw LayerError(description: "\(name): no range of its output is recorded")
            }
            let group = first[.output(of: index)]
            largest[group] = max(largest[group] ?? 0, range)
        }
        var scales = Graph.PerValue<Float?>(repeating: nil, through: output)
        for value in scales.indices {
            scales[value] = largest[first[value]].map {
                $0 > 0 ? Self.headroom * $0 / Float(FixedPointConvolution.largest) : 1
            }
        }
        guard first.indices.allSatisfy({ $0 == .input || first[$0] != .input }) else {
            throw LayerError(description: "the input is part of a sum or dropped: no kernel in 16-bit fixed point")
        }
        scales[.input] = inputScale
        return scales
    }
}

extension ConvolutionLayer {
    /// The same convolution in fixed point; nil where there is no kernel for it. The second scale is that of the residual.
    fileprivate func fixedPoint(channels: Int, inputScales: [Float], outputScale: Float?) -> FixedPointConvolution? {
        var convolution = FixedPointConvolution(
            channels: channels, filters: filters, kernel: kernel, inputScale: inputScales[0], outputScale: outputScale)
        convolution.stride = stride
        convolution.padding = padding
        convolution.relu = relu
        convolution.maxPooling = pooling == .maximum
        convolution.residualScale = inputScales.count > 1 ? inputScales[1] : nil
        return pooling != .mean && convolution.isSupported ? convolution : nil
    }
}
