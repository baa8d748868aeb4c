import CKernels

/// Gradient for an optimizer step.
package enum StepGradient {
    case stored(Tensor)
    /// Gradient with respect to the weights [O][I] of a dense layer, gy[N][O] transposed times x[N][I]. It is computed on
    /// the fly and not stored.
    case product(gy: Tensor, x: Tensor)

    fileprivate func expect(_ parameters: Tensor) {
        switch self {
        case .stored(let gradients): Kernels.expect(gradients, parameters.shape, "gradients")
        case .product(let gy, let x):
            Kernels.expect(x, [gy.shape[0], x.shape.sample.count], "x")
            Kernels.expect(parameters, [gy.shape[1], x.shape.sample.count], "parameters")
        }
    }
}

extension Kernels {
    /// One step of `torch.optim.SGD`. Updates `parameters` and `velocity`, which may be nil without momentum. The gradient
    /// is multiplied by `gradientScale`, and `step` counts from 1.
    package static func sgdStep(
        _ parameters: Tensor, velocity: Tensor?, _ gradient: StepGradient, gradientScale: Float = 1, step: Int,
        learningRate: Float, momentum: Float = 0, dampening: Float = 0, weightDecay: Float = 0, nesterov: Bool = false
    ) throws(KernelError) {
        gradient.expect(parameters)
        if let velocity { expect(velocity, parameters.shape, "velocity") }
        var settings = ck_sgd(
            learning_rate: learningRate, momentum: momentum, dampening: dampening, weight_decay: weightDecay,
            nesterov: nesterov)
        switch gradient {
        case .stored(let gradients):
            try KernelError.check(
                ck_sgd_step(
                    parameters.pointer, velocity?.pointer, gradients.pointer, Int64(parameters.count), gradientScale,
                    Int64(step), &settings))
        case .product(let gy, let x):
            try KernelError.check(
                ck_sgd_step_product(
                    parameters.pointer, velocity?.pointer, gy.pointer, x.pointer, Int64(x.shape[0]),
                    Int64(x.shape.sample.count), Int64(gy.shape[1]), gradientScale, Int64(step), &settings))
        }
    }

    /// One step of `torch.optim.Adam`, or `AdamW` with `decoupledDecay`. Updates `parameters` and both moments. The
    /// gradient is multiplied by `gradientScale`, and `step` counts from 1.
    package static func adamStep(
        _ parameters: Tensor, firstMoment: Tensor, secondMoment: Tensor, _ gradient: StepGradient,
        gradientScale: Float = 1, step: Int, learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.999,
        epsilon: Float = 1e-8, weightDecay: Float = 0, decoupledDecay: Bool = false
    ) throws(KernelError) {
        gradient.expect(parameters)
        expect(firstMoment, parameters.shape, "firstMoment")
        expect(secondMoment, parameters.shape, "secondMoment")
        var settings = ck_adam(
            learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: weightDecay,
            decoupled_decay: decoupledDecay)
        switch gradient {
        case .stored(let gradients):
            try KernelError.check(
                ck_adam_step(
                    parameters.pointer, firstMoment.pointer, secondMoment.pointer, gradients.pointer,
                    Int64(parameters.count), gradientScale, Int64(step), &settings))
        case .product(let gy, let x):
            try KernelError.check(
                ck_adam_step_product(
                    parameters.pointer, firstMoment.pointer, secondMoment.pointer, gy.pointer, x.pointer,
                    Int64(x.shape[0]), Int64(x.shape.sample.count), Int64(gy.shape[1]), gradientScale, Int64(step),
                    &settings))
        }
    }
}
