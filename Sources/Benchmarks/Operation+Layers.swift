import NeuralNetworks
import Tensors

extension Operation {
    /// Operations of the layers of a network: all in training, and those at inference that differ.
    package static func layers(
        of architecture: Architecture, batch: Int, instructions: InstructionSet
    ) throws -> [Operation] {
        let network = try NetworkWork.model(architecture).network
        let folded = try network.folded()
        let builder = LayerOperations(name: architecture.rawValue, batch: batch, instructions: instructions)
        let inference = try folded.plan.graph.nodes.indices.flatMap { index in
            try builder.inference(folded.plan.graph.nodes[index].layer, folded.plan.inputShapes(of: index))
        }
        let isTrained = network.plan.isTrained
        let training = try network.plan.graph.nodes.enumerated().flatMap { index, node in
            try builder.training(
                node.layer, network.plan.inputShapes(of: index), needsData: node.inputs.contains { isTrained[$0] })
        }
        guard architecture.hasFixedPoint else { return inference + training }
        let fixed = try NetworkWork(architecture, .infer, batch: 1, precision: .int16).workspace.network.plan
        let fixedPoint = try fixed.graph.nodes.indices.compactMap { index in
            let layer = fixed.graph.nodes[index].layer as? any FixedPointProduct
            return try layer.map { try builder.fixedPoint($0, fixed.inputShapes(of: index)) }
        }
        return inference + fixedPoint + training
    }
}

private struct LayerOperations {
    let name: String
    let batch: Int
    let instructions: InstructionSet

    func inference(_ layer: any Layer, _ inputs: [Shape]) throws -> [Operation] {
        switch layer {
        case let layer as ConvolutionLayer: [try convolution(layer, inputs)]
        case let layer as LinearLayer: try dense(layer, inputs)
        case is GlobalPoolingLayer: [try forward(.pooling, layer, inputs, .inference)]
        // Other layers are cheap and the same as in training.
        default: []
        }
    }

    func training(_ layer: any Layer, _ inputs: [Shape], needsData: Bool) throws -> [Operation] {
        let pass = Pass.training(seed: 1)
        switch layer {
        case let layer as ConvolutionLayer: return try convolutionTraining(layer, inputs[0], needsData: needsData)
        case is LinearLayer: return []
        case is PoolingLayer:
            return [try forward(.pooling, layer, inputs, pass), try backward(.poolingData, layer, inputs)]
        case is GlobalPoolingLayer: return [try backward(.poolingData, layer, inputs)]
        case is BatchNormLayer:
            return [try forward(.batchNorm, layer, inputs, pass), try backward(.batchNormBackward, layer, inputs)]
        default:
            return [try forward(.elementwise, layer, inputs, pass), try backward(.elementwiseBackward, layer, inputs)]
        }
    }

    // Convolutions

    private func convolution(_ layer: ConvolutionLayer, _ inputs: [Shape]) throws -> Operation {
        let convolution = layer.convolution(inputs[0])
        let (input, output) = (inputs[0].batched(batch), try convolution.outputShape().batched(batch))
        let residual = inputs.count > 1 ? inputs[1].batched(batch) : nil
        let floats = input.count + output.count + (residual?.count ?? 0) + convolution.weightShape.count
        var operation = Operation(
            network: name, kind: .convolution, layer: layer.name, shape: try text(convolution, residual != nil),
            flops: try flops(convolution), floats: floats
        ) {
            let (x, y) = (try randomTensor(input), Tensor(output))
            let (weight, bias) = (try randomTensor(convolution.weightShape), try randomTensor([convolution.filters]))
            let residual = try residual.map(randomTensor)
            return Operation.Loaded(scratchCount: { convolution.scratchCount(batch: batch) }) { scratch in
                try Kernels.convolutionForward(
                    y, x, weight: weight, bias: layer.hasBias ? bias : nil, residual: residual, convolution,
                    scratch: scratch)
            }
        }
        try choose(&operation, convolution, .forward)
        return operation
    }

    func fixedPoint(_ layer: any FixedPointProduct, _ inputs: [Shape]) throws -> Operation {
        let convolution = (layer as? FixedPointConvolutionLayer)?.convolution
        let plain = try forward(
            convolution == nil ? .denseFixedPoint : .convolutionFixedPoint, layer, inputs, .inference)
        let output = try layer.outputShape(for: inputs)
        return Operation(
            network: name, kind: plain.kind, layer: layer.name,
            shape: "\(inputs[0])>\(output)"
                + (convolution.map { " k\($0.kernel) s\($0.stride)\($0.maxPooling ? " pool" : "")" } ?? "")
                + (inputs.count > 1 ? " add" : ""),
            flops: Double(batch) * layer.flops(for: inputs),
            floats: batch * (inputs.reduce(0) { $0 + $1.count } + output.count) + layer.packedCount, load: plain.load)
    }

