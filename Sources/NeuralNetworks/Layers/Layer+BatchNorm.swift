import Tensors

/// Batch normalization over samples, rows and columns (Ioffe, Szegedy 2015), optionally followed by ReLU. Equals
/// `torch.nn.BatchNorm2d`, whose running statistics are the buffers of this layer.
package struct BatchNormLayer: SpatialLayer {
    package static let epsilon: Float = 1e-5
    /// Weight of each batch in the running statistics.
    package static let momentum: Float = 0.1

    package let name: String
    let relu: Bool
    package var slidingWindows: [SlidingWindow] { [] }

    package init(_ name: String, relu: Bool = false) {
        self.name = name
        self.relu = relu
    }

    private func norm(_ input: Shape) -> BatchNorm {
        BatchNorm(channels: input[0], plane: input.sample.count, relu: relu, epsilon: Self.epsilon)
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try requireImage(inputs)
        return inputs[0]
    }

    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] {
        [
            TensorDeclaration(name: "weight", shape: [inputs[0][0]], initial: .constant(1)),
            TensorDeclaration(name: "bias", shape: [inputs[0][0]], initial: .constant(0)),
        ]
    }

    package func buffers(for inputs: [Shape]) -> [TensorDeclaration] {
        [
            TensorDeclaration(name: "running_mean", shape: [inputs[0][0]], initial: .constant(0)),
            TensorDeclaration(name: "running_var", shape: [inputs[0][0]], initial: .constant(1)),
        ]
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.worksInPlace = true
        // Mean and inverse standard deviation of each channel.
        traits.keptCount = 2 * inputs[0][0]
        return traits
    }

    private func statistics(_ kept: Tensor) -> BatchStatistics {
        let channels = kept.count / 2
        return BatchStatistics(mean: kept.view([channels]), inverseDeviation: kept.view([channels], at: channels))
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        let (weight, bias) = (memory.parameters[0], memory.parameters[1])
        let (mean, variance) = (memory.buffers[0], memory.buffers[1])
        let norm = norm(x[0].shape.sample)
        switch pass {
        case .inference:
            try Kernels.batchNormForwardInference(
                y, x[0], weight: weight, bias: bias, runningMean: mean, runningVariance: variance, norm)
        case .training:
            try Kernels.batchNormForwardTraining(
                y, statistics(memory.kept), runningMean: mean, runningVariance: variance, x[0], weight: weight,
                bias: bias, momentum: Self.momentum, norm)
        }
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        let (weight, bias, norm) = (memory.parameters[0], memory.parameters[1], norm(x[0].shape.sample))
        switch pass {
        case .inference:
            try Kernels.batchNormBackwardInference(
                gx[0], gradients[0].map { ($0, gradients[1]!) }, gy: gy, x[0], weight: weight, bias: bias,
                runningMean: memory.buffers[0], runningVariance: memory.buffers[1], norm)
        case .training:
            try Kernels.batchNormBackward(
                gx[0], gradients[0]!, gradients[1]!, gy: gy, x[0], weight: weight, bias: bias,
                statistics(memory.kept), norm)
        }
    }
}
