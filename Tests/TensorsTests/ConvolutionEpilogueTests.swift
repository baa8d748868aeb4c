import CKernels
import Tensors
import TestSupport
import Testing

/// A convolution with an epilogue.
struct EpilogueCase: CustomStringConvertible {
    var item: ConvolutionCase
    var adds = false

    init(_ geometry: Convolution, batch: Int, relu: Bool, pooling: Convolution.Pooling, adds: Bool = false) {
        var geometry = geometry
        geometry.relu = relu
        geometry.pooling = pooling
        item = ConvolutionCase(geometry: geometry, batch: batch)
        self.adds = adds
    }

    var description: String {
        "\(item)\(adds ? " + residual" : "")\(item.geometry.relu ? " relu" : "") \(item.geometry.pooling)"
    }

    /// The convolution without its epilogue.
    var plain: Convolution {
        var plain = item.geometry
        plain.relu = false
        plain.pooling = .none
        return plain
    }
}

extension KernelTests {
    @Suite struct ConvolutionEpilogueTests {
        /// The same computation with a separate kernel for each step.
        private func stepByStep(_ test: EpilogueCase, _ x: [Float], _ w: [Float], _ residual: [Float]?, gy: [Float])
            throws -> (y: [Float], gx: [Float], gw: [Float], gb: [Float])
        {
            let (run, plain, batch) = (KernelRuns.aligned, test.plain, test.item.batch)
            var sums = try run.convolution(x, w, test.item.bias(1), plain, batch: batch)
            if let residual { sums = try run.add(sums, residual, relu: false) }
            if test.item.geometry.relu { sums = try run.relu(sums) }
            let shape = try plain.unpooledShape()
            let pooling = Pooling(
                channels: shape[0], height: shape[1], width: shape[2], window: (2, 2), stride: (2, 2))
            let kinds: [Convolution.Pooling: KernelRuns.Pool] = [.mean: .average, .maximum: .largest]
            let kind = kinds[test.item.geometry.pooling]
            let y = try kind.map { try run.pool($0, sums, pooling, batch: batch) } ?? sums
            if test.item.geometry.pooling == .maximum { return (y, [], [], []) }
            var gradient = try kind.map { try run.poolBackward($0, gy: gy, sums, pooling, batch: batch) } ?? gy
            if test.item.geometry.relu { gradient = try run.reluBackward(gy: gradient, y: sums) }
            let back = try run.convolutionBackward(gy: gradient, x, w, plain, batch: batch)
            return (y, back.gx, back.gw, back.gb!)
        }

        private func check(_ test: EpilogueCase, seed: UInt64, _ run: KernelRuns) throws {
            let (item, g, batch) = (test.item, test.item.geometry, test.item.batch)
            let (x, w) = (item.x(seed), item.w(seed))
            let residual = test.adds ? Formula.values(seed: seed &+ 99, count: item.outputCount) : nil
            let gy = Formula.values(seed: seed &+ 77, count: try g.outputShape().count * batch)
            try ConvolutionVariant.each { variant in
                let expected = try stepByStep(test, x, w, residual, gy: gy)
                let (y, reluMask) = try run.convolutionWithMask(x, w, item.bias(1), residual: residual, g, batch: batch)
                try compareBits("\(variant): y", y, expected.y)
                if g.pooling == .maximum { return }
                let back = try run.convolutionBackward(
                    gy: gy, y: g.relu && g.pooling == .none ? y : nil, reluMask: reluMask.isEmpty ? nil : reluMask, x,
                    w, g,
                    batch: batch)
                try compareBits("\(variant): gx", back.gx, expected.gx)
                try compareBits("\(variant): gw", back.gw, expected.gw)
                try compareBits("\(variant): gb", back.gb!, expected.gb)
            }
        }

        @Test("fused ReLU, pooling and residuals give the same bits as separate kernels")
        func bits() throws {
            var cases = [EpilogueCase]()
            var number = 0
            for width in [2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 34, 47, 65] {
                for (relu, pooling, adds) in [
                    (true, Convolution.Pooling.mean, false), (true, .none, false), (false, .mean, false),
                    (true, .maximum, false), (true, .none, true), (false, .none, true),
                ] {
                    let n = Formula.bits(9, number)
                    let side = number % 2 == 0 ? 3 : 5
                    number += 1
                    let geometry = Convolution(
                        channels: 1 + Int(n % 7), height: 2 + Int(n / 8 % 9), width: width,
                        filters: 1 + Int(n / 128 % 17), kernel: (side, side), padding: (side / 2, side / 2))
                    cases.append(
                        EpilogueCase(geometry, batch: 1 + Int(n / 4096 % 3), relu: relu, pooling: pooling, adds: adds))
                }
            }
            // Wide enough for several strips side by side.
            for (relu, pooling, adds) in [
                (true, Convolution.Pooling.mean, false), (true, .maximum, false), (true, .none, true),
            ] {
                let geometry = Convolution(
                    channels: 40, height: 9, width: 331, filters: 9, kernel: (5, 5), padding: (2, 2))
                cases.append(EpilogueCase(geometry, batch: 1, relu: relu, pooling: pooling, adds: adds))
            }
            try sweep(cases, seed: 21) { try check($0, seed: $1, $1 % 2 == 0 ? .aligned : .unaligned) }
        }

