import CKernels
import Testing

extension KernelTests {
    /// The contract of C that the Swift wrappers cannot break: null pointers, small scratch, dimensions, parameters.
    @Suite struct ArgumentTests {
        private typealias Pointers = [UnsafeMutablePointer<Float>?]

        /// Calls `kernel` with all pointers, then with each of `count` of them null in turn.
        private func checkNulls(
            _ name: String, _ count: Int, optional: Set<Int> = [], _ kernel: (Pointers) -> ck_status
        ) {
            withFloats(256 * count) { memory in
                let all: Pointers = (0..<count).map { memory + 256 * $0 }
                #expect(kernel(all) == .ok, "\(name) with all pointers")
                for index in 0..<count {
                    var pointers = all
                    pointers[index] = nil
                    let expected: ck_status = optional.contains(index) ? .ok : .nullPointer
                    #expect(kernel(pointers) == expected, "\(name) with pointer \(index) null")
                }
            }
        }

        private func checkDimensions<D>(
            _ name: String, _ valid: D, zeroOrNegative: [WritableKeyPath<D, Int64>],
            negative: [WritableKeyPath<D, Int64>] = [], _ kernel: (inout D) -> ck_status
        ) {
            var d = valid
            #expect(kernel(&d) == .ok, "\(name) of valid dimensions")
            let wrong = zeroOrNegative.map { ($0, Int64(0)) } + (zeroOrNegative + negative).map { ($0, Int64(-1)) }
            for (path, value) in wrong {
                d = valid
                d[keyPath: path] = value
                #expect(kernel(&d) == .badDimension, "\(name) with \(path) = \(value)")
            }
        }

        private let conv = ck_conv2d(
            n: 1, c: 2, h: 4, w: 5, k: 2, r: 3, s: 3, stride_h: 1, stride_w: 1, pad_h: 1, pad_w: 1)
        private let pool = ck_pool2d(n: 1, c: 2, h: 4, w: 5, r: 2, s: 2, stride_h: 2, stride_w: 2)

        private func withFloats<R>(_ count: Int, _ body: (UnsafeMutablePointer<Float>) throws -> R) rethrows -> R {
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count)
            pointer.initialize(repeating: 0.5, count: count)
            defer { pointer.deallocate() }
            return try body(pointer)
        }

        @Test("convolution: which algorithm is chosen")
        func convolutionChoice() {
            var (d, chosen) = (conv, ck_conv2d_algorithm.any)
            for pass in [ck_conv2d_pass.forward, .backwardData, .backwardWeight] {
                for algorithm in [ck_conv2d_algorithm.im2col, .direct, .winograd] {
                    ck_conv2d_set_choice(algorithm, .any)
                    defer { ck_conv2d_set_choice(.any, .any) }
                    #expect(ck_conv2d_chosen(&chosen, &d, pass) == .ok && chosen == algorithm, "\(pass)")
                }
                #expect(ck_conv2d_chosen(&chosen, &d, pass) == .ok && chosen != .any)
            }
            #expect(ck_conv2d_chosen(nil, &d, .forward) == .nullPointer)
            #expect(ck_conv2d_chosen(&chosen, nil, .forward) == .nullPointer)
            let pass = ck_conv2d_pass(rawValue: 3)!
            #expect(ck_conv2d_chosen(&chosen, &d, pass) == .badParameter)
            d.k = 0
            #expect(ck_conv2d_chosen(&chosen, &d, .forward) == .badDimension)
            let names = (0..<4).map { String(cString: ck_conv2d_algorithm_name(ck_conv2d_algorithm(rawValue: $0)!)) }
            #expect(names == ["any", "im2col", "direct", "winograd"])
            #expect(ck_conv2d_algorithm_name(ck_conv2d_algorithm(rawValue: 4)!) == nil)
        }