    private func convolutionTraining(
        _ layer: ConvolutionLayer, _ input: Shape, needsData: Bool
    ) throws -> [Operation] {
        let convolution = layer.convolution(input)
        let (input, output) = (input.batched(batch), try convolution.outputShape().batched(batch))
        let reluMask = convolution.reluMaskCount(batch: batch)
        // Behind a relu, backward passes read the output or its ReLU mask.
        let mask = reluMask > 0 ? reluMask : convolution.relu ? output.count : 0
        let needsOutput = convolution.relu && reluMask == 0
        let batch = batch
        func operation(
            _ kind: Operation.Kind, _ pass: Convolution.Pass, floats: Int,
            _ execute: @escaping (ConvolutionTensors, Tensor) throws -> Void
        ) throws -> Operation {
            var operation = Operation(
                network: name, kind: kind, layer: layer.name, shape: try text(convolution, false),
                flops: try flops(convolution), floats: floats + convolution.weightShape.count
            ) {
                let tensors = try ConvolutionTensors(
                    x: randomTensor(input), y: randomTensor(output), gy: randomTensor(output),
                    weight: randomTensor(convolution.weightShape),
                    bias: layer.hasBias ? randomTensor([convolution.filters]) : nil,
                    reluMask: reluMask > 0 ? randomTensor([reluMask]) : nil)
                return Operation.Loaded(scratchCount: { convolution.scratchCount(batch: batch) }) {
                    try execute(tensors, $0)
                }
            }
            try choose(&operation, convolution, pass)
            return operation
        }
        let forward = try operation(
            .convolutionTraining, .forward, floats: input.count + output.count + reluMask
        ) {
            try Kernels.convolutionForward(
                $0.y, $0.x, weight: $0.weight, bias: $0.bias, reluMask: $0.reluMask, convolution, scratch: $1)
        }
        let weight = try operation(
            .convolutionWeight, .backwardWeight, floats: input.count + output.count + mask
        ) { tensors, scratch in
            try Kernels.convolutionBackwardWeight(
                tensors.weight, tensors.bias, gy: tensors.gy, y: needsOutput ? tensors.y : nil,
                reluMask: tensors.reluMask,
                tensors.x, convolution, scratch: scratch)
        }
        guard needsData else { return [forward, weight] }
        let data = try operation(
            .convolutionData, .backwardData, floats: input.count + output.count + mask
        ) { tensors, scratch in
            try Kernels.convolutionBackwardData(
                tensors.x, gy: tensors.gy, y: needsOutput ? tensors.y : nil, reluMask: tensors.reluMask,
                weight: tensors.weight, convolution, scratch: scratch)
        }
        return [forward, data, weight]
    }

    /// Queries the algorithms that support the shape and the default one. Resets the choice of algorithm.
    private func choose(
        _ operation: inout Operation, _ convolution: Convolution, _ pass: Convolution.Pass
    ) throws(KernelError) {
        for algorithm in ConvolutionAlgorithm.all {
            try Kernels.setConvolutionAlgorithm(algorithm, instructions)
            if try convolution.algorithm(of: pass, batch: batch) == algorithm { operation.algorithms.append(algorithm) }
        }
        try Kernels.setConvolutionAlgorithm(.any, instructions)
        operation.preferred = try convolution.algorithm(of: pass, batch: batch)
    }

    private func flops(_ convolution: Convolution) throws -> Double {
        2 * Double(try convolution.unpooledShape().count * batch) * Double(convolution.weightShape.sample.count)
    }

    private func text(_ convolution: Convolution, _ adds: Bool) throws -> String {
        var text = "\(convolution.inputShape)>\(try convolution.unpooledShape()) k\(convolution.kernelHeight)"
        if convolution.strideY > 1 { text += " s\(convolution.strideY)" }
        if convolution.paddingY > 0 { text += " p\(convolution.paddingY)" }
        if adds { text += " add" }
        if convolution.relu { text += " relu" }
        switch convolution.pooling {
        case .none: break
        case .mean: text += " mean"
        case .maximum: text += " max"
        }
        return text
    }

    // Dense layers

