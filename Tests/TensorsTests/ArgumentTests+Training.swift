import CKernels
import Testing

extension KernelTests.ArgumentTests {
    @Test("distillation: null pointers and dimensions")
    func distillation() {
        withFloats(256) { m in
            let (p, logits) = (m, m + 128)
            var losses = [0.0, 0.0]
            func statuses(_ models: Int64, _ n: Int64, _ classes: Int64, _ plane: Int64) -> [ck_status] {
                var d = ck_distillation(n: n, classes: classes, plane: plane)
                return [
                    ck_mean_softmax(p, logits, models, &d), ck_distillation_forward(&losses, logits, p, &d),
                    ck_distillation_backward(p, p, logits, p, &d),
                ]
            }
            #expect(statuses(2, 2, 3, 4) == [.ok, .ok, .ok])
            #expect(statuses(0, 2, 3, 4) == [.badDimension, .ok, .ok])
            for (n, classes, plane) in [(0, 3, 4), (2, 0, 4), (2, 3, 0), (-2, 3, 4)] as [(Int64, Int64, Int64)] {
                #expect(statuses(1, n, classes, plane) == [.badDimension, .badDimension, .badDimension])
            }
            var d = ck_distillation(n: 2, classes: 3, plane: 4)
            #expect(ck_mean_softmax(nil, logits, 1, &d) == .nullPointer)
            #expect(ck_mean_softmax(p, nil, 1, &d) == .nullPointer)
            #expect(ck_mean_softmax(p, logits, 1, nil) == .nullPointer)
            #expect(ck_distillation_forward(nil, logits, p, &d) == .nullPointer)
            #expect(ck_distillation_forward(&losses, nil, p, &d) == .nullPointer)
            #expect(ck_distillation_forward(&losses, logits, nil, &d) == .nullPointer)
            #expect(ck_distillation_forward(&losses, logits, p, nil) == .nullPointer)
            #expect(ck_distillation_backward(nil, p, logits, p, &d) == .nullPointer)
            #expect(ck_distillation_backward(p, nil, logits, p, &d) == .nullPointer)
            #expect(ck_distillation_backward(p, p, nil, p, &d) == .nullPointer)
            #expect(ck_distillation_backward(p, p, logits, nil, &d) == .nullPointer)
            #expect(ck_distillation_backward(p, p, logits, p, nil) == .nullPointer)
        }
    }

