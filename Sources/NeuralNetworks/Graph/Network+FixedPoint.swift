import Tensors

extension Network {
    /// Values may exceed the largest ones that were recorded by this factor; those beyond are cut off.
    private static let headroom: Float = 2

    /// This folded network in 16-bit fixed point, with an output of floats.
    ///
    /// Convolutions and large dense layers have kernels for it. Convolutions compute with floats if one of them has no
    /// kernel, or if another layer is between them. Inputs of dense layers are floats, which they round. `ranges` has the
    /// largest magnitude of the output of each of `fixedPointLayers` by name, `inputScale` is the value of 1 in the input.
    /// Throws `LayerError` where no layer has a kernel, and for values without a range.
    package func fixedPoint(ranges: [String: Float], inputScale: Float) throws -> Network {
        guard !fixedPointLayers.isEmpty else {
            throw LayerError(description: "no layer of the network has a kernel in 16-bit fixed point")
        }
        let scales = try self.scales(ranges, inputScale: inputScale)
        let (convolves, feedsConvolutions) = (convolvesInFixedPoint, self.feedsConvolutions)
        var graph = Graph()
        var values = Graph.PerValue<Graph.Value>([.input])
        var parameters = [Tensor]()
        for (index, node) in plan.graph.nodes.enumerated() {
            let inputs = node.inputs.map { values[$0] }
            let own = state.tensors[plan.parameterRanges[index]]
            let scale = scales[node.inputs[0]]
            switch node.layer {
            case let layer as ConvolutionLayer where convolves:
                let output = Graph.Value.output(of: index)
                let convolution = layer.fixedPoint(
                    channels: plan.shapes[node.inputs[0]][0], inputScales: node.inputs.map { scales[$0]! },
                    outputScale: feedsConvolutions[output] ? scales[output] : nil)
                let packed = Tensor([convolution.packedCount])
                try packing(layer) { () throws(KernelError) in
                    try Kernels.packFixedPoint(
                        packed, weight: own.first!, bias: layer.hasBias ? own.last : nil, convolution)
                }
                parameters.append(packed)
                values.append(
                    graph.append(
                        FixedPointConvolutionLayer(name: layer.name, convolution: convolution), reading: inputs))
            case let layer as LinearLayer where scale != nil:
                let shape = plan.shapes[node.inputs[0]]
                let linear = FixedPointLinear(
                    channels: shape[0], plane: shape.count / shape[0], outputs: layer.outputs, inputScale: scale!)
                let packed = Tensor([linear.packedCount])
                try packing(layer) { () throws(KernelError) in
                    try Kernels.packFixedPoint(packed, weight: own.first!, linear)
                }
                parameters += [packed, own.last!]
                values.append(
                    graph.append(FixedPointLinearLayer(name: layer.name, linear: linear), reading: inputs))
            case is UpsampleAddLayer where convolves:
                values.append(graph.append(FixedPointUpsampleAddLayer(name: node.layer.name), reading: inputs))
            case is DropoutLayer: values.append(inputs[0])
            default:
                parameters += own
                values.append(graph.append(node.layer, reading: inputs))
            }
        }
        var inputShape = inputShape
        if convolves {
            inputShape = [FixedPointConvolution.pairs(of: inputShape[0]), inputShape[1], inputShape[2]]
        }
        return Network(try NetworkPlan(graph, inputShape: inputShape), sharing: parameters)
    }

    private func packing(_ layer: any Layer, _ body: () throws(KernelError) -> Void) throws(LayerError) {
        do { try body() } catch {
            throw LayerError(description: "\(layer.name): its weights and ranges do not fit 16-bit fixed point")
        }
    }

    /// The layers whose outputs are rounded to integers: those whose ranges are needed.
    package var fixedPointLayers: [Int] {
        let (nodes, convolves) = (plan.graph.nodes, convolvesInFixedPoint)
        let feeds = plan.graph.feeds {
            switch nodes[$0].layer {
            case is ConvolutionLayer, is UpsampleAddLayer: convolves
            case let layer as LinearLayer: layer.isLarge(for: plan.shapes[nodes[$0].inputs[0]])
            default: false
            }
        }
        return nodes.indices.filter { feeds[.output(of: $0)] && !(nodes[$0].layer is DropoutLayer) }
    }

    /// Whether convolutions, and the input, are in fixed point: all of them have kernels, and nothing else reads or makes
    /// the values between them.
    var convolvesInFixedPoint: Bool {
        let (nodes, readers, feeds) = (plan.graph.nodes, plan.graph.readers, feedsConvolutions)
        func hasFixedPoint(_ index: Int) -> Bool {
            let (node, output) = (nodes[index], Graph.Value.output(of: index))
            switch node.layer {
            case let layer as ConvolutionLayer:
                return layer.hasFixedPoint(
                    of: plan.shapes[node.inputs[0]], residual: node.inputs.count > 1, toFloats: !feeds[output])
            case is UpsampleAddLayer, is DropoutLayer: return feeds[output]
            default: return false
            }
        }
        let between = feeds.indices.filter { feeds[$0] }.flatMap { readers[$0] + ($0.producer.map { [$0] } ?? []) }
        let products = nodes.indices.filter {
            nodes[$0].layer is ConvolutionLayer || nodes[$0].layer is UpsampleAddLayer
        }
        return nodes.contains { $0.layer is ConvolutionLayer } && (between + products).allSatisfy(hasFixedPoint)
    }

    /// Whether each value is read by convolutions or what lies between them.
    private var feedsConvolutions: Graph.PerValue<Bool> {
        plan.graph.feeds {
            plan.graph.nodes[$0].layer is ConvolutionLayer || plan.graph.nodes[$0].layer is UpsampleAddLayer
        }
    }

    /// The value of 1 in each value that is rounded; nil for others. The terms of a sum and the sum share a scale.
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
        guard !convolvesInFixedPoint || first.indices.allSatisfy({ $0 == .input || first[$0] != .input }) else {
            throw LayerError(description: "the input is part of a sum or dropped: no kernel in 16-bit fixed point")
        }
        scales[.input] = inputScale
        return scales
    }
}

extension Graph {
    /// Whether some nodes read each value, directly or through dropout.
    fileprivate func feeds(_ isReader: (Int) -> Bool) -> PerValue<Bool> {
        let readers = readers
        var result = PerValue(repeating: false, through: output)
        for value in result.indices.reversed() {
            result[value] = readers[value].contains {
                isReader($0) || nodes[$0].layer is DropoutLayer && result[.output(of: $0)]
            }
        }
        return result
    }
}

extension ConvolutionLayer {
    /// Whether there is a kernel in fixed point for inputs of a shape.
    fileprivate func hasFixedPoint(of input: Shape, residual: Bool, toFloats: Bool) -> Bool {
        let scales: [Float] = residual ? [1, 1] : [1]
        return pooling != .mean && padding < kernel
            && fixedPoint(channels: input[0], inputScales: scales, outputScale: toFloats ? nil : 1).isSupported
    }

    /// The same convolution in fixed point. The second scale is that of the residual.
    fileprivate func fixedPoint(channels: Int, inputScales: [Float], outputScale: Float?) -> FixedPointConvolution {
        var convolution = FixedPointConvolution(
            channels: channels, filters: filters, kernel: kernel, inputScale: inputScales[0], outputScale: outputScale)
        convolution.stride = stride
        convolution.padding = padding
        convolution.relu = relu
        convolution.maxPooling = pooling == .maximum
        convolution.residualScale = inputScales.count > 1 ? inputScales[1] : nil
        return convolution
    }
}