    private func dense(_ layer: LinearLayer, _ inputs: [Shape]) throws -> [Operation] {
        let (batch, features, outputs) = (batch, inputs[0].count, layer.outputs)
        let (input, output, weights): (Shape, Shape, Shape) =
            ([batch, features], [batch, outputs], [outputs, features])
        let floats = input.count + output.count + weights.count
        func operation(
            _ kind: Operation.Kind, _ execute: @escaping (ConvolutionTensors, Tensor) throws -> Void
        ) -> Operation {
            Operation(
                network: name, kind: kind, layer: layer.name, shape: "\(features)>\(outputs)",
                flops: 2 * Double(batch) * Double(weights.count), floats: floats
            ) {
                let tensors = try ConvolutionTensors(
                    x: randomTensor(input), y: Tensor(output), gy: randomTensor(output), weight: randomTensor(weights),
                    bias: randomTensor([outputs]),
                    reluMask: nil)
                let scratch = { Kernels.linearScratchCount(batch: batch, inputs: features, outputs: outputs) }
                return Operation.Loaded(scratchCount: kind == .dense ? scratch : { 0 }) { try execute(tensors, $0) }
            }
        }
        return [
            operation(.dense) {
                try Kernels.linearForward($0.y, $0.x, weight: $0.weight, bias: $0.bias, scratch: $1)
            },
            operation(.denseData) { tensors, _ in
                try Kernels.linearBackwardData(tensors.x, gy: tensors.gy, weight: tensors.weight)
            },
            operation(.denseWeight) { tensors, _ in
                try Kernels.linearBackwardWeight(tensors.weight, tensors.bias, gy: tensors.gy, tensors.x)
            },
        ]
    }

    // Layers with one kernel for each pass

    private func forward(
        _ kind: Operation.Kind, _ layer: any Layer, _ inputs: [Shape], _ pass: Pass
    ) throws -> Operation {
        let output = try layer.outputShape(for: inputs).batched(batch)
        let batched = inputs.map { $0.batched(batch) }
        let floats = batched.reduce(output.count) { $0 + $1.count }
        return Operation(
            network: name, kind: kind, layer: layer.name, shape: "\(inputs[0])>\(output.sample)", floats: floats
        ) {
            let (x, y, memory) = (try batched.map(randomTensor), Tensor(output), try memory(of: layer, inputs))
            return Operation.Loaded { _ in try layer.forward(y, x, memory, pass) }
        }
    }

    private func backward(_ kind: Operation.Kind, _ layer: any Layer, _ inputs: [Shape]) throws -> Operation {
        let output = try layer.outputShape(for: inputs).batched(batch)
        let batched = inputs.map { $0.batched(batch) }
        let traits = layer.memoryTraits(for: inputs, batch: batch)
        let wanted = traits.hasEqualInputGradients ? 1 : inputs.count
        let reads = traits.backwardReads
        let floats =
            output.count * (reads.contains(.output) ? 2 : 1) + batched.prefix(wanted).reduce(0) { $0 + $1.count }
            + (reads.contains(.inputs) ? batched.reduce(0) { $0 + $1.count } : 0)
        return Operation(
            network: name, kind: kind, layer: layer.name, shape: "\(output.sample)>\(inputs[0])", floats: floats
        ) {
            let (x, y, gy, memory) = (
                try batched.map(randomTensor), Tensor(output), try randomTensor(output), try memory(of: layer, inputs)
            )
            let gx = batched.enumerated().map { $0 < wanted ? Tensor($1) : nil }
            let gradients = layer.parameters(for: inputs).map { Tensor($0.shape) }
            // The forward pass fills the memory that the backward pass reads.
            try layer.forward(y, x, memory, .training(seed: 1))
            return Operation.Loaded { _ in
                try layer.backward(
                    gx, gy: gy, x: x, y: y, gradients: gradients, memory, .training(seed: 1))
            }
        }
    }

    private func memory(of layer: any Layer, _ inputs: [Shape]) throws -> LayerMemory {
        func tensors(_ declarations: [TensorDeclaration]) -> [Tensor] {
            declarations.map { declaration in
                let tensor = Tensor(declaration.shape)
                tensor.fill(1)
                return tensor
            }
        }
        let traits = layer.memoryTraits(for: inputs, batch: batch)
        return LayerMemory(
            parameters: tensors(layer.parameters(for: inputs)), buffers: tensors(layer.buffers(for: inputs)),
            kept: Tensor([traits.keptCount]),
            scratch: Tensor([max(1, traits.scratchCount)]))
    }
}

private struct ConvolutionTensors {
    let x: Tensor
    let y: Tensor
    let gy: Tensor
    let weight: Tensor
    let bias: Tensor?
    let reluMask: Tensor?
}
