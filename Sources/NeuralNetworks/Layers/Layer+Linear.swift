import Tensors

/// A dense layer. Samples of any shape are taken as flat, in their order in memory (C, H, W).
package struct LinearLayer: Layer {
    package let name: String
    package let outputs: Int

    package init(_ name: String, outputs: Int) {
        self.name = name
        self.outputs = outputs
    }

    package func outputShape(for inputs: [Shape]) -> Shape { [outputs] }

    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] {
        let bound = defaultBound(fanIn: inputs[0].count)
        return [
            TensorDeclaration(name: "weight", shape: [outputs, inputs[0].count], initial: .uniform(bound: bound)),
            TensorDeclaration(name: "bias", shape: [outputs], initial: .uniform(bound: bound)),
        ]
    }

    package func work(for inputs: [Shape]) -> (multiplications: Int, each: Double) { (inputs[0].count * outputs, 1) }

    package func productParameter(for inputs: [Shape]) -> Int? { inputs[0].count * outputs >= 1 << 20 ? 0 : nil }

    package func scratchCount(batch: Int, inputs: [Shape]) -> Int {
        Kernels.linearScratchCount(batch: batch, inputs: inputs[0].count, outputs: outputs)
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.linearForward(
            y, x[0], weight: memory.parameters[0], bias: memory.parameters[1], scratch: memory.scratch)
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        try Kernels.linearBackwardWeight(gradients[0], gradients[1], gy: gy, x[0])
        if let gx = gx[0] { try Kernels.linearBackwardData(gx, gy: gy, weight: memory.parameters[0]) }
    }
}

extension LinearLayer: WindowedLayer {
    package func forward(
        _ y: Tensor, _ windows: FeatureWindows, parameters: [Tensor], scratch: (Int) -> Tensor
    ) throws {
        try Kernels.linearForward(
            y, windows, weight: parameters[0], bias: parameters[1],
            scratch: scratch(Kernels.linearScratchCount(windows, outputs: outputs)))
    }
}
