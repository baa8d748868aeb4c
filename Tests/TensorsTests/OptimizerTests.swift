import CKernels
import Tensors
import TestSupport
import Testing

/// Optimizer settings, for the kernel and for the naive reference.
enum OptimizerCase: CustomStringConvertible {
    case sgd(Naive.SGD)
    case adam(Naive.Adam)

    var description: String {
        switch self {
        case .sgd(let s):
            "SGD rate \(s.learningRate) momentum \(s.momentum) dampening \(s.dampening) decay \(s.weightDecay) "
                + "nesterov \(s.nesterov)"
        case .adam(let a):
            "Adam rate \(a.learningRate) betas \(a.beta1) \(a.beta2) epsilon \(a.epsilon) decay \(a.weightDecay) "
                + "decoupled \(a.decoupledDecay)"
        }
    }

    /// Parameters after each step of the kernel. `gradients` are first divided by `gradientScale`, by which the kernel
    /// multiplies.
    func run(
        _ start: [Float], _ gradients: [[Float]], gradientScale: Float = 1, _ run: KernelRuns = .aligned
    ) throws -> [[Float]] {
        let parameters = run.output([start.count])
        parameters.tensor.copy(from: Tensor([start.count], start))
        var state: [GuardedTensor] = []
        for _ in 0..<2 {
            let moment = run.output([start.count])
            moment.tensor.fill(0)
            state.append(moment)
        }
        var history: [[Float]] = []
        for (k, values) in gradients.enumerated() {
            let given = values.map { $0 / gradientScale }
            let g = run.input(given, [start.count])
            try step(parameters.tensor, state[0].tensor, state[1].tensor, .stored(g), gradientScale, k + 1)
            try compareBits("input gradients", g.values, given)
            for moment in state { _ = try moment.values("state") }
            history.append(try parameters.values("parameters"))
        }
        return history
    }

    func step(
        _ parameters: Tensor, _ first: Tensor, _ second: Tensor, _ gradient: StepGradient, _ gradientScale: Float,
        _ step: Int
    ) throws {
        switch self {
        case .sgd(let s):
            try Kernels.sgdStep(
                parameters, velocity: s.momentum == 0 ? nil : first, gradient, gradientScale: gradientScale, step: step,
                learningRate: Float(s.learningRate), momentum: Float(s.momentum), dampening: Float(s.dampening),
                weightDecay: Float(s.weightDecay), nesterov: s.nesterov)
        case .adam(let a):
            try Kernels.adamStep(
                parameters, firstMoment: first, secondMoment: second, gradient, gradientScale: gradientScale,
                step: step, learningRate: Float(a.learningRate), beta1: Float(a.beta1), beta2: Float(a.beta2),
                epsilon: Float(a.epsilon), weightDecay: Float(a.weightDecay), decoupledDecay: a.decoupledDecay)
        }
    }

    func twin(_ start: [Double], _ gradients: [[Double]]) -> [[Double]] {
        var parameters = start
        var history: [[Double]] = []
        switch self {
        case .sgd(var sgd):
            for g in gradients {
                sgd.step(&parameters, gradients: g)
                history.append(parameters)
            }
        case .adam(var adam):
            for g in gradients {
                adam.step(&parameters, gradients: g)
                history.append(parameters)
            }
        }
        return history
    }

    static let all: [OptimizerCase] = [
        .sgd(Naive.SGD(learningRate: 0.1)),
        .sgd(Naive.SGD(learningRate: 0.1, weightDecay: 0.05)),
        .sgd(Naive.SGD(learningRate: 0.05, momentum: 0.9)),
        .sgd(Naive.SGD(learningRate: 0.05, momentum: 0.9, dampening: 0.3, weightDecay: 0.01)),
        .sgd(Naive.SGD(learningRate: 0.05, momentum: 0.9, weightDecay: 0.01, nesterov: true)),
        .adam(Naive.Adam(learningRate: 1e-3)),
        .adam(Naive.Adam(learningRate: 1e-2, weightDecay: 0.05)),
        .adam(Naive.Adam(learningRate: 1e-2, weightDecay: 0.05, decoupledDecay: true)),
        .adam(Naive.Adam(learningRate: 1e-3, beta1: 0.5, beta2: 0.9, epsilon: 1e-3)),
        .adam(Naive.Adam(learningRate: 1e-2, beta1: 0, beta2: 0.99)),
    ]
}

