import CKernels

extension Kernels {
    /// One step of stochastic gradient descent as `torch.optim.SGD` takes it. `velocity` may be nil without momentum;
    /// `step` counts from 1; the gradient is multiplied by `gradientScale` first.
    package static func sgdStep(
        _ parameters: Tensor, velocity: Tensor?, gradients: Tensor, gradientScale: Float = 1, step: Int,
        learningRate: Float, momentum: Float = 0, dampening: Float = 0, weightDecay: Float = 0, nesterov: Bool = false
    ) throws(KernelError) {
        expect(gradients, parameters.shape, "gradients")
        if let velocity { expect(velocity, parameters.shape, "velocity") }
        var settings = ck_sgd(
            learning_rate: learningRate, momentum: momentum, dampening: dampening, weight_decay: weightDecay,
            nesterov: nesterov)
        try KernelError.check(
            ck_sgd_step(
                parameters.pointer, velocity?.pointer, gradients.pointer, Int64(parameters.count), gradientScale,
                Int64(step), &settings))
    }

    /// One step of Adam, or AdamW when the decay is decoupled, as PyTorch takes it. `step` counts from 1; the gradient
    /// is multiplied by `gradientScale` first.
    package static func adamStep(
        _ parameters: Tensor, firstMoment: Tensor, secondMoment: Tensor, gradients: Tensor, gradientScale: Float = 1,
        step: Int, learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8,
        weightDecay: Float = 0, decoupledDecay: Bool = false
    ) throws(KernelError) {
        expect(gradients, parameters.shape, "gradients")
        expect(firstMoment, parameters.shape, "firstMoment")
        expect(secondMoment, parameters.shape, "secondMoment")
        var settings = ck_adam(
            learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: weightDecay,
            decoupled_decay: decoupledDecay)
        try KernelError.check(
            ck_adam_step(
                parameters.pointer, firstMoment.pointer, secondMoment.pointer, gradients.pointer,
                Int64(parameters.count), gradientScale, Int64(step), &settings))
    }
}
