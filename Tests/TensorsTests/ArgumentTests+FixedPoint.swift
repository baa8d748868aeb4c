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
}
