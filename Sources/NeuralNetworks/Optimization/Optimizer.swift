import Tensors

/// Applies gradients to parameters. Owns the moments of the algorithm.
package final class Optimizer {
    package let settings: OptimizerSettings
    /// The learning rate of the next step, which schedules change.
    package var learningRate: Float
    package private(set) var stepCount = 0
    /// Adam: first and second moment. SGD with momentum: the velocity.
    package let state: [ParameterSet]
    /// Scratch of norms.
    private var scratch = Tensor([1])

    package init(_ settings: OptimizerSettings, layout: ParameterSet.Layout) {
        self.settings = settings
        learningRate = settings.learningRate
        let states =
            switch settings {
            case .adam: 2
            case .sgd(let sgd): sgd.momentum != 0 ? 1 : 0
            }
        state = (0..<states).map { _ in ParameterSet(layout) }
    }

    /// Returns to the state before the first step.
    package func reset() {
        learningRate = settings.learningRate
        // New memory is zero, and filling it would commit its pages.
        guard stepCount > 0 else { return }
        stepCount = 0
        for set in state { set.all.fill(0) }
    }

    /// Continues after an earlier step. The caller restores the moments.
    package func restore(stepCount: Int, learningRate: Float) {
        self.stepCount = stepCount
        self.learningRate = learningRate
    }

    /// Updates the parameters by one step. With `clipNorm`, gradients with a larger global norm are scaled down to it,
    /// as by `torch.nn.utils.clip_grad_norm_`. Returns the norm before clipping, or nil without `clipNorm`.
    @discardableResult
    package func step(
        _ parameters: ParameterSet, _ gradients: Gradients, clipNorm: Float? = nil
    ) throws(KernelError) -> Double? {
        var scale: Float = 1
        var norm: Double?
        if let clipNorm {
            let value = try gradients.norm(scratch: &scratch)
            norm = value
            scale = Float(min(1, Double(clipNorm) / (value + 1e-6)))
        }
        stepCount += 1
        for segment in gradients.segments {
            let start = parameters.layout.offsets[segment.parameters.lowerBound]
            let gradient = gradients.stored.all.view([segment.count], at: segment.offset)
            try update(
                parameters.all.view([segment.count], at: start), .stored(gradient), scale, segment.rateFactor
            ) { $0.all.view([segment.count], at: start) }
        }
        for product in gradients.products {
            try update(
                parameters.tensors[product.parameter], .product(gy: product.gy, x: product.x), scale,
                gradients.rateFactors[product.parameter]
            ) { $0.tensors[product.parameter] }
        }
        return norm
    }

    /// Updates some parameters. `part` returns their part of a state tensor.
    private func update(
        _ parameters: Tensor, _ gradient: StepGradient, _ scale: Float, _ rateFactor: Float,
        part: (ParameterSet) -> Tensor
    ) throws(KernelError) {
        let learningRate = learningRate * rateFactor
        switch settings {
        case .adam(let adam):
            try Kernels.adamStep(
                parameters, firstMoment: part(state[0]), secondMoment: part(state[1]), gradient, gradientScale: scale,
                step: stepCount, learningRate: learningRate, beta1: adam.beta1, beta2: adam.beta2,
                epsilon: adam.epsilon, weightDecay: adam.weightDecay, decoupledDecay: adam.hasDecoupledDecay)
        case .sgd(let sgd):
            try Kernels.sgdStep(
                parameters, velocity: state.first.map(part), gradient, gradientScale: scale, step: stepCount,
                learningRate: learningRate, momentum: sgd.momentum, weightDecay: sgd.weightDecay, nesterov: sgd.nesterov
            )
        }
    }
}
