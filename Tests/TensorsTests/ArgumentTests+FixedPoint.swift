import CKernels
import Testing

extension KernelTests.ArgumentTests {
    @Test("fixed point: null pointers, dimensions, scales, weights and scratch")
    func fixedPoint() {
        let valid = ck_fixed_conv2d(
            n: 1, c: 2, h: 4, w: 5, k: 3, kernel: 3, stride: 1, column_stride: 1, pad: 1, relu: true,
            max_pooling: false, input_scale: 0.1, output_scale: 0.2, residual_scale: 0)
        var d = valid
        let bytes = ck_fixed_conv2d_packed_bytes(&d), scratchBytes = ck_fixed_conv2d_scratch(&d)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes + scratchBytes + 4096, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes + scratchBytes + 4096)
        let (x, y) = (memory.assumingMemoryBound(to: Int16.self), memory + 1024)
        let (packed, scratch) = (memory + 4096, memory + 4096 + bytes)
        var (w, b) = ([Float](repeating: 0.5, count: 54), [Float](repeating: 1, count: 3))
        #expect(ck_fixed_conv2d_pack(packed, w, b, &d) == .ok)
        #expect(ck_fixed_conv2d_pack(packed, w, nil, &d) == .ok)
        #expect(ck_fixed_conv2d_pack(nil, w, b, &d) == .nullPointer)
        #expect(ck_fixed_conv2d_pack(packed, nil, b, &d) == .nullPointer)
        #expect(ck_fixed_conv2d_pack(packed, w, b, nil) == .nullPointer)
        func forward(_ scratchBytes: Int, residual: UnsafePointer<Int16>? = nil) -> ck_status {
            ck_fixed_conv2d_forward(y, x, residual, packed, &d, scratch, scratchBytes)
        }
        #expect(forward(scratchBytes) == .ok)
        #expect(forward(scratchBytes - 1) == .scratchTooSmall)
        #expect(ck_fixed_conv2d_forward(nil, x, nil, packed, &d, scratch, scratchBytes) == .nullPointer)
        #expect(ck_fixed_conv2d_forward(y, nil, nil, packed, &d, scratch, scratchBytes) == .nullPointer)
        #expect(ck_fixed_conv2d_forward(y, x, nil, nil, &d, scratch, scratchBytes) == .nullPointer)
        #expect(ck_fixed_conv2d_forward(y, x, nil, packed, &d, nil, scratchBytes) == .nullPointer)
        #expect(ck_fixed_conv2d_forward(y, x, nil, packed, nil, scratch, scratchBytes) == .nullPointer)
        let dimensions: [(inout ck_fixed_conv2d) -> Void] = [
            { $0.n = 0 }, { $0.c = 0 }, { $0.h = 0 }, { $0.w = -1 }, { $0.k = 0 }, { $0.kernel = 2 },
            { $0.kernel = 11 }, { $0.stride = 0 }, { $0.column_stride = 0 }, { $0.c = 15_000 }, { $0.h = 1 << 21 },
            { $0.pad = -1 }, { $0.pad = 3 }, { ($0.kernel, $0.pad) = (5, 0) }, { ($0.max_pooling, $0.h) = (true, 1) },
        ]
        for change in dimensions {
            d = valid
            change(&d)
            #expect(forward(scratchBytes) == .badDimension, "\(d)")
            #expect(ck_fixed_conv2d_scratch(&d) == 0)
        }
        for scale in [0, -1, .nan, .infinity] as [Float] {
            d = valid
            d.input_scale = scale
            #expect(forward(scratchBytes) == .badParameter)
            #expect(ck_fixed_conv2d_pack(packed, w, b, &d) == .badParameter)
            #expect(ck_fixed_conv2d_packed_bytes(&d) == 0)
        }
        d = valid
        d.output_scale = -1
        #expect(forward(scratchBytes) == .badParameter)
        d = valid
        #expect(forward(scratchBytes, residual: x + 512) == .badParameter, "no scale")
        d.residual_scale = 0.3
        #expect(forward(scratchBytes) == .nullPointer)
        #expect(forward(scratchBytes, residual: x + 512) == .ok)
        d.max_pooling = true
        #expect(forward(scratchBytes, residual: x + 512) == .badParameter)
        (d.residual_scale, d.output_scale) = (0, 0)
        #expect(forward(scratchBytes) == .badParameter)
        d = valid
        w[7] = .nan
        #expect(ck_fixed_conv2d_pack(packed, w, b, &d) == .badParameter)
        w[7] = 1
        b[2] = .infinity
        #expect(ck_fixed_conv2d_pack(packed, w, b, &d) == .badParameter)

