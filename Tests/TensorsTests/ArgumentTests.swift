import CKernels
import Testing

extension KernelTests {
    /// Argument validation that the Swift wrappers cannot trigger: null pointers, small scratch, dimensions, parameters.
    @Suite struct ArgumentTests {
        typealias Pointers = [UnsafeMutablePointer<Float>?]

        /// Calls `kernel` with all pointers, then with each of the `count` pointers null in turn.
        func checkNulls(
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

        func checkDimensions<D>(
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

        let conv = ck_conv2d(
            n: 1, c: 2, h: 4, w: 5, k: 2, r: 3, s: 3, stride_h: 1, stride_w: 1, pad_h: 1, pad_w: 1)
        let pool = ck_pool2d(n: 1, c: 2, h: 4, w: 5, r: 2, s: 2, stride_h: 2, stride_w: 2, pad_h: 0, pad_w: 0)

        func withFloats<R>(_ count: Int, _ body: (UnsafeMutablePointer<Float>) throws -> R) rethrows -> R {
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count)
            pointer.initialize(repeating: 0.5, count: count)
            defer { pointer.deallocate() }
            return try body(pointer)
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

        @Test("addition and global pooling: null pointers and dimensions")
        func addAndGlobalPool() {
            checkNulls("add", 3) { ck_add($0[0], $0[1], $0[2], 100, true) }
            for maximum in [true, false] {
                checkNulls("forward", 2) { ck_global_pool_forward($0[0], $0[1], 2, 2, 3, maximum) }
                checkNulls("backward", 3) { ck_global_pool_backward($0[0], $0[1], $0[2], 2, 2, 3, maximum) }
            }
            withFloats(64) { m in
                #expect(ck_add(m, m, m, 0, false) == .ok)
                #expect(ck_add(m, m, m, -1, false) == .badDimension)
                for (n, c, plane) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1), (1, -1, 1), (1, 1, -1)]
                    as [(Int64, Int64, Int64)]
                {
                    #expect(ck_global_pool_forward(m, m + 32, n, c, plane, true) == .badDimension)
                    #expect(ck_global_pool_backward(m, m + 16, m + 32, n, c, plane, true) == .badDimension)
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
                let table = [Float](repeating: 0, count: 768)
                #expect(ck_stain_density(m, bytes, offsets, table, &d) == .ok)
                #expect(ck_stain_density(nil, bytes, offsets, table, &d) == .nullPointer)
                #expect(ck_stain_density(m, nil, offsets, table, &d) == .nullPointer)
                #expect(ck_stain_density(m, bytes, nil, table, &d) == .nullPointer)
                #expect(ck_stain_density(m, bytes, offsets, nil, &d) == .nullPointer)
                #expect(ck_stain_density(m, bytes, offsets, table, nil) == .nullPointer)
                for change in [{ $0.n = 0 }, { $0.h = 0 }, { $0.w = 0 }, { $0.row_stride = 3 * $0.w - 1 }]
                    as [(inout ck_windows) -> Void]
                {
                    var wrong = d
                    change(&wrong)
                    #expect(ck_stain_density(m, bytes, offsets, table, &wrong) == .badDimension)
                }
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
