import Tensors

/// Convolution with square kernels, and a bias for each filter.
package struct ConvolutionLayer: Layer {
    package let name: String
    let filters: Int
    let kernel: Int
    let stride: Int
    let padding: Int

    package init(_ name: String, filters: Int, kernel: Int, stride: Int = 1, padding: Int = 0) {
        self.name = name
        self.filters = filters
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
    }

    private func convolution(_ input: Shape) -> Convolution {
        Convolution(
            channels: input[0], height: input[1], width: input[2], filters: filters, kernel: (kernel, kernel),
            stride: (stride, stride), padding: (padding, padding))
    }

    package func outputShape(for input: Shape) throws -> Shape {
        guard input.dimensions.count == 3 else {
            throw LayerError(description: "\(name): expected samples of channels x height x width, found \(input)")
        }
        return try convolution(input).outputShape()
    }

    package func parameters(for input: Shape) -> [ParameterDeclaration] {
        let weight = convolution(input).weightShape
        let bound = defaultBound(fanIn: weight.sample.count)
        return [
            ParameterDeclaration(name: "weight", shape: weight, bound: bound),
            ParameterDeclaration(name: "bias", shape: [filters], bound: bound),
        ]
    }

    package func scratchCount(batch: Int, input: Shape) -> Int {
        convolution(input).scratchCount(batch: batch)
    }

    package func forward(_ y: Tensor, _ x: Tensor, parameters: [Tensor], pass: Pass, scratch: Tensor) throws {
        try Kernels.convolutionForward(
            y, x, weight: parameters[0], bias: parameters[1], convolution(x.shape.sample), scratch: scratch)
    }

    package func backward(
        _ gx: Tensor?, gy: Tensor, x: Tensor, y: Tensor, parameters: [Tensor], gradients: [Tensor], pass: Pass,
        scratch: Tensor
    ) throws {
        let convolution = convolution(x.shape.sample)
        try Kernels.convolutionBackwardWeight(gradients[0], gradients[1], gy: gy, x, convolution, scratch: scratch)
        if let gx {
            try Kernels.convolutionBackwardData(gx, gy: gy, weight: parameters[0], convolution, scratch: scratch)
        }
    }
}
