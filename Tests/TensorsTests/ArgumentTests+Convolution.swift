import CKernels
import Testing

extension KernelTests.ArgumentTests {
    @Test("convolution: which algorithm is chosen")
    func convolutionChoice() {
        var (d, chosen) = (conv, ck_conv2d_algorithm.any)
        for pass in [ck_conv2d_pass.forward, .backwardData, .backwardWeight] {
            for algorithm in [ck_conv2d_algorithm.im2col, .direct, .winograd] {
                ck_conv2d_set_algorithm(algorithm, .any)
                defer { ck_conv2d_set_algorithm(.any, .any) }
                #expect(ck_conv2d_chosen_algorithm(&chosen, &d, pass) == .ok && chosen == algorithm, "\(pass)")
            }
            #expect(ck_conv2d_chosen_algorithm(&chosen, &d, pass) == .ok && chosen != .any)
        }
        #expect(ck_conv2d_chosen_algorithm(nil, &d, .forward) == .nullPointer)
        #expect(ck_conv2d_chosen_algorithm(&chosen, nil, .forward) == .nullPointer)
        let pass = ck_conv2d_pass(rawValue: 3)!
        #expect(ck_conv2d_chosen_algorithm(&chosen, &d, pass) == .badParameter)
        d.k = 0
        #expect(ck_conv2d_chosen_algorithm(&chosen, &d, .forward) == .badDimension)
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
        let most = Int64(Int32.max)
        let changes: [(inout ck_conv2d) -> Void] = [
            { ($0.c, $0.r, $0.s, $0.h, $0.w) = (most, most, most, most, most) },
            { ($0.r, $0.s, $0.h, $0.w, $0.pad_h, $0.pad_w) = (1, 1, most, most, 1_000_000_000, 1_000_000_000) },
            { ($0.n, $0.k, $0.r, $0.s, $0.h, $0.w) = (most, most, 1, 1, 1 << 15, 1 << 15) },
            { ($0.n, $0.c, $0.r, $0.s, $0.h, $0.w) = (most, most, 1, 1, 1 << 20, 1 << 20) },
        ]
        for change in changes {
            var huge = conv
            change(&huge)
            #expect(ck_conv2d_output_size(&oh, &ow, &huge) == .badDimension, "\(huge)")
            #expect(ck_conv2d_scratch(&huge, nil) == 0 && ck_conv2d_relu_mask_bytes(&huge) == 0)
        }
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
            // Padding is not negative, and smaller than the window.
            for (path, padding) in [(\ck_pool2d.pad_h, -1), (\.pad_h, 2), (\.pad_w, -1), (\.pad_w, 2)]
                as [(WritableKeyPath<ck_pool2d, Int64>, Int64)]
            {
                var wrong = pool
                wrong[keyPath: path] = padding
                #expect(ck_pool2d_output_size(&oh, &ow, &wrong) == .badDimension)
                #expect(ck_max_pool2d_forward(m, m + 512, &wrong) == .badDimension)
                #expect(ck_max_pool2d_backward(m, m + 512, m + 1024, &wrong) == .badDimension)
                wrong[keyPath: path] = 1
                #expect(ck_max_pool2d_forward(m, m + 512, &wrong) == .ok)
                #expect(ck_avg_pool2d_forward(m, m + 512, &wrong) == .badParameter)
                #expect(ck_avg_pool2d_backward(m, m + 512, &wrong) == .badParameter)
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
}
