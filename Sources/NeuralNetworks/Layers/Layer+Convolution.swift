import Tensors

/// Convolution with square kernels and a bias for each filter, and what follows it directly: y = pool(relu(sum)). With
/// a second input, that is added to the sums.
package struct ConvolutionLayer: Layer {
    package let name: String
    private(set) var filters: Int
    let kernel: Int
    let stride: Int
    /// From left to right, where that is another.
    private var strideAcross: Int?
    private var padding: Int
    /// None before a batch normalisation, which would take it away again; such weights start as He et al. say.
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

    /// Where nothing is pooled, the output has the signs of the sums.
    package var backwardReads: (inputs: Bool, output: Bool) { (true, relu && pooling == .none) }

    package var spatialSteps: [SpatialStep]? {
        let step = SpatialStep(window: kernel, stride: stride, padding: padding)
        return pooling == .none ? [step] : [step, SpatialStep(window: 2, stride: 2, padding: 0)]
    }

    package func onParts(sideBySide: Bool) -> (any Layer)? {
        var layer = self
        layer.padding = 0
        layer.strideAcross = sideBySide ? kernel : nil
        return layer
    }

    package func sliced(_ channels: Range<Int>) -> (any Layer)? {
        var layer = self
        layer.filters = channels.count
        return layer
    }

    /// Measured with AVX-512: Winograd's transforms save more multiplications than they cost, for large images.
    package func work(for inputs: [Shape]) -> (multiplications: Int, each: Double) {
        let convolution = convolution(inputs[0])
        let outputs = (try? convolution.unpooledShape().sample.count) ?? 0
        let each =
            switch try? convolution.algorithm(of: .forward, batch: 1) {
            case .winograd?: 0.4
            case .im2col?: 2.0
            default: 1.0
            }
        return (outputs * convolution.weightShape.count, each)
    }

    /// What the kernels are told for samples of a shape.
    package func convolution(_ input: Shape) -> Convolution {
        var convolution = Convolution(
            channels: input[0], height: input[1], width: input[2], filters: filters, kernel: (kernel, kernel),
            stride: (stride, strideAcross ?? stride), padding: (padding, padding))
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
                throw LayerError(description: "\(name): expected one more input of \(sums), found \(inputs[1])")
            }
        }
        return try convolution.outputShape()
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

    package func keptCount(batch: Int, inputs: [Shape]) -> Int { convolution(inputs[0]).reluMaskCount(batch: batch) }

    package func scratchCount(batch: Int, inputs: [Shape]) -> Int {
        convolution(inputs[0]).scratchCount(batch: batch)
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
        let output = backwardReads.output ? y : nil
        try Kernels.convolutionBackwardWeight(
            gradients[0]!, hasBias ? gradients[1] : nil, gy: gy, y: output, reluMask: reluMask, x[0], convolution,
            scratch: memory.scratch)
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