        @Test("convolution: null pointers")
        func convolutionNulls() {
            var d = conv
            let needed = ck_conv2d_scratch(&d, nil)
            withFloats(max(1, needed)) { scratch in
                let (output, taps) = (40, 36)
                withFloats(output) { a in
                    withFloats(output) { b in
                        withFloats(taps) { w in
                            #expect(ck_conv2d_forward(a, b, w, nil, &d, nil, scratch, needed) == .ok)
                            #expect(ck_conv2d_forward(nil, b, w, w, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_forward(a, nil, w, w, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_forward(a, b, nil, w, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_forward(a, b, w, w, nil, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_backward_data(a, b, w, &d, nil, scratch, needed) == .ok)
                            #expect(ck_conv2d_backward_data(nil, b, w, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_backward_data(a, nil, w, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_backward_data(a, b, nil, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_backward_data(a, b, w, nil, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_backward_weight(w, nil, a, b, &d, nil, scratch, needed) == .ok)
                            #expect(ck_conv2d_backward_weight(nil, nil, a, b, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_backward_weight(w, nil, nil, b, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_backward_weight(w, nil, a, nil, &d, nil, scratch, needed) == .nullPointer)
                            #expect(ck_conv2d_backward_weight(w, nil, a, b, nil, nil, scratch, needed) == .nullPointer)
                            if needed > 0 {
                                #expect(ck_conv2d_forward(a, b, w, nil, &d, nil, nil, needed) == .nullPointer)
                                #expect(ck_conv2d_backward_data(a, b, w, &d, nil, nil, needed) == .nullPointer)
                                #expect(ck_conv2d_backward_weight(w, nil, a, b, &d, nil, nil, needed) == .nullPointer)
                            }
                        }
                    }
                }
            }
            var (oh, ow) = (Int64(0), Int64(0))
            #expect(ck_conv2d_output_size(nil, &ow, &d) == .nullPointer)
            #expect(ck_conv2d_output_size(&oh, nil, &d) == .nullPointer)
            #expect(ck_conv2d_output_size(&oh, &ow, nil) == .nullPointer)
            #expect(ck_conv2d_output_size(&oh, &ow, &d) == .ok && oh == 4 && ow == 5)
        }