    @Test("loss: null pointers, dimensions, targets and parameters")
    func loss() {
        withFloats(2048) { m in
            let targets: [Int32] = [0, 1, 2, 0]
            var loss = 0.0
            for (n, classes) in [(-1, 3), (4, -1), (4, 0)] as [(Int64, Int64)] {
                #expect(
                    ck_cross_entropy_forward(&loss, nil, m, targets, nil, 0, .mean, n, classes) == .badDimension)
                #expect(
                    ck_cross_entropy_backward(m + 512, m, targets, nil, 0, .mean, n, classes) == .badDimension)
            }
            #expect(ck_cross_entropy_forward(&loss, nil, m, targets, nil, 0, .mean, 4, 3) == .ok)
            #expect(ck_cross_entropy_forward(nil, m + 512, m, targets, nil, 0, .mean, 4, 3) == .nullPointer)
            #expect(ck_cross_entropy_forward(&loss, nil, nil, targets, nil, 0, .mean, 4, 3) == .nullPointer)
            #expect(ck_cross_entropy_forward(&loss, nil, m, nil, nil, 0, .mean, 4, 3) == .nullPointer)
            #expect(ck_cross_entropy_backward(nil, m, targets, nil, 0, .mean, 4, 3) == .nullPointer)
            #expect(ck_cross_entropy_backward(m + 512, nil, targets, nil, 0, .mean, 4, 3) == .nullPointer)
            #expect(ck_cross_entropy_backward(m + 512, m, nil, nil, 0, .mean, 4, 3) == .nullPointer)
            for smoothing: Float in [.nan, -0.1, 1.1, .infinity] {
                #expect(
                    ck_cross_entropy_forward(&loss, nil, m, targets, nil, smoothing, .mean, 4, 3)
                        == .badParameter, "smoothing \(smoothing)")
                #expect(
                    ck_cross_entropy_backward(m + 512, m, targets, nil, smoothing, .mean, 4, 3) == .badParameter)
            }
            for target: Int32 in [3, .max] {
                let wrong = [0, 1, 2, target]
                #expect(ck_cross_entropy_forward(&loss, nil, m, wrong, nil, 0, .sum, 4, 3) == .badTarget)
                #expect(ck_cross_entropy_backward(m + 512, m, wrong, nil, 0, .sum, 4, 3) == .badTarget)
            }
            #expect(ck_cross_entropy_forward(&loss, nil, m, [.min, -1, 0, 1], nil, 0, .sum, 4, 3) == .ok)
        }
    }

    @Test("SGD: null pointers, count, step and settings")
    func sgd() {
        withFloats(2048) { m in
            let valid = ck_sgd(
                learning_rate: 0.1, momentum: 0.9, dampening: 0, weight_decay: 0.01, nesterov: false)
            func step(
                _ settings: ck_sgd, velocity: Bool = true, count: Int64 = 8, scale: Float = 1, step: Int64 = 1
            ) -> ck_status {
                var settings = settings
                return ck_sgd_step(m, velocity ? m + 512 : nil, m + 1024, count, scale, step, &settings)
            }
            var settings = valid
            #expect(step(valid) == .ok)
            #expect(ck_sgd_step(nil, m, m, 8, 1, 1, &settings) == .nullPointer)
            #expect(ck_sgd_step_product(m, m + 64, m + 128, m + 192, 1, 3, 4, 1, 1, &settings) == .ok)
            #expect(ck_sgd_step_product(nil, m + 64, m + 128, m + 192, 1, 3, 4, 1, 1, &settings) == .nullPointer)
            #expect(ck_sgd_step_product(m, m + 64, m + 128, nil, 1, 3, 4, 1, 1, &settings) == .nullPointer)
            #expect(ck_sgd_step_product(m, m + 64, m + 128, m + 192, 1, 3, 4, 1, 0, &settings) == .badParameter)
            #expect(ck_sgd_step_product(m, m + 64, m + 128, m + 192, 1, 0, 4, 1, 1, &settings) == .badDimension)
            #expect(ck_sgd_step(m, m + 512, nil, 8, 1, 1, &settings) == .nullPointer)
            #expect(ck_sgd_step(m, m + 512, m + 1024, 8, 1, 1, nil) == .nullPointer)
            #expect(step(valid, velocity: false) == .nullPointer)
            settings.momentum = 0
            #expect(step(settings, velocity: false) == .ok)
            #expect(step(valid, count: -1) == .badDimension)
            #expect(step(valid, step: 0) == .badParameter)
            #expect(step(valid, step: -1) == .badParameter)
            #expect(step(valid, scale: .nan) == .badParameter)
            for path in [\ck_sgd.learning_rate, \.momentum, \.dampening, \.weight_decay] {
                var wrong = valid
                wrong[keyPath: path] = .nan
                #expect(step(wrong) == .badParameter, "\(path) is NaN")
            }
            for path in [\ck_sgd.learning_rate, \.momentum, \.weight_decay] {
                var wrong = valid
                wrong[keyPath: path] = -0.1
                #expect(step(wrong) == .badParameter, "\(path) is negative")
            }
        }
    }

    @Test("SGD: Nesterov momentum requires momentum and zero dampening, as in PyTorch")
    func nesterov() {
        withFloats(2048) { m in
            for (momentum, dampening) in [(0, 0), (0.9, 0.1)] as [(Float, Float)] {
                var wrong = ck_sgd(
                    learning_rate: 0.1, momentum: momentum, dampening: dampening, weight_decay: 0, nesterov: true)
                #expect(ck_sgd_step(m, m + 512, m + 1024, 8, 1, 1, &wrong) == .badParameter)
            }
        }
    }

    @Test("batch normalization: null pointers, dimensions and parameters")
    func batchNorm() {
        let valid = ck_batch_norm(n: 2, c: 2, plane: 3, epsilon: 1e-5, relu: true)
        var d = valid
        checkNulls("training", 8) {
            ck_batch_norm_forward_training($0[0], $0[1], $0[2], $0[3], $0[4], $0[5], $0[6], $0[7], 0.1, &d)
        }
        checkNulls("inference", 6) {
            ck_batch_norm_forward_inference($0[0], $0[1], $0[2], $0[3], $0[4], $0[5], &d)
        }
        checkNulls("backward", 9, optional: [0]) {
            ck_batch_norm_backward($0[0], $0[1], $0[2], $0[3], $0[4], $0[5], $0[6], $0[7], $0[8], &d)
        }
        checkNulls("backward of inference", 9, optional: [0]) {
            ck_batch_norm_backward_inference($0[0], $0[1], $0[2], $0[3], $0[4], $0[5], $0[6], $0[7], $0[8], &d)
        }
        withFloats(64) { m in
            #expect(
                ck_batch_norm_backward_inference(nil, nil, nil, m, m + 16, m + 32, m + 36, m + 40, m + 44, &d) == .ok)
            func backwardInference(_ d: inout ck_batch_norm) -> ck_status {
                ck_batch_norm_backward_inference(m, m + 16, m + 20, m + 24, m + 36, m + 48, m + 52, m + 56, m + 60, &d)
            }
            func training(_ d: inout ck_batch_norm, momentum: Float = 0.1) -> ck_status {
                ck_batch_norm_forward_training(
                    m, m + 16, m + 20, m + 24, m + 28, m + 32, m + 48, m + 52, momentum, &d)
            }
            func inference(_ d: inout ck_batch_norm) -> ck_status {
                ck_batch_norm_forward_inference(m, m + 16, m + 32, m + 36, m + 40, m + 44, &d)
            }
            func backward(_ d: inout ck_batch_norm) -> ck_status {
                ck_batch_norm_backward(m, m + 16, m + 20, m + 24, m + 36, m + 48, m + 52, m + 56, m + 60, &d)
            }
            let none = nil as UnsafePointer<ck_batch_norm>?
            #expect(ck_batch_norm_forward_training(m, m, m, m, m, m, m, m, 0.1, none) == .nullPointer)
            #expect(ck_batch_norm_forward_inference(m, m, m, m, m, m, none) == .nullPointer)
            #expect(ck_batch_norm_backward(m, m, m, m, m, m, m, m, m, none) == .nullPointer)
            for (name, kernel) in [
                ("inference", inference), ("backward", backward), ("backward of inference", backwardInference),
            ] {
                checkDimensions(name, valid, zeroOrNegative: [\.n, \.c, \.plane], kernel)
            }
            checkDimensions("training", valid, zeroOrNegative: [\.n, \.c, \.plane]) { training(&$0) }
            for epsilon: Float in [0, -1, .nan, .infinity] {
                d = valid
                d.epsilon = epsilon
                #expect(training(&d) == .badParameter, "epsilon \(epsilon)")
                #expect(inference(&d) == .badParameter, "epsilon \(epsilon)")
                #expect(backward(&d) == .badParameter, "epsilon \(epsilon)")
                #expect(backwardInference(&d) == .badParameter, "epsilon \(epsilon)")
            }
            d = valid
            for momentum: Float in [-0.1, 1.1, .nan] {
                #expect(training(&d, momentum: momentum) == .badParameter, "momentum \(momentum)")
            }
            for momentum: Float in [0, 1] { #expect(training(&d, momentum: momentum) == .ok) }
        }
    }

    @Test("Adam: null pointers, count, step and settings")
    func adam() {
        withFloats(4096) { m in
            let valid = ck_adam(
                learning_rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01,
                decoupled_decay: false)
            func step(
                _ settings: ck_adam, missing: Int? = nil, count: Int64 = 8, scale: Float = 1, step: Int64 = 1
            ) -> ck_status {
                var settings = settings
                let p = (0..<4).map { $0 == missing ? nil : m + 512 * $0 }
                return ck_adam_step(p[0], p[1], p[2], p[3], count, scale, step, &settings)
            }
            #expect(step(valid) == .ok)
            for index in 0..<4 { #expect(step(valid, missing: index) == .nullPointer, "pointer \(index)") }
            #expect(ck_adam_step(m, m + 512, m + 1024, m + 1536, 8, 1, 1, nil) == .nullPointer)
            #expect(step(valid, count: -1) == .badDimension)
            #expect(step(valid, step: 0) == .badParameter)
            #expect(step(valid, step: -1) == .badParameter)
            #expect(step(valid, scale: .nan) == .badParameter)
            for path in [\ck_adam.learning_rate, \.beta1, \.beta2, \.epsilon, \.weight_decay] {
                for value: Float in [.nan, -0.1] {
                    var wrong = valid
                    wrong[keyPath: path] = value
                    #expect(step(wrong) == .badParameter, "\(path) is \(value)")
                }
            }
            for path in [\ck_adam.beta1, \.beta2] {
                var wrong = valid
                wrong[keyPath: path] = 1
                #expect(step(wrong) == .badParameter, "\(path) is 1")
            }
        }
    }
}
