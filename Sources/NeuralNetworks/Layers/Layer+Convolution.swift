import Tensors

/// Convolution with square kernels, with an optional bias, residual, ReLU and 2x2 pooling:
/// y = pool(relu(convolution(x) + bias + residual)). The residual is the second input, if there is one.
package struct ConvolutionLayer: SpatialLayer, CostedLayer {
    package let name: String
    private(set) var filters: Int
    let kernel: Int
    let stride: Int
    /// The horizontal stride, if it differs from the vertical one.
    private var horizontalStride: Int?
    private(set) var padding: Int
    /// Convolutions before a batch normalization, which would cancel a bias, have none. Their weights start from the
    /// distribution of He et al.
    package internal(set) var hasBias: Bool
    var relu: Bool
    var pooling: Convolution.Pooling

    package init(
        _ name: String, filters: Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true,
        relu: Bool = false, pooling: Convolution.Pooling = .none
    ) {
        self.name = name
        self.filters = filters
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        hasBias = bias
        self.relu = relu
        self.pooling = pooling
    }

    package var slidingWindows: [SlidingWindow] {
        let window = SlidingWindow(size: kernel, stride: stride, padding: padding)
        return pooling == .none ? [window] : [window, SlidingWindow(size: 2, stride: 2, padding: 0)]
    }

    package func borderVariant(sideBySide: Bool) -> any SpatialLayer {
        var layer = self
        layer.padding = 0
        layer.horizontalStride = sideBySide ? kernel : nil
        return layer
    }

    package func sliced(to channels: Range<Int>) -> (any SpatialLayer)? {
        var layer = self
        layer.filters = channels.count
        return layer
    }

    /// The relative times are measured with AVX-512. Winograd transforms do fewer multiplications than are counted here.
    package func inferenceCost(for inputs: [Shape]) -> InferenceCost {
        let convolution = convolution(inputs[0])
        let outputs = (try? convolution.unpooledShape().sample.count) ?? 0
        let relativeTime =
            switch try? convolution.algorithm(of: .forward, batch: 1) {
            case .winograd?: 0.4
            case .im2col?: 2.0
            default: 1.0
            }
        return InferenceCost(
            multiplications: outputs * convolution.weightShape.count, relativeTime: relativeTime)
    }

    /// The kernels' description of this convolution for samples of the given shape.
    package func convolution(_ input: Shape) -> Convolution {
        var convolution = Convolution(
            channels: input[0], height: input[1], width: input[2], filters: filters, kernel: (kernel, kernel),
            stride: (stride, horizontalStride ?? stride), padding: (padding, padding))
        convolution.relu = relu
        convolution.pooling = pooling
        return convolution
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try requireImage(Array(inputs.prefix(1)))
        let convolution = convolution(inputs[0])
        if inputs.count > 1 {
            let sums = try convolution.unpooledShape()
            guard inputs.count == 2, inputs[1] == sums, pooling == .none else {
                throw LayerError(description: "\(name): expected a second input of \(sums), found \(inputs[1])")
            }
        }
        return try convolution.outputShape()
    }

    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] {
        let shape = convolution(inputs[0]).weightShape
        guard hasBias else {
            return [
                TensorDeclaration(name: "weight", shape: shape, initial: .he(fanOut: filters * kernel * kernel))
            ]
        }
        let initial = TensorDeclaration.Initial.pytorchDefault(fanIn: shape.sample.count)
        return [
            TensorDeclaration(name: "weight", shape: shape, initial: initial),
            TensorDeclaration(name: "bias", shape: [filters], initial: initial),
        ]
    }

    /// Without pooling the ReLU mask can be read from the output.
    private var readsOutput: Bool { relu && pooling == .none }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        let convolution = convolution(inputs[0])
        var traits = MemoryTraits()
        traits.backwardReads = readsOutput ? [.inputs, .output] : .inputs
        traits.keptCount = convolution.reluMaskCount(batch: batch)
        traits.scratchCount = convolution.scratchCount(batch: batch)
        return traits
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        var reluMask: Tensor?
        if case .training = pass, memory.kept.count > 0 { reluMask = memory.kept }
        try Kernels.convolutionForward(
            y, x[0], weight: memory.parameters[0], bias: hasBias ? memory.parameters[1] : nil,
            residual: x.count > 1 ? x[1] : nil, reluMask: reluMask, convolution(x[0].shape.sample),
            scratch: memory.scratch)
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        let convolution = convolution(x[0].shape.sample)
        let reluMask = memory.kept.count > 0 ? memory.kept : nil
        let output = readsOutput ? y : nil
        if let weight = gradients[0] {
            try Kernels.convolutionBackwardWeight(
                weight, hasBias ? gradients[1] : nil, gy: gy, y: output, reluMask: reluMask, x[0], convolution,
                scratch: memory.scratch)
        }
        if let gx = gx[0] {
            try Kernels.convolutionBackwardData(
                gx, gy: gy, y: output, reluMask: reluMask, weight: memory.parameters[0], convolution,
                scratch: memory.scratch)
        }
        guard x.count > 1, let residual = gx[1] else { return }
        if relu {
            try Kernels.reluBackward(residual, gy: gy, y: y)
        } else {
            residual.copy(from: gy)
        }
    }
}