        @Test(
            "layers of LeNet, strides and pointwise convolutions with an epilogue give the same bits as separate kernels"
        )
        func shapes() throws {
            let cases = [
                EpilogueCase(
                    Convolution(channels: 3, height: 256, width: 256, filters: 6, kernel: (5, 5), padding: (2, 2)),
                    batch: 1, relu: true, pooling: .mean),
                EpilogueCase(
                    Convolution(channels: 6, height: 128, width: 128, filters: 16, kernel: (5, 5)), batch: 1,
                    relu: true, pooling: .mean),
                EpilogueCase(
                    Convolution(channels: 16, height: 62, width: 62, filters: 20, kernel: (5, 5)), batch: 1, relu: true,
                    pooling: .none),
                EpilogueCase(
                    Convolution(
                        channels: 3, height: 61, width: 67, filters: 16, kernel: (5, 5), stride: (2, 2), padding: (2, 2)
                    ),
                    batch: 2, relu: true, pooling: .maximum),
                EpilogueCase(
                    Convolution(channels: 5, height: 33, width: 70, filters: 9, kernel: (3, 3), stride: (2, 2)),
                    batch: 2, relu: true, pooling: .mean),
                EpilogueCase(
                    Convolution(channels: 5, height: 20, width: 21, filters: 9, kernel: (1, 1)), batch: 3, relu: true,
                    pooling: .none, adds: true),
                EpilogueCase(
                    Convolution(channels: 2, height: 5, width: 5, filters: 3, kernel: (5, 5)), batch: 2, relu: true,
                    pooling: .none, adds: true),
                EpilogueCase(
                    Convolution(channels: 2, height: 6, width: 6, filters: 3, kernel: (5, 5)), batch: 2, relu: true,
                    pooling: .mean),
                EpilogueCase(
                    Convolution(channels: 2, height: 19, width: 45, filters: 3, kernel: (12, 11)), batch: 2, relu: true,
                    pooling: .mean),
            ]
            try sweep(cases, seed: 22) { try check($0, seed: $1, .aligned) }
        }

        @Test("NaN stays NaN and lets its gradient through")
        func notANumber() throws {
            let test = EpilogueCase(
                Convolution(channels: 1, height: 9, width: 40, filters: 2, kernel: (1, 1)), batch: 1, relu: true,
                pooling: .mean)
            var x = test.item.x(3)
            x[2 * 40 + 21] = .nan
            let gy = [Float](repeating: 4, count: 2 * 4 * 20)
            try ConvolutionVariant.each { variant in
                let (y, reluMask) = try KernelRuns.aligned.convolutionWithMask(
                    x, test.item.w(3), test.item.bias(3), test.item.geometry, batch: 1)
                #expect(y.indices.filter { y[$0].isNaN } == [1 * 20 + 10, 4 * 20 + 1 * 20 + 10], "\(variant)")
                let back = try KernelRuns.aligned.convolutionBackward(
                    gy: gy, reluMask: reluMask, x, [1, 1], test.item.geometry, batch: 1)
                #expect(back.gx[2 * 40 + 21] == 2, "\(variant)")
            }
        }

        @Test("invalid epilogues are refused")
        func refusals() {
            var d = ck_conv2d(n: 1, c: 1, h: 4, w: 4, k: 1, r: 1, s: 1, stride_h: 1, stride_w: 1, pad_h: 0, pad_w: 0)
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: 1 << 16)
            memory.initialize(repeating: 0.5, count: 1 << 16)
            defer { memory.deallocate() }
            let (x, y, w, scratch) = (memory, memory + 64, memory + 128, memory + 256)
            let room = (1 << 16) - 256
            func statuses(_ change: (inout ck_conv2d_epilogue) -> Void) -> [ck_status] {
                var epilogue = ck_conv2d_epilogue(relu: true, pooling: .mean, residual: nil, relu_mask: nil, y: nil)
                change(&epilogue)
                return [
                    ck_conv2d_forward(y, x, w, nil, &d, &epilogue, scratch, room),
                    ck_conv2d_backward_data(x, y, w, &d, &epilogue, scratch, room),
                    ck_conv2d_backward_weight(w, nil, y, x, &d, &epilogue, scratch, room),
                ]
            }
            #expect(statuses { _ in } == [.ok, .nullPointer, .nullPointer])
            #expect(statuses { $0.relu = false } == [.ok, .ok, .ok])
            #expect(statuses { $0.pooling = .none } == [.ok, .nullPointer, .nullPointer])
            #expect(statuses { ($0.pooling, $0.y) = (.none, UnsafePointer(y)) } == [.ok, .ok, .ok])
            #expect(statuses { $0.residual = UnsafePointer(y) } == [.badParameter, .badParameter, .badParameter])
            #expect(statuses { $0.pooling = .maximum } == [.ok, .badParameter, .badParameter])
            var epilogue = ck_conv2d_epilogue(relu: true, pooling: .mean, residual: nil, relu_mask: nil, y: nil)
            let needed = ck_conv2d_scratch(&d, &epilogue)
            #expect(ck_conv2d_forward(y, x, w, nil, &d, &epilogue, scratch, needed) == .ok)
            #expect(ck_conv2d_forward(y, x, w, nil, &d, &epilogue, scratch, needed - 1) == .scratchTooSmall)
            d.h = 1
            #expect(statuses { _ in } == [.badDimension, .badDimension, .badDimension])
            #expect(ck_conv2d_relu_mask_bytes(&d) == 2)
        }
    }
}
