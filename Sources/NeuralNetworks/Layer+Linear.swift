import Tensors

/// A dense layer. Samples of any shape are taken as flat, in their order in memory (C, H, W).
package struct LinearLayer: Layer {
    package let name: String
    let outputs: Int

    package init(_ name: String, outputs: Int) {
        self.name = name
        self.outputs = outputs
    }

    package func outputShape(for input: Shape) -> Shape { [outputs] }

    package func parameters(for input: Shape) -> [ParameterDeclaration] {
        let bound = defaultBound(fanIn: input.count)
        return [
            ParameterDeclaration(name: "weight", shape: [outputs, input.count], bound: bound),
            ParameterDeclaration(name: "bias", shape: [outputs], bound: bound),
        ]
    }

    package func scratchCount(batch: Int, input: Shape) -> Int {
        Kernels.linearScratchCount(batch: batch, inputs: input.count, outputs: outputs)
    }

    package func forward(_ y: Tensor, _ x: Tensor, parameters: [Tensor], pass: Pass, scratch: Tensor) throws {
        try Kernels.linearForward(y, x, weight: parameters[0], bias: parameters[1], scratch: scratch)
    }

    package func backward(
        _ gx: Tensor?, gy: Tensor, x: Tensor, y: Tensor, parameters: [Tensor], gradients: [Tensor], pass: Pass,
        scratch: Tensor
    ) throws {
        try Kernels.linearBackwardWeight(gradients[0], gradients[1], gy: gy, x)
        if let gx { try Kernels.linearBackwardData(gx, gy: gy, weight: parameters[0]) }
    }
}
