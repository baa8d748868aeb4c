import CKernels

/// Batch normalization of images with `channels` planes of `plane` elements, followed by ReLU when `relu` is set.
package struct BatchNorm: Hashable, Sendable {
    package var channels: Int
    package var plane: Int
    package var relu: Bool
    /// Added to the variance.
    package var epsilon: Float

    package init(channels: Int, plane: Int, relu: Bool = false, epsilon: Float = 1e-5) {
        self.channels = channels
        self.plane = plane
        self.relu = relu
        self.epsilon = epsilon
    }

    fileprivate func checked(_ images: Tensor, _ others: Tensor?..., channels tensors: Tensor...) -> ck_batch_norm {
        let batch = images.shape[0]
        for tensor in [images] + others.compactMap({ $0 }) {
            Kernels.expect(tensor, [batch, channels, plane], "an image tensor")
        }
        for tensor in tensors { Kernels.expect(tensor, [channels], "a channel tensor") }
        return ck_batch_norm(n: Int64(batch), c: Int64(channels), plane: Int64(plane), epsilon: epsilon, relu: relu)
    }
}

/// Mean and inverse standard deviation of each channel, stored by the forward pass for the backward pass.
package struct BatchStatistics {
    /// [C]
    package let mean: Tensor
    /// [C]: 1 / sqrt(variance + epsilon).
    package let inverseDeviation: Tensor

    package init(mean: Tensor, inverseDeviation: Tensor) {
        self.mean = mean
        self.inverseDeviation = inverseDeviation
    }
}

extension Kernels {
    /// Normalizes x[N][C][plane] by the mean and variance of the batch, stores them in `statistics`, and updates the
    /// running mean and variance with weight `momentum`. `y` may be `x`. Throws `badDimension` for fewer than two values
    /// in a channel.
    package static func batchNormForwardTraining(
        _ y: Tensor, _ statistics: BatchStatistics, runningMean: Tensor, runningVariance: Tensor, _ x: Tensor,
        weight: Tensor, bias: Tensor, momentum: Float, _ norm: BatchNorm
    ) throws(KernelError) {
        var d = norm.checked(
            x, y, channels: statistics.mean, statistics.inverseDeviation, runningMean, runningVariance, weight, bias)
        try KernelError.check(
            ck_batch_norm_forward_training(
                y.pointer, statistics.mean.pointer, statistics.inverseDeviation.pointer, runningMean.pointer,
                runningVariance.pointer, x.pointer, weight.pointer, bias.pointer, momentum, &d))
    }

    /// Normalizes x[N][C][plane] by the running mean and variance. `y` may be `x`.
    package static func batchNormForwardInference(
        _ y: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor, runningMean: Tensor, runningVariance: Tensor,
        _ norm: BatchNorm
    ) throws(KernelError) {
        var d = norm.checked(x, y, channels: weight, bias, runningMean, runningVariance)
        try KernelError.check(
            ck_batch_norm_forward_inference(
                y.pointer, x.pointer, weight.pointer, bias.pointer, runningMean.pointer, runningVariance.pointer, &d))
    }

    /// Gradients of `batchNormForwardTraining` with respect to its input, weight and bias. `gx` may be nil, or `gy`.
    package static func batchNormBackward(
        _ gx: Tensor?, _ gweight: Tensor, _ gbias: Tensor, gy: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor,
        _ statistics: BatchStatistics, _ norm: BatchNorm
    ) throws(KernelError) {
        var d = norm.checked(
            x, gx, gy, channels: gweight, gbias, weight, bias, statistics.mean, statistics.inverseDeviation)
        try KernelError.check(
            ck_batch_norm_backward(
                gx?.pointer, gweight.pointer, gbias.pointer, gy.pointer, x.pointer, weight.pointer, bias.pointer,
                statistics.mean.pointer, statistics.inverseDeviation.pointer, &d))
    }

    /// Gradients of `batchNormForwardInference` with respect to its input, weight and bias. `gx` may be nil, or `gy`.
    /// `gradients` are those of the weight and the bias, nil where they are not wanted.
    package static func batchNormBackwardInference(
        _ gx: Tensor?, _ gradients: (weight: Tensor, bias: Tensor)?, gy: Tensor, _ x: Tensor, weight: Tensor,
        bias: Tensor, runningMean: Tensor, runningVariance: Tensor, _ norm: BatchNorm
    ) throws(KernelError) {
        var d = norm.checked(x, gx, gy, channels: weight, bias, runningMean, runningVariance)
        if let gradients { _ = norm.checked(x, channels: gradients.weight, gradients.bias) }
        try KernelError.check(
            ck_batch_norm_backward_inference(
                gx?.pointer, gradients?.weight.pointer, gradients?.bias.pointer, gy.pointer, x.pointer, weight.pointer,
                bias.pointer, runningMean.pointer, runningVariance.pointer, &d))
    }
}
