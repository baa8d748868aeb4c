import Tensors

/// How parameters follow their gradients. Defaults are PyTorch's.
package struct OptimizerSettings: Codable, Equatable, Sendable {
    package enum Method: String, Codable, CaseIterable, Sendable {
        case adam, adamw, sgd
    }

    package var method = Method.adam
    package var learningRate: Float = 1e-3
    /// L2 penalty in the gradient (Adam, SGD), or decay of the weights apart from it (AdamW).
    package var weightDecay: Float = 0
    /// SGD only.
    package var momentum: Float = 0
    package var nesterov = false
    /// Adam and AdamW only.
    package var beta1: Float = 0.9
    package var beta2: Float = 0.999
    package var epsilon: Float = 1e-8

    package init(method: Method = .adam, learningRate: Float = 1e-3, weightDecay: Float = 0) {
        self.method = method
        self.learningRate = learningRate
        self.weightDecay = weightDecay
    }
}

/// Takes steps; owns the moments.
package final class Optimizer {
    package let settings: OptimizerSettings
    /// The rate of the next step; schedules change it.
    package var learningRate: Float
    package private(set) var stepCount = 0
    /// Adam: first and second moment. SGD with momentum: the velocity.
    package let state: [ParameterSet]
    /// For norms.
    private var scratch = Tensor([1])

    package init(_ settings: OptimizerSettings, layout: ParameterSet.Layout) {
        self.settings = settings
        learningRate = settings.learningRate
        let states =
            switch settings.method {
            case .adam, .adamw: 2
            case .sgd: settings.momentum != 0 ? 1 : 0
            }
        state = (0..<states).map { _ in ParameterSet(layout) }
    }

    /// Forgets all steps.
    package func reset() {
        learningRate = settings.learningRate
        // Fresh memory is zero already, and untouched pages cost nothing.
        guard stepCount > 0 else { return }
        stepCount = 0
        for set in state { set.all.fill(0) }
    }

    /// Counts on from a step that was taken earlier; the moments are the caller's to restore.
    package func restore(stepCount: Int, learningRate: Float) {
        self.stepCount = stepCount
        self.learningRate = learningRate
    }

    /// Moves the parameters by one step. When `clipNorm` is given, gradients whose global norm is larger are scaled
    /// down to it first (as `torch.nn.utils.clip_grad_norm_`, without a pass of its own over the gradients).
    /// Returns that norm, or nil when nothing was to be clipped.
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
        for run in gradients.runs {
            let start = parameters.layout.offsets[run.parameters.lowerBound]
            let gradient = gradients.stored.all.view([run.count], at: run.offset)
            try follow(.stored(gradient), scale, parameters.all.view([run.count], at: start)) {
                $0.all.view([run.count], at: start)
            }
        }
        for product in gradients.products {
            try follow(.product(gy: product.gy, x: product.x), scale, parameters.tensors[product.parameter]) {
                $0.tensors[product.parameter]
            }
        }
        return norm
    }

    /// A step of some parameters; `part` is their part of the state.
    private func follow(
        _ gradient: StepGradient, _ scale: Float, _ parameters: Tensor, part: (ParameterSet) -> Tensor
    ) throws(KernelError) {
        switch settings.method {
        case .adam, .adamw:
            try Kernels.adamStep(
                parameters, firstMoment: part(state[0]), secondMoment: part(state[1]), gradient, gradientScale: scale,
                step: stepCount, learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
                epsilon: settings.epsilon, weightDecay: settings.weightDecay,
                decoupledDecay: settings.method == .adamw)
        case .sgd:
            try Kernels.sgdStep(
                parameters, velocity: state.first.map(part), gradient, gradientScale: scale, step: stepCount,
                learningRate: learningRate, momentum: settings.momentum, weightDecay: settings.weightDecay,
                nesterov: settings.nesterov)
        }
    }
}