        @Test("convolution: one float of scratch too few is refused, for large and small shapes")
        func convolutionScratch() {
            for side: Int64 in [4, 40] {
                var d = conv
                (d.h, d.w) = (side, side)
                let needed = ck_conv2d_scratch(&d, nil)
                guard needed > 0 else { continue }
                let count = Int(2 * side * side)
                withFloats(needed) { scratch in
                    withFloats(count) { a in
                        withFloats(count) { b in
                            withFloats(36) { w in
                                let few = needed - 1
                                #expect(ck_conv2d_forward(a, b, w, nil, &d, nil, scratch, few) == .scratchTooSmall)
                                #expect(ck_conv2d_backward_data(a, b, w, &d, nil, scratch, few) == .scratchTooSmall)
                                #expect(
                                    ck_conv2d_backward_weight(w, nil, a, b, &d, nil, scratch, few) == .scratchTooSmall)
                                #expect(ck_conv2d_forward(a, b, w, nil, &d, nil, scratch, 0) == .scratchTooSmall)
                            }
                        }
                    }
                }
            }
        }

        @Test("convolution: dimensions")
        func convolutionDimensions() {
            let paths: [WritableKeyPath<ck_conv2d, Int64>] = [
                \.c, \.h, \.w, \.k, \.r, \.s, \.stride_h, \.stride_w,
            ]
            let negative: [WritableKeyPath<ck_conv2d, Int64>] = [\.n, \.pad_h, \.pad_w]
            var (oh, ow) = (Int64(0), Int64(0))
            checkDimensions("output size", conv, zeroOrNegative: paths, negative: negative) {
                ck_conv2d_output_size(&oh, &ow, &$0)
            }
            let needed = withUnsafePointer(to: conv) { ck_conv2d_scratch($0, nil) }
            withFloats(1536 + needed) { m in
                let s = m + 1536
                checkDimensions("forward", conv, zeroOrNegative: paths, negative: negative) {
                    ck_conv2d_forward(m, m + 512, m + 1024, nil, &$0, nil, s, needed)
                }
                checkDimensions("backward data", conv, zeroOrNegative: paths, negative: negative) {
                    ck_conv2d_backward_data(m, m + 512, m + 1024, &$0, nil, s, needed)
                }
                checkDimensions("backward weight", conv, zeroOrNegative: paths, negative: negative) {
                    ck_conv2d_backward_weight(m, nil, m + 512, m + 1024, &$0, nil, s, needed)
                }
            }
            for path in paths + negative {
                var d = conv
                d[keyPath: path] = -1
                #expect(ck_conv2d_scratch(&d, nil) == 0, "scratch with \(path) = -1")
            }
            var tooLarge = conv
            tooLarge.r = 7
            #expect(ck_conv2d_output_size(&oh, &ow, &tooLarge) == .badDimension)
            tooLarge = conv
            tooLarge.s = 8
            #expect(ck_conv2d_output_size(&oh, &ow, &tooLarge) == .badDimension)
            let refused = withFloats(1536 + needed) {
                ck_conv2d_forward($0, $0 + 512, $0 + 1024, nil, &tooLarge, nil, $0 + 1536, needed)
            }
            #expect(refused == .badDimension)
        }

        @Test("pooling: null pointers and dimensions")
        func pooling() {
            var d = pool
            checkNulls("average forward", 2) { ck_avg_pool2d_forward($0[0], $0[1], &d) }
            withFloats(2048) { m in
                #expect(ck_avg_pool2d_backward(nil, m, &d) == .nullPointer)
                #expect(ck_avg_pool2d_backward(m, nil, &d) == .nullPointer)
                #expect(ck_avg_pool2d_backward(m, m + 512, nil) == .nullPointer)
                #expect(ck_avg_pool2d_forward(m, m + 512, nil) == .nullPointer)
                #expect(ck_max_pool2d_forward(nil, m, &d) == .nullPointer)
                #expect(ck_max_pool2d_forward(m, nil, &d) == .nullPointer)
                #expect(ck_max_pool2d_forward(m, m + 512, nil) == .nullPointer)
                #expect(ck_max_pool2d_backward(nil, m, m, &d) == .nullPointer)
                #expect(ck_max_pool2d_backward(m, nil, m + 512, &d) == .nullPointer)
                #expect(ck_max_pool2d_backward(m, m + 512, nil, &d) == .nullPointer)
                #expect(ck_max_pool2d_backward(m, m + 512, m + 1024, nil) == .nullPointer)
                let paths: [WritableKeyPath<ck_pool2d, Int64>] = [
                    \.c, \.h, \.w, \.r, \.s, \.stride_h, \.stride_w,
                ]
                var (oh, ow) = (Int64(0), Int64(0))
                checkDimensions("output size", pool, zeroOrNegative: paths, negative: [\.n]) {
                    ck_pool2d_output_size(&oh, &ow, &$0)
                }
                checkDimensions("average forward", pool, zeroOrNegative: paths, negative: [\.n]) {
                    ck_avg_pool2d_forward(m, m + 512, &$0)
                }
                checkDimensions("average backward", pool, zeroOrNegative: paths, negative: [\.n]) {
                    ck_avg_pool2d_backward(m, m + 512, &$0)
                }
                checkDimensions("max forward", pool, zeroOrNegative: paths, negative: [\.n]) {
                    ck_max_pool2d_forward(m, m + 512, &$0)
                }
                checkDimensions("max backward", pool, zeroOrNegative: paths, negative: [\.n]) {
                    ck_max_pool2d_backward(m, m + 512, m + 1024, &$0)
                }
                for path in [\ck_pool2d.r, \.s] {
                    var tooLarge = pool
                    tooLarge[keyPath: path] = 6
                    #expect(ck_pool2d_output_size(&oh, &ow, &tooLarge) == .badDimension)
                    #expect(ck_avg_pool2d_forward(m, m + 512, &tooLarge) == .badDimension)
                    #expect(ck_max_pool2d_forward(m, m + 512, &tooLarge) == .badDimension)
                }
                #expect(ck_pool2d_output_size(nil, &ow, &d) == .nullPointer)
                #expect(ck_pool2d_output_size(&oh, nil, &d) == .nullPointer)
                #expect(ck_pool2d_output_size(&oh, &ow, nil) == .nullPointer)
            }
        }

        @Test("dense layer: null pointers, dimensions and scratch")
        func linear() {
            let needed = ck_linear_scratch(2, 3, 4)
            withFloats(needed + 1) { s in
                checkNulls("forward", 4, optional: [3]) {
                    ck_linear_forward($0[0], $0[1], $0[2], $0[3], 2, 3, 4, s, needed)
                }
                withFloats(2048) { m in
                    if needed > 0 {
                        #expect(
                            ck_linear_forward(m, m + 512, m + 1024, nil, 2, 3, 4, s, needed - 1) == .scratchTooSmall)
                        #expect(ck_linear_forward(m, m + 512, m + 1024, nil, 2, 3, 4, nil, needed) == .nullPointer)
                    }
                    for (n, i, o) in [(-1, 3, 4), (2, -1, 4), (2, 3, -1), (2, 0, 4), (2, 3, 0)]
                        as [(Int64, Int64, Int64)]
                    {
                        #expect(
                            ck_linear_forward(m, m + 512, m + 1024, nil, n, i, o, s, needed) == .badDimension,
                            "N\(n) I\(i) O\(o)")
                        #expect(ck_linear_backward_data(m, m + 512, m + 1024, n, i, o) == .badDimension)
                        #expect(ck_linear_backward_weight(m, nil, m + 512, m + 1024, n, i, o) == .badDimension)
                    }
                    #expect(ck_linear_backward_data(m, m + 512, m + 1024, 2, 3, 4) == .ok)
                    #expect(ck_linear_backward_data(nil, m, m, 2, 3, 4) == .nullPointer)
                    #expect(ck_linear_backward_data(m, nil, m + 512, 2, 3, 4) == .nullPointer)
                    #expect(ck_linear_backward_data(m, m + 512, nil, 2, 3, 4) == .nullPointer)
                    #expect(ck_linear_backward_weight(m, nil, m + 512, m + 1024, 2, 3, 4) == .ok)
                    #expect(ck_linear_backward_weight(nil, nil, m, m, 2, 3, 4) == .nullPointer)
                    #expect(ck_linear_backward_weight(m, nil, nil, m + 512, 2, 3, 4) == .nullPointer)
                    #expect(ck_linear_backward_weight(m, nil, m + 512, nil, 2, 3, 4) == .nullPointer)
                    #expect(ck_linear_backward_weight(nil, m, m + 512, m + 1024, 2, 3, 4) == .ok)
                    var norm2 = 0.0
                    let room = ck_linear_scratch(2, 3, 2)
                    #expect(ck_linear_squared_norm(&norm2, m, m + 512, 2, 3, 4, s, room) == .ok)
                    #expect(ck_linear_squared_norm(nil, m, m + 512, 2, 3, 4, s, room) == .nullPointer)
                    #expect(ck_linear_squared_norm(&norm2, nil, m + 512, 2, 3, 4, s, room) == .nullPointer)
                    #expect(ck_linear_squared_norm(&norm2, m, nil, 2, 3, 4, s, room) == .nullPointer)
                    #expect(ck_linear_squared_norm(&norm2, m, m + 512, 2, 3, 4, s, room - 1) == .scratchTooSmall)
                    #expect(ck_linear_squared_norm(&norm2, m, m + 512, 0, 3, 4, s, room) == .badDimension)
                }
            }
        }

        @Test("elementwise: null pointers, counts and parameters")
        func elementwise() {
            withFloats(2048) { m in
                #expect(ck_relu_forward(m, m, 8) == .ok)
                #expect(ck_relu_forward(nil, m, 8) == .nullPointer)
                #expect(ck_relu_forward(m, nil, 8) == .nullPointer)
                #expect(ck_relu_forward(m, m, -1) == .badDimension)
                #expect(ck_relu_backward(nil, m, m, 8) == .nullPointer)
                #expect(ck_relu_backward(m, nil, m, 8) == .nullPointer)
                #expect(ck_relu_backward(m, m, nil, 8) == .nullPointer)
                #expect(ck_relu_backward(m, m, m, -1) == .badDimension)
                #expect(ck_dropout(nil, m, 8, 0.5, 1) == .nullPointer)
                #expect(ck_dropout(m, nil, 8, 0.5, 1) == .nullPointer)
                #expect(ck_dropout(m, m, -1, 0.5, 1) == .badDimension)
                for p: Float in [.nan, -0.1, 1, 1.5, .infinity, -.infinity] {
                    #expect(ck_dropout(m, m, 8, p, 1) == .badParameter, "p = \(p)")
                }
                #expect(ck_dropout(m, m, 8, 1 - .ulpOfOne, 1) == .ok)
                #expect(ck_random_uniform(nil, 8, 0, 1, 1) == .nullPointer)
                #expect(ck_random_uniform(m, -1, 0, 1, 1) == .badDimension)
                for (low, high) in [(.nan, 1), (0, .nan), (1, 0), (0, .infinity), (-.infinity, 0)] as [(Float, Float)] {
                    #expect(ck_random_uniform(m, 8, low, high, 1) == .badParameter, "[\(low), \(high))")
                }
                #expect(ck_scale(nil, 2, 8) == .nullPointer)
                #expect(ck_scale(m, 2, -1) == .badDimension)
            }
        }

        @Test("squared norm: null pointers, count and scratch")
        func squaredNorm() {
            withFloats(200_000) { m in
                for count: Int64 in [8, 200_000] {
                    let needed = ck_squared_norm_scratch(count)
                    var scratch = [Double](repeating: .nan, count: max(1, needed))
                    var norm = 0.0
                    #expect(ck_squared_norm(&norm, m, count, &scratch, needed) == .ok)
                    #expect(norm == Double(count) / 4)
                    #expect(ck_squared_norm(nil, m, count, &scratch, needed) == .nullPointer)
                    #expect(ck_squared_norm(&norm, nil, count, &scratch, needed) == .nullPointer)
                    #expect(ck_squared_norm(&norm, m, -1, &scratch, needed) == .badDimension)
                    if needed > 0 {
                        #expect(ck_squared_norm(&norm, m, count, &scratch, needed - 1) == .scratchTooSmall)
                        #expect(ck_squared_norm(&norm, m, count, nil, needed) == .nullPointer)
                    }
                }
            }
        }

        @Test("softmax and loss: null pointers, dimensions, targets and parameters")
        func loss() {
            withFloats(2048) { m in
                let targets: [Int32] = [0, 1, 2, 0]
                var loss = 0.0
                #expect(ck_softmax(m, m, 4, 3) == .ok)
                #expect(ck_softmax(nil, m, 4, 3) == .nullPointer)
                #expect(ck_softmax(m, nil, 4, 3) == .nullPointer)
                for (n, classes) in [(-1, 3), (4, -1), (4, 0)] as [(Int64, Int64)] {
                    #expect(ck_softmax(m, m, n, classes) == .badDimension)
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

        @Test("SGD: Nesterov's momentum needs momentum and no dampening, as PyTorch demands")
        func nesterov() {
            withFloats(2048) { m in
                for (momentum, dampening) in [(0, 0), (0.9, 0.1)] as [(Float, Float)] {
                    var wrong = ck_sgd(
                        learning_rate: 0.1, momentum: momentum, dampening: dampening, weight_decay: 0, nesterov: true)
                    #expect(ck_sgd_step(m, m + 512, m + 1024, 8, 1, 1, &wrong) == .badParameter)
                }
            }
        }

        @Test("batch normalisation: null pointers, dimensions and parameters")
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
            withFloats(64) { m in
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
                for (name, kernel) in [("inference", inference), ("backward", backward)] {
                    checkDimensions(name, valid, zeroOrNegative: [\.n, \.c, \.plane], kernel)
                }
                checkDimensions("training", valid, zeroOrNegative: [\.n, \.c, \.plane]) { training(&$0) }
                for epsilon: Float in [0, -1, .nan, .infinity] {
                    d = valid
                    d.epsilon = epsilon
                    #expect(training(&d) == .badParameter, "epsilon \(epsilon)")
                    #expect(inference(&d) == .badParameter, "epsilon \(epsilon)")
                    #expect(backward(&d) == .badParameter, "epsilon \(epsilon)")
                }
                d = valid
                for momentum: Float in [-0.1, 1.1, .nan] {
                    #expect(training(&d, momentum: momentum) == .badParameter, "momentum \(momentum)")
                }
                for momentum: Float in [0, 1] { #expect(training(&d, momentum: momentum) == .ok) }
            }
        }

        @Test("addition and global pooling: null pointers and dimensions")
        func addAndGlobalPool() {
            checkNulls("add", 3) { ck_add($0[0], $0[1], $0[2], 100, true) }
            checkNulls("forward", 2) { ck_global_pool_forward($0[0], $0[1], 2, 2, 3) }
            checkNulls("backward", 3) { ck_global_pool_backward($0[0], $0[1], $0[2], 2, 2, 3) }
            withFloats(64) { m in
                #expect(ck_add(m, m, m, 0, false) == .ok)
                #expect(ck_add(m, m, m, -1, false) == .badDimension)
                for (n, c, plane) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1), (1, -1, 1), (1, 1, -1)]
                    as [(Int64, Int64, Int64)]
                {
                    #expect(ck_global_pool_forward(m, m + 32, n, c, plane) == .badDimension)
                    #expect(ck_global_pool_backward(m, m + 16, m + 32, n, c, plane) == .badDimension)
                }
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

        @Test("images: null pointers and dimensions")
        func images() {
            let bytes = [UInt8](repeating: 1, count: 100)
            let offsets: [Int64] = [0, 10]
            let (mean, deviation): ([Float], [Float]) = ([1, 2, 3], [4, 5, 6])
            let valid = ck_windows(n: 2, h: 2, w: 3, row_stride: 12)
            var d = valid
            var counts = [UInt64](repeating: 0, count: 768)
            withFloats(64) { m in
                #expect(ck_normalize_windows(m, bytes, offsets, mean, deviation, &d) == .ok)
                #expect(ck_normalize_windows(nil, bytes, offsets, mean, deviation, &d) == .nullPointer)
                #expect(ck_normalize_windows(m, nil, offsets, mean, deviation, &d) == .nullPointer)
                #expect(ck_normalize_windows(m, bytes, nil, mean, deviation, &d) == .nullPointer)
                #expect(ck_normalize_windows(m, bytes, offsets, nil, deviation, &d) == .nullPointer)
                #expect(ck_normalize_windows(m, bytes, offsets, mean, nil, &d) == .nullPointer)
                #expect(ck_normalize_windows(m, bytes, offsets, mean, deviation, nil) == .nullPointer)
                checkDimensions("normalize", valid, zeroOrNegative: [\.h, \.w], negative: [\.n]) {
                    ck_normalize_windows(m, bytes, offsets, mean, deviation, &$0)
                }
            }
            #expect(ck_channel_histograms(nil, bytes, offsets, &d) == .nullPointer)
            #expect(ck_channel_histograms(&counts, nil, offsets, &d) == .nullPointer)
            #expect(ck_channel_histograms(&counts, bytes, nil, &d) == .nullPointer)
            #expect(ck_channel_histograms(&counts, bytes, offsets, nil) == .nullPointer)
            checkDimensions("histograms", valid, zeroOrNegative: [\.h, \.w], negative: [\.n]) {
                ck_channel_histograms(&counts, bytes, offsets, &$0)
            }
        }
    }
}