        let (bytesOf, offsets, mean) = ([UInt8](repeating: 1, count: 60), [Int64(0)], [Float](repeating: 9, count: 3))
        var windows = ck_windows(n: 1, h: 4, w: 5, row_stride: 15)
        func normalize(_ deviation: [Float], _ scale: Float) -> ck_status {
            ck_fixed_normalize_windows(x, bytesOf, offsets, mean, deviation, scale, &windows)
        }
        #expect(normalize(mean, 0.1) == .ok)
        #expect(normalize(mean, 0) == .badParameter)
        #expect(normalize(mean, .nan) == .badParameter)
        #expect(normalize([1, 0, 1], 0.1) == .badParameter)
        #expect(ck_fixed_normalize_windows(nil, bytesOf, offsets, mean, mean, 1, &windows) == .nullPointer)
        #expect(ck_fixed_normalize_windows(x, bytesOf, offsets, nil, mean, 1, &windows) == .nullPointer)
        windows.row_stride = 14
        #expect(normalize(mean, 0.1) == .badDimension)
        #expect(ck_fixed_upsample_add(x, x, x + 512, 1, 4, 5) == .ok)
        #expect(ck_fixed_upsample_add(nil, x, x + 512, 1, 4, 5) == .nullPointer)
        #expect(ck_fixed_upsample_add(x, x, x + 512, 0, 4, 5) == .badDimension)
    }

    @Test("dense layers in fixed point: null pointers, dimensions, scales, weights, windows and scratch")
    func fixedPointLinear() {
        let valid = ck_fixed_linear(c: 3, plane: 9, o: 2, input_scale: 0.1)
        var d = valid
        var packed = [Float](repeating: 0, count: ck_fixed_linear_packed_bytes(&d) / 4)
        var scratch = [Float](repeating: 0, count: 1 << 16)
        let bytes = ck_fixed_linear_scratch(1, &d)
        var (w, b) = ([Float](repeating: 0.5, count: 54), [Float](repeating: 1, count: 2))
        var (x, y) = ([Float](repeating: 1, count: 100), [Float](repeating: 0, count: 2))
        #expect(ck_fixed_linear_pack(&packed, w, &d) == .ok)
        #expect(ck_fixed_linear_pack(nil, w, &d) == .nullPointer)
        #expect(ck_fixed_linear_pack(&packed, nil, &d) == .nullPointer)
        #expect(ck_fixed_linear_pack(&packed, w, nil) == .nullPointer)
        func forward(_ scratchBytes: Int, n: Int64 = 1) -> ck_status {
            ck_fixed_linear_forward(&y, x, packed, b, n, &d, &scratch, scratchBytes)
        }
        #expect(forward(bytes) == .ok)
        #expect(ck_fixed_linear_forward(&y, x, packed, nil, 1, &d, &scratch, bytes) == .ok)
        #expect(ck_fixed_linear_forward(nil, x, packed, b, 1, &d, &scratch, bytes) == .nullPointer)
        #expect(ck_fixed_linear_forward(&y, nil, packed, b, 1, &d, &scratch, bytes) == .nullPointer)
        #expect(ck_fixed_linear_forward(&y, x, nil, b, 1, &d, &scratch, bytes) == .nullPointer)
        #expect(ck_fixed_linear_forward(&y, x, packed, b, 1, &d, nil, bytes) == .nullPointer)
        #expect(forward(bytes - 1) == .scratchTooSmall)
        #expect(forward(bytes, n: 0) == .badDimension && ck_fixed_linear_scratch(0, &d) == 0)
        let changes: [((inout ck_fixed_linear) -> Void, ck_status)] = [
            ({ $0.c = 0 }, .badDimension), ({ $0.plane = 0 }, .badDimension), ({ $0.o = -1 }, .badDimension),
            ({ ($0.c, $0.plane) = (1 << 20, 1 << 20) }, .badDimension), ({ $0.input_scale = 0 }, .badParameter),
            ({ $0.input_scale = .nan }, .badParameter),
        ]
        for (change, status) in changes {
            d = valid
            change(&d)
            #expect(forward(bytes) == status && ck_fixed_linear_pack(&packed, w, &d) == status)
            #expect(ck_fixed_linear_packed_bytes(&d) == 0 && ck_fixed_linear_scratch(1, &d) == 0)
        }
        d = valid
        func windows(
            scratchBytes: Int = 1 << 18, hasOutput: Bool = true, isPacked: Bool = true, y row: Int64 = 0,
            x column: Int64 = 0,
            _ change: (inout ck_feature_windows) -> Void = { _ in }
        ) -> ck_status {
            x.withUnsafeMutableBufferPointer { map in
                withUnsafePointer(to: ck_feature_place(y: row, x: column, row: 0, column: 0, corner: 0)) { place in
                    var f = ck_feature_windows()
                    (f.n, f.c, f.h, f.w, f.channels, f.map_h, f.map_w) = (1, 3, 3, 3, 3, 5, 5)
                    (f.map, f.places) = (UnsafePointer(map.baseAddress), place)
                    change(&f)
                    return y.withUnsafeMutableBufferPointer { y in
                        packed.withUnsafeBufferPointer { packed in
                            ck_fixed_linear_windows_forward(
                                hasOutput ? y.baseAddress : nil, &f, isPacked ? packed.baseAddress : nil, b, &d,
                                &scratch, scratchBytes)
                        }
                    }
                }
            }
        }
        #expect(windows() == .ok)
        #expect(windows { $0.map = nil } == .nullPointer)
        #expect(windows(y: 2, x: 2) == .ok)
        for (row, column) in [(3, 0), (0, 3), (-1, 0), (0, -1)] as [(Int64, Int64)] {
            #expect(windows(y: row, x: column) == .badDimension, "a window outside the map")
        }
        #expect(windows { $0.w = 4 } == .badDimension, "another plane")
        #expect(windows { ($0.c, $0.first_channel) = (2, 1) } == .badDimension, "an odd first channel")
        #expect(windows { ($0.c, $0.channels) = (3, 4) } == .badDimension, "other channels")
        #expect(windows { $0.c = 1 } == .badDimension, "half a pair")
        #expect(windows { ($0.c, $0.first_channel) = (1, 2) } == .ok)
        #expect(ck_fixed_linear_windows_forward(&y, nil, packed, b, &d, &scratch, 4) == .nullPointer)
        #expect(windows(scratchBytes: 4) == .scratchTooSmall)
        #expect(windows(hasOutput: false) == .nullPointer && windows(isPacked: false) == .nullPointer)
        for bad in [Float.nan, .infinity] {
            w[53] = bad
            #expect(ck_fixed_linear_pack(&packed, w, &d) == .badParameter)
        }
        b[0] = 0
    }
}