extension KernelTests {
    @Suite struct OptimizerTests {
        /// Settings are rounded to float32 (0.1 has an error of 1.5e-8), and each of six steps rounds several times.
        private let tolerance = Tolerance(absolute: 3e-6, relative: 1e-5)

        @Test(
            "steps of any length agree with the naive references",
            arguments: [1, 2, 7, 8, 15, 16, 17, 33, 1000, 40_001])
        func twins(_ count: Int) throws {
            try sweep(OptimizerCase.all, seed: 61) { item, seed in
                let start = Formula.values(seed: seed, count: count)
                let gradients = (0..<6).map { k in
                    Formula.values(seed: seed &+ 100 &+ UInt64(k), count: count, scale: [1, 0.01, 3, 0.5, 1, 0][k])
                }
                let expected = item.twin(start.doubled, gradients.map(\.doubled))
                for (scale, run) in [(Float(1), KernelRuns.aligned), (0.25, .unaligned)] {
                    try ck_isa.each { isa in
                        let ours = try item.run(start, gradients, gradientScale: scale, run)
                        for k in 0..<6 {
                            try compare("\(isa): step \(k + 1), scale \(scale)", ours[k], expected[k], tolerance)
                        }
                    }
                }
            }
        }

        @Test("a step with a product gradient has the bits of a step with the stored gradient")
        func products() throws {
            let cases = [(1, 1, 1), (3, 17, 7), (5, 100, 13), (2, 3841, 6), (33, 70, 20), (4, 9000, 5)]
                .map { LinearCase(batch: $0, inputs: $1, outputs: $2) }
            try sweep(cases, seed: 64) { item, seed in
                let (n, i, o) = (item.batch, item.inputs, item.outputs)
                let (x, gy) = (Tensor([n, i], item.x(seed)), Tensor([n, o], item.gy(seed)))
                for optimizer in [OptimizerCase.all[2], .all[4], .all[OptimizerCase.all.count - 1]] {
                    try ck_isa.each { isa in
                        let gw = Tensor([o, i])
                        try Kernels.linearBackwardWeight(gw, nil, gy: gy, x)
                        func weights(_ gradient: StepGradient) throws -> [Float] {
                            let w = KernelRuns.aligned.output([o, i])
                            w.tensor.copy(from: Tensor([o, i], item.w(seed)))
                            let (first, second) = (Tensor([o, i]), Tensor([o, i]))
                            for step in 1...3 {
                                try optimizer.step(w.tensor, first, second, gradient, 0.5, step)
                            }
                            return try w.values("w") + first.values + second.values
                        }
                        try compareBits("\(isa), \(optimizer)", weights(.product(gy: gy, x: x)), weights(.stored(gw)))
                    }
                }
            }
        }

        @Test("step 1 initializes the velocity with the gradient, whatever it contained")
        func firstStep() throws {
            let velocity = Tensor([3], [7, -7, .nan])
            let parameters = Tensor([3], [1, 2, 3])
            try Kernels.sgdStep(
                parameters, velocity: velocity, .stored(Tensor([3], [4, 2, 8])), step: 1, learningRate: 0.5,
                momentum: 0.5, dampening: 0.5)
            #expect(velocity.values == [4, 2, 8])
            #expect(parameters.values == [-1, 1, -1])
            try Kernels.sgdStep(
                parameters, velocity: velocity, .stored(Tensor([3], [4, 4, 4])), step: 2, learningRate: 0.5,
                momentum: 0.5, dampening: 0.5)
            #expect(velocity.values == [4, 3, 6])
        }

