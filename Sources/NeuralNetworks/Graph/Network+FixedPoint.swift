import Tensors

extension Network {
    /// Values may exceed the largest ones that were recorded by this factor; those beyond are cut off.
    private static let headroom: Float = 2

    /// This folded network in 16-bit fixed point, with an output of floats. `ranges` has the largest magnitude of the output
    /// of each layer by name, `inputScale` is the value of 1 in the input. Throws `LayerError` for layers without fixed
    /// point and for values without a range.
    func fixedPoint(ranges: [String: Float], inputScale: Float) throws -> Network {
        let nodes = plan.graph.nodes
        let scales = try self.scales(ranges, inputScale: inputScale)
        var graph = Graph()
        var values = Graph.PerValue<Graph.Value>([.input])
        var packed = [Tensor]()
        for (index, node) in nodes.enumerated() {
            let inputs = node.inputs.map { values[$0] }
            switch node.layer {
            case let layer as ConvolutionLayer:
                let (channels, output) = (plan.shapes[node.inputs[0]][0], Graph.Value.output(of: index))
                guard node.inputs.count == 1,
                    let convolution = layer.fixedPoint(
                        channels: channels, inputScale: scales[node.inputs[0]]!, outputScale: scales[output])
                else { throw LayerError(description: "\(layer.name): no kernel in 16-bit fixed point") }
                let parameters = plan.parameterRanges[index]
                packed.append(Tensor([convolution.packedCount]))
                try Kernels.packFixedPoint(
                    packed.last!, weight: state.tensors[parameters.lowerBound],
                    bias: layer.hasBias ? state.tensors[parameters.lowerBound + 1] : nil, convolution)
                values.append(
                    graph.append(
                        FixedPointConvolutionLayer(name: layer.name, convolution: convolution), reading: inputs))
            case is UpsampleAddLayer:
                values.append(graph.append(FixedPointUpsampleAddLayer(name: node.layer.name), reading: inputs))
            case is DropoutLayer: values.append(inputs[0])
            case is PixelShuffleLayer: values.append(graph.append(node.layer, reading: inputs))
            default: throw LayerError(description: "\(node.layer.name): no kernel in 16-bit fixed point")
            }
        }
        let pairs = FixedPointConvolution.pairs(of: inputShape[0])
        return Network(
            try NetworkPlan(graph, inputShape: [pairs, inputShape[1], inputShape[2]]), sharing: packed)
    }

    /// The layers whose outputs are in fixed point: those whose ranges are needed.
    package var fixedPointLayers: [Int] {
        let readers = plan.graph.readers
        return plan.graph.nodes.indices.filter { index in
            let node = plan.graph.nodes[index]
            guard node.layer is ConvolutionLayer || node.layer is UpsampleAddLayer else { return false }
            let next = readers[.output(of: index)]
            // Logits are floats, also where their pixels are moved.
            return !next.isEmpty && !next.contains { plan.graph.nodes[$0].layer is PixelShuffleLayer }
        }
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
    /// The same convolution in fixed point; nil where there is no kernel for it.
    fileprivate func fixedPoint(channels: Int, inputScale: Float, outputScale: Float?) -> FixedPointConvolution? {
        guard slidingWindows == [SlidingWindow(size: kernel, stride: stride, padding: kernel / 2)],
            kernel == 1 || kernel == 3, stride <= 2
        else { return nil }
        return FixedPointConvolution(
            channels: channels, filters: filters, kernel: kernel, stride: stride, relu: relu, inputScale: inputScale,
            outputScale: outputScale)
    }
}
