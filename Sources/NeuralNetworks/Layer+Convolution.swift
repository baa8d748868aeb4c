import Tensors

/// Convolution with square kernels, and a bias for each filter.
package struct ConvolutionLayer: Layer {
    package let name: String
    let filters: Int
    let kernel: Int
    let stride: Int
    let padding: Int
    /// None before a batch normalisation, which would take it away again; such weights start as He et al. say.
    let hasBias: Bool

    package init(_ name: String, filters: Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true) {
        self.name = name
        self.filters = filters
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        hasBias = bias
    }

    /// The same convolution with a bias.
    var withBias: ConvolutionLayer {
        ConvolutionLayer(name, filters: filters, kernel: kernel, stride: stride, padding: padding)
    }

    private func convolution(_ input: Shape) -> Convolution {
        Convolution(
            channels: input[0], height: input[1], width: input[2], filters: filters, kernel: (kernel, kernel),
            stride: (stride, stride), padding: (padding, padding))
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try requireImage(inputs)
        return try convolution(inputs[0]).outputShape()
    }

    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] {
        let shape = convolution(inputs[0]).weightShape
        guard hasBias else {
            let bound = heBound(fanOut: filters * kernel * kernel)
            return [TensorDeclaration(name: "weight", shape: shape, initial: .uniform(bound: bound))]
        }
        let bound = defaultBound(fanIn: shape.sample.count)
        return [
            TensorDeclaration(name: "weight", shape: shape, initial: .uniform(bound: bound)),
            TensorDeclaration(name: "bias", shape: [filters], initial: .uniform(bound: bound)),
        ]
    }

    package func scratchCount(batch: Int, inputs: [Shape]) -> Int {
        convolution(inputs[0]).scratchCount(batch: batch)
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.convolutionForward(
            y, x[0], weight: memory.parameters[0], bias: hasBias ? memory.parameters[1] : nil,
            convolution(x[0].shape.sample), scratch: memory.scratch)
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        let convolution = convolution(x[0].shape.sample)
        try Kernels.convolutionBackwardWeight(
            gradients[0], hasBias ? gradients[1] : nil, gy: gy, x[0], convolution, scratch: memory.scratch)
        if let gx = gx[0] {
            try Kernels.convolutionBackwardData(
                gx, gy: gy, weight: memory.parameters[0], convolution, scratch: memory.scratch)
        }
    }
}
