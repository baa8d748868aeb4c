import CKernels
import Synchronization
import Tensors
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension KernelTests {
    /// Each test restores the number of threads, which is global.
    @Suite(.serialized) struct ThreadTests {
        private func withThreads<R>(_ count: Int, _ body: () throws -> R) throws -> R {
            let before = Kernels.threadCount
            try Kernels.setThreadCount(count)
            defer { try? Kernels.setThreadCount(before) }
            return try body()
        }

        /// Throws when `body` gives different bits with 2, 3 or 8 threads than with 1, or when repeated.
        private func sameBits(_ what: String, _ body: () throws -> [[Float]]) throws {
            let expected = try withThreads(1, body)
            for threads in [2, 3, 8, 2] {
                for (index, values) in try withThreads(threads, body).enumerated() {
                    try compareBits("\(what), \(threads) threads, output \(index): y", values, expected[index])
                }
            }
        }

        @Test(
            "a team has the requested number of threads, which fails in a build without OpenMP",
            arguments: [1, 2, 3, 8])
        func team(_ count: Int) throws {
            try withThreads(count) {
                #expect(Kernels.threadCount == count)
                #expect(Kernels.teamSize == count)
            }
        }

        @Test("thread counts outside 1 ... 256 are rejected and change nothing")
        func bounds() throws {
            try withThreads(2) {
                for count in [0, -1, 257, Int.max, Int.min] {
                    #expect(refusal { try Kernels.setThreadCount(count) } == .badParameter, "\(count) threads")
                    #expect(Kernels.threadCount == 2)
                }
                try Kernels.setThreadCount(256)
                #expect(Kernels.threadCount == 256)
            }
        }

        @Test("convolutions have the same bits for any number of threads")
        func convolution() throws {
            let cases = [
                ConvolutionCase(
                    geometry: Convolution(
                        channels: 3, height: 256, width: 256, filters: 6, kernel: (5, 5), padding: (2, 2)), batch: 2),
                ConvolutionCase(
                    geometry: Convolution(channels: 6, height: 128, width: 128, filters: 16, kernel: (5, 5)),
                    batch: 2),
                ConvolutionCase(
                    geometry: Convolution(channels: 16, height: 62, width: 62, filters: 120, kernel: (5, 5)),
                    batch: 2),
                ConvolutionCase(
                    geometry: Convolution(
                        channels: 5, height: 33, width: 131, filters: 7, kernel: (3, 4), stride: (2, 1),
                        padding: (1, 2)), batch: 5),
                ConvolutionCase(
                    geometry: Convolution(channels: 1, height: 5, width: 5, filters: 1, kernel: (5, 5)), batch: 1),
                ConvolutionCase(
                    geometry: Convolution(channels: 3, height: 17, width: 19, filters: 11, kernel: (1, 1)),
                    batch: 17),
                ConvolutionCase(
                    geometry: Convolution(
                        channels: 24, height: 64, width: 64, filters: 48, kernel: (3, 3), stride: (2, 2),
                        padding: (1, 1)), batch: 3),
            ]
            try sweep(cases, seed: 81) { item, seed in
                let (x, w, bias, gy) = (item.x(seed), item.w(seed), item.bias(seed), item.gy(seed))
                try ConvolutionVariant.each { form in
                    try sameBits("convolution, \(form)") {
                        let y = try KernelRuns.aligned.convolution(x, w, bias, item.geometry, batch: item.batch)
                        let back = try KernelRuns.aligned.convolutionBackward(
                            gy: gy, x, w, item.geometry, batch: item.batch)
                        return [y, back.gx, back.gw, back.gb!]
                    }
                }
            }
        }

        @Test("convolutions with an epilogue have the same bits for any number of threads")
        func convolutionTail() throws {
            let test = EpilogueCase(
                Convolution(channels: 6, height: 70, width: 64, filters: 16, kernel: (5, 5)), batch: 3, relu: true,
                pooling: .mean)
            let (item, g) = (test.item, test.item.geometry)
            let gy = Formula.values(seed: 4, count: try g.outputShape().count * 3)
            try ConvolutionVariant.each { form in
                try sameBits("convolution with an epilogue, \(form)") {
                    let (y, reluMask) = try KernelRuns.aligned.convolutionWithMask(
                        item.x(1), item.w(1), item.bias(1), g, batch: 3)
                    let back = try KernelRuns.aligned.convolutionBackward(
                        gy: gy, reluMask: reluMask, item.x(1), item.w(1), g, batch: 3)
                    return [y, back.gx, back.gw, back.gb!]
                }
            }
        }

        @Test("the scratch count of a convolution suffices for each number of threads")
        func scratch() throws {
            let geometry = Convolution(
                channels: 16, height: 62, width: 62, filters: 120, kernel: (5, 5))
            for threads in [1, 2, 8, 256] {
                try withThreads(threads) {
                    let item = ConvolutionCase(geometry: geometry, batch: 1)
                    try ConvolutionVariant.each { _ in
                        let y = try KernelRuns.aligned.convolution(
                            item.x(1), item.w(1), item.bias(1), geometry, batch: 1)
                        #expect(y.allSatisfy { $0.isFinite })
                    }
                }
            }
        }

        @Test("dense layers have the same bits for any number of threads")
        func linear() throws {
            let cases = [(3, 403_680, 84), (129, 84, 2), (1, 1000, 2), (64, 300, 100), (1, 1, 1)]
                .map { LinearCase(batch: $0, inputs: $1, outputs: $2) }
            try sweep(cases, seed: 82) { item, seed in
                let (x, w, bias, gy) = (item.x(seed), item.w(seed), item.bias(seed), item.gy(seed))
                let (n, i, o) = (item.batch, item.inputs, item.outputs)
                try sameBits("linear") {
                    let y = try KernelRuns.aligned.linear(x, w, bias, batch: n, inputs: i, outputs: o)
                    let back = try KernelRuns.aligned.linearBackward(
                        gy: gy, x, w, batch: n, inputs: i, outputs: o)
                    return [y, back.gx, back.gw, back.gb!]
                }
            }
        }

        @Test("pooling has the same bits for any number of threads", arguments: KernelRuns.Pool.allCases)
        func pooling(_ kind: KernelRuns.Pool) throws {
            let cases = [
                Pooling(channels: 6, height: 256, width: 256, window: (2, 2), stride: (2, 2)),
                Pooling(channels: 16, height: 124, width: 125, window: (3, 3), stride: (2, 2)),
                Pooling(channels: 1, height: 5, width: 9, window: (3, 2), stride: (1, 3)),
                Pooling(
                    channels: 16, height: 64, width: 63, window: (3, 3), stride: (2, 2),
                    padding: kind == .largest ? (1, 1) : (0, 0)),
            ].map { PoolingCase(kind: kind, geometry: $0, batch: 2) }
            try sweep(cases, seed: 83) { item, seed in
                let x = Formula.values(seed: seed, count: item.geometry.inputShape.count * item.batch)
                let gy = item.gy(seed)
                try sameBits("pooling") {
                    [
                        try KernelRuns.aligned.pool(kind, x, item.geometry, batch: item.batch),
                        try KernelRuns.aligned.poolBackward(kind, gy: gy, x, item.geometry, batch: item.batch),
                    ]
                }
            }
        }

        @Test("batch normalization and global pooling have the same bits for any number of threads")
        func batchNorm() throws {
            let cases = [(32, 16, 1000), (3, 5, 333), (1, 1, 70_000), (7, 2, 1)].flatMap { n, c, plane in
                [false, true].map { BatchNormCase(batch: n, channels: c, plane: plane, relu: $0) }
            }
            try sweep(cases, seed: 87) { item, seed in
                let (x, gy, channels) = (item.x(seed), item.gy(seed), item.channels(seed))
                let (n, c, plane) = (item.batch, item.norm.channels, item.norm.plane)
                try sameBits("batch normalization") {
                    let run = BatchNormRun(item: item, channels: channels)
                    return try run.training(x, gy: gy).all + [
                        run.inference(x)
                    ] + run.inferenceBackward(x, gy: gy) + [
                        KernelRuns.aligned.globalPool(x, batch: n, channels: c, plane: plane),
                        KernelRuns.aligned.globalPoolBackward(
                            gy: Array(gy.prefix(c) + channels.bias)
                                + Formula.values(seed: seed, count: 2 * (n - 1) * c),
                            x, batch: n, channels: c, plane: plane),
                        KernelRuns.aligned.add(x, gy, relu: item.norm.relu),
                    ]
                }
            }
        }

        @Test("elementwise kernels and norms have the same bits for any number of threads")
        func elementwise() throws {
            try sweep([1, 1000, 2_000_003], seed: 84) { count, seed in
                let x = Formula.values(seed: seed, count: count)
                try sameBits("elementwise") {
                    let y = try KernelRuns.aligned.relu(x)
                    let norm = try Kernels.squaredNorm(Tensor([count], x)).bitPattern
                    return [
                        y, try KernelRuns.aligned.reluBackward(gy: x, y: y),
                        try KernelRuns.aligned.dropout(x, probability: 0.5, seed: seed),
                        try KernelRuns.aligned.uniform(count, in: -2..<3, seed: seed),
                        [Float(bitPattern: UInt32(truncatingIfNeeded: norm)), Float(bitPattern: UInt32(norm >> 32))],
                    ]
                }
            }
        }

        @Test("the loss has the same bits for any number of threads")
        func loss() throws {
            for (batch, classes) in [(1, 2), (32, 2), (20_000, 2), (3000, 17)] {
                let item = LossCase(
                    batch: batch, classes: classes, settings: CrossEntropy(labelSmoothing: 0.1), ignoreEvery: 9)
                let (logits, targets) = (item.logits(85), item.targets(85))
                try sameBits("loss of \(batch)x\(classes)") {
                    let ours = try KernelRuns.aligned.crossEntropy(
                        logits, targets: targets, classes: classes, item.settings)
                    let bits = ours.loss.bitPattern
                    return [
                        ours.losses, ours.glogits,
                        [Float(bitPattern: UInt32(truncatingIfNeeded: bits)), Float(bitPattern: UInt32(bits >> 32))],
                    ]
                }
            }
        }

        @Test("distillation has the same bits for any number of threads")
        func distillation() throws {
            for size in [nil, (40, 50)] as [(height: Int, width: Int)?] {
                let item = DistillationCase(batch: 13, classes: 3, models: 3, size: size)
                let logits = item.logits(88)
                try sameBits("\(item)") {
                    let p = try KernelRuns.aligned.meanSoftmax(item, item.teachers(88))
                    let ours = try KernelRuns.aligned.distillation(item, logits, p, addend: logits)
                    let bits = ours.loss.bitPattern
                    return [
                        p, ours.glogits,
                        [Float(bitPattern: UInt32(truncatingIfNeeded: bits)), Float(bitPattern: UInt32(bits >> 32))],
                    ]
                }
            }
        }

        @Test("losses and scores of pixels have the same bits for any number of threads")
        func pixels() throws {
            let truth: [PixelTruth] = [.classes, .any, .none, .absent, .classes]
            let shape: Shape = [truth.count, 3, 40, 50]
            let logits = Tensor(shape, Formula.spaced(seed: 89, count: shape.count))
            let classes = Formula.integers(seed: 90, count: shape.count / 3, below: 3).map { UInt8($0) }
            let scratch = Tensor([Kernels.pixelScratchCount(batch: truth.count, plane: 40 * 50)])
            try sameBits("pixels") {
                let gradient = Tensor(shape)
                let sums = try Kernels.pixelLossForward(
                    logits, classes: classes.span.bytes, truth: truth, PixelLoss(), scratch: scratch)
                try Kernels.pixelLossBackward(
                    gradient, sums, logits, classes: classes.span.bytes, truth: truth, PixelLoss(), scratch: scratch)
                let scores = try Kernels.pixelScores(logits, top: 64, scratch: scratch)
                let bits = ([sums.loss] + scores.map(Double.init)).map(\.bitPattern)
                return [gradient.values]
                    + bits.map {
                        [Float(bitPattern: UInt32(truncatingIfNeeded: $0)), Float(bitPattern: UInt32($0 >> 32))]
                    }
            }
        }

        @Test("kernels in fixed point have the same bits for any number of threads")
        func fixedPoint() throws {
            for (kernel, stride) in [(3, 1), (3, 2), (1, 1), (5, 2)] {
                var convolution = FixedPointConvolution(
                    channels: 7, filters: 13, kernel: kernel, inputScale: 0.001, outputScale: 0.0009)
                (convolution.stride, convolution.padding) = (stride, kernel / 2)
                let item = FixedPointCase(convolution: convolution, batch: 3, height: 41, width: 70)
                try ck_isa.eachForFixedPoint { isa in
                    try sameBits("\(item), \(isa)") {
                        [try item.run(item.x(91), item.w(91), item.bias(91), nil, .aligned)]
                    }
                }
            }
            for batch in [1, 9] {
                let linear = FixedPointLinear(channels: 6, plane: 1001, outputs: 21, inputScale: 1 / 8191)
                let item = FixedPointLinearCase(batch: batch, linear: linear)
                try ck_isa.eachForFixedPoint { isa in
                    try sameBits("\(item), \(isa)") {
                        [try item.run(item.x(92), item.w(92), item.bias(92), .aligned)]
                    }
                }
            }
        }

        @Test("optimizers have the same bits for any number of threads")
        func optimizers() throws {
            try sweep(OptimizerCase.all, seed: 86) { item, seed in
                let start = Formula.values(seed: seed, count: 200_003)
                let gradients = (0..<2).map { Formula.values(seed: seed &+ 1 &+ UInt64($0), count: start.count) }
                try sameBits("steps") { try item.run(start, gradients, gradientScale: 0.5) }
            }
        }

        @Test("normalization and histograms are the same for any number of threads")
        func images() throws {
            let side = 256
            let bytes = (0..<side * side * 3 * 4).map { UInt8(truncatingIfNeeded: Formula.bits(87, $0)) }
            let windows = PixelWindows(
                height: side, width: side, rowStride: side * 3, offsets: (0..<4).map { Int64($0 * side * side * 3) })
            let statistics = ChannelStatistics(mean: [178, 120, 201], deviation: [31, 55, 17])
            try sameBits("images") {
                let density = GuardedTensor([4, side, side])
                try Kernels.stainDensity(
                    density.tensor, bytes.span.bytes, windows, table: Formula.values(seed: 86, count: 768))
                let planes = GuardedTensor([4, 3, side, side])
                try Kernels.normalize(planes.tensor, bytes.span.bytes, windows, statistics)
                let counts = try Kernels.channelHistograms(bytes.span.bytes, windows)
                #expect(counts.reduce(0, +) == UInt64(bytes.count))
                return [try planes.values("planes"), try density.values("density"), counts.map { Float($0) }]
            }
        }

        @Test("each index is used once, by a thread of the kernels")
        func forEach() throws {
            for count in [0, 1, 2, 7, 1000] {
                let calls = Mutex([Int](repeating: 0, count: count))
                Kernels.forEach(count) { index, thread in
                    #expect(0..<Kernels.threadCount ~= thread)
                    calls.withLock { $0[index] += 1 }
                }
                #expect(calls.withLock { $0.allSatisfy { $0 == 1 } }, "\(count)")
            }
            // A thread that is free takes over the calls of another: the first call of a part waits for all others.
            try withThreads(2) {
                let done = Mutex(0)
                Kernels.forEach(40) { index, _ in
                    let deadline = ContinuousClock.now + .seconds(20)
                    while index == 0, done.withLock({ $0 < 39 }), .now < deadline { sched_yield() }
                    #expect(index > 0 || done.withLock { $0 == 39 }, "nobody takes over")
                    done.withLock { $0 += 1 }
                }
            }
            #expect(ck_for_each(-1, { _, _, _ in }, nil) == .badDimension)
            #expect(ck_for_each(1, nil, nil) == .nullPointer)
        }
    }
}