        @Test("the bias correction of Adam is accurate up to a million steps")
        func lateStep() throws {
            for step in [1000, 1_000_000] {
                let (parameters, first, second) = (Tensor([1], [1]), Tensor([1], [0.5]), Tensor([1], [0.25]))
                try Kernels.adamStep(
                    parameters, firstMoment: first, secondMoment: second, .stored(Tensor([1], [0.5])), step: step,
                    learningRate: 0.01)
                let correction = step == 1000 ? (1 - 0.36769542).squareRoot() : 1
                try compare("parameter", parameters.values, [1 - 0.01 * correction], Tolerance(absolute: 2e-7))
            }
        }

        @Test("the gradient scale does not apply to the decay")
        func decayIsNotClipped() throws {
            let parameters = Tensor([1], [2])
            try Kernels.sgdStep(
                parameters, velocity: nil, .stored(Tensor([1], [8])), gradientScale: 0.25, step: 1,
                learningRate: 0.5, weightDecay: 0.5)
            #expect(parameters.values == [0.5])
        }

        @Test("golden cases of six steps")
        func golden() throws {
            let cases = try Golden().cases(of: "optimizer", atLeast: 10)
            // The kernels have no AMSGrad.
            try sweep(cases.filter { try !$0.settings("params").bool("amsgrad", or: false) }) { item, _ in
                let settings = try item.settings("params")
                let rate = settings.double("lr", or: .nan)
                let kind = try item.string("optimizer")
                let decay = settings.double("weight_decay", or: kind == "AdamW" ? 1e-2 : 0)
                let betas = settings.doubles("betas") ?? [0.9, 0.999]
                let optimizer: OptimizerCase
                switch kind {
                case "SGD":
                    optimizer = .sgd(
                        Naive.SGD(
                            learningRate: rate, momentum: settings.double("momentum", or: 0),
                            dampening: settings.double("dampening", or: 0), weightDecay: decay,
                            nesterov: settings.bool("nesterov", or: false)))
                case "Adam", "AdamW":
                    optimizer = .adam(
                        Naive.Adam(
                            learningRate: rate, beta1: betas[0], beta2: betas[1],
                            epsilon: settings.double("eps", or: 1e-8), weightDecay: decay,
                            decoupledDecay: kind == "AdamW"))
                case let other: throw GoldenError("unknown optimizer \(other)")
                }
                let steps = try item.int("steps")
                for key in ["p", "q"] {
                    let start = try item.floats("\(key)0", of: "inputs")
                    let gradients = try (0..<steps).map { try item.floats("g\(key)\($0)", of: "inputs") }
                    let expected = try item.doubles(tensor: key)
                    let ours = try optimizer.run(start, gradients)
                    try compare(key, ours.flatMap { $0 }, expected, tolerance)
                    let twin = optimizer.twin(start.doubled, gradients.map(\.doubled))
                    try compare("reference \(key)", twin.flatMap { $0 }, expected, Tolerance(absolute: 1e-12))
                }
            }
        }

        @Test("golden cases of gradient clipping by the total norm")
        func goldenClip() throws {
            try sweep(try Golden().cases(of: "clip_grad_norm", atLeast: 4)) { item, _ in
                var gradients: [Float] = []
                var expected: [Double] = []
                for key in ["a", "b", "c"] {
                    gradients += try item.floats("g\(key)")
                    expected += try item.doubles(tensor: key)
                }
                let flat = Tensor([gradients.count], gradients)
                let norm = try Kernels.squaredNorm(flat).squareRoot()
                try compare("norm", [norm], item.doubles(tensor: "norm"), Tolerance(absolute: 0, relative: 1e-12))
                let scale = Float(min(1, try item.double("max_norm") / (norm + 1e-6)))
                // A step of SGD with rate 1 from 0 gives the negative scaled gradient.
                let clipped = Tensor([gradients.count])
                try Kernels.sgdStep(
                    clipped, velocity: nil, .stored(flat), gradientScale: scale, step: 1, learningRate: 1)
                try compare("gradients", clipped.values.map { -$0 }, expected, Tolerance(absolute: 0, relative: 3e-7))
            }
        }
    }
}
