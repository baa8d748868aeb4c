import CKernels
import Tensors
import TestSupport
import Testing

extension KernelTests {
    @Suite struct FixedPointTests {
        /// A convolution whose inputs and outputs have about the same scale.
        private static func convolution(_ channels: Int, _ filters: Int, _ kernel: Int, stride: Int = 1)
            -> FixedPointConvolution
        {
            var convolution = FixedPointConvolution(
                channels: channels, filters: filters, kernel: kernel, inputScale: 0.001, outputScale: 0.0009)
            convolution.stride = stride
            convolution.padding = kernel / 2
            convolution.relu = true
            return convolution
        }
        private static let cases = (0..<240).map { index in
            let n = (0..<12).map { Int(Formula.bits(501, index * 12 + $0) % 1024) }
            let kinds = [(3, 1), (3, 2), (1, 1), (1, 2), (5, 2), (7, 1), (3, 1), (9, 3)]
            let (kernel, stride) = kinds[index % 8]
            var c = convolution(1 + n[0] % 7, 1 + n[1] % 27, kernel, stride: stride)
            c.relu = n[2] % 2 == 0
            if n[3] % 3 == 0 { c.outputScale = nil }
            // Parts of images contain their padding, and may lie side by side.
            if n[4] % 4 == 0 { (c.padding, c.columnStride) = (0, n[4] % 8 == 0 ? kernel : nil) }
            if n[5] % 3 == 0 {
                c.residualScale = 0.0005
            } else if c.outputScale != nil {
                c.maxPooling = n[6] % 3 == 0
            }
            let least = kernel - 2 * c.padding + (c.maxPooling ? c.stride : 0)
            let leastWidth = kernel - 2 * c.padding + (c.maxPooling ? c.columnStride ?? c.stride : 0)
            return FixedPointCase(
                convolution: c, batch: 1 + n[7] % 2, height: max(1, least) + n[8] % 11,
                width: max(1, leastWidth) + n[9] % 71, hasBias: n[10] % 4 != 0)
        }
        /// Wide enough for several vectors of tiles away from all edges, and as narrow as half a vector.
        private static let wide = [
            (5, 14, 13, 101), (6, 12, 16, 130), (7, 25, 22, 97), (8, 13, 33, 16), (3, 7, 9, 15), (5, 12, 18, 8),
        ].map { item in
            var c = convolution(item.0, item.1, 3)
            c.residualScale = item.2 % 2 == 0 ? 0.002 : nil
            return FixedPointCase(convolution: c, batch: 2, height: item.2, width: item.3)
        }

        @Test("convolutions have the bits of the naive twin with every instruction set")
        func convolution() throws {
            var limited = 0
            try sweep(Self.cases + Self.wide, seed: 91) { item, seed in
                let (x, w, bias, residual) = (item.x(seed), item.w(seed), item.bias(seed), item.residual(seed))
                let expected = item.values(x, w, bias, residual).values
                limited += expected.count { $0 == 8191 }
                try ck_isa.eachForFixedPoint { isa in
                    let found = try item.run(x, w, bias, residual, seed % 2 == 0 ? .aligned : .unaligned)
                    try compareBits("\(isa): y", found, expected)
                }
            }
            #expect(limited > 100, "no value reaches the limit")
        }

        @Test("the largest possible sums do not overflow", arguments: [(3, 1), (3, 2), (1, 1)])
        func extremes(kernel: Int, stride: Int) throws {
            for (channels, weight) in [(4, Float(1)), (64, 0.7), (512, 0.3)] {
                var convolution = Self.convolution(channels, 3, kernel, stride: stride)
                (convolution.relu, convolution.outputScale) = (false, nil)
                let item = FixedPointCase(convolution: convolution, batch: 1, height: 5, width: 9)
                let count = channels * kernel * kernel
                // Filters of equal weights, of one that dominates, and of equal ones with both signs.
                let w =
                    [Float](repeating: weight, count: count) + (0..<count).map { $0 == 3 ? weight : weight / 1000 }
                    + (0..<count).map { $0 % 2 == 0 ? weight : -weight }
                for signs in [[1, 1], [1, -1]] {
                    let x = (0..<channels * 45).map { -8191 * signs[$0 % 2] }
                    let (expected, sum) = item.values(x, w, nil, nil)
                    // Winograd's transforms add four times as much.
                    let largest = sum * (kernel == 3 && stride == 1 ? 4 : 1)
                    #expect(largest < 1 << 31)
                    // Most of the range is used.
                    if channels == 512, kernel == 3, signs[1] == 1 { #expect(largest > 1 << 30) }
                    try ck_isa.eachForFixedPoint {
                        try compareBits("\($0)", item.run(x, w, nil, nil, .aligned), expected)
                    }
                }
            }
        }

        @Test("rounding changes results of weights and pixels of usual size by less than 0.5 % of the largest")
        func accuracy() throws {
            var convolution = Self.convolution(96, 16, 3)
            (convolution.relu, convolution.inputScale, convolution.outputScale) = (false, 1 / 1024, nil)
            let item = FixedPointCase(convolution: convolution, batch: 1, height: 12, width: 12)
            let (x, w) = (item.x(7), item.w(7))
            let g = Convolution(
                channels: 96, height: 12, width: 12, filters: 16, kernel: (3, 3), padding: (1, 1))
            let expected = Naive.convolution(x.map { Double($0) / 1024 }, w.doubled, nil, g, batch: 1)
            let found = try item.run(x, w, nil, nil, .aligned)
            try compare(
                "y", found, expected, Tolerance(absolute: 5e-3 * expected.largestMagnitude))
        }

        @Test("pixels are normalized to the nearest integers")
        func normalization() throws {
            let statistics = ChannelStatistics(mean: [120, 80, 200], deviation: [40, 25, 60])
            let (height, width) = (5, 7)
            let bytes = Formula.integers(seed: 5, count: 2 * 3 * height * width + 40, below: 256).map { UInt8($0) }
            let windows = PixelWindows(
                height: height, width: width, rowStride: 3 * width, offsets: [9, Int64(3 * height * width)])
            for scale in [Float(0.001), 0.0005] {
                let y = KernelRuns.aligned.output([2, 2, height, width])
                try Kernels.normalizeFixedPoint(y.tensor, bytes.span.bytes, windows, statistics, scale: scale)
                let found = try Pairs.unpacked(y.values("y"), channels: 3, plane: height * width)
                let expected = found.indices.map { index -> Float in
                    let (plane, pixel) = index.quotientAndRemainder(dividingBy: height * width)
                    let (n, channel) = plane.quotientAndRemainder(dividingBy: 3)
                    let byte = Double(bytes[Int(windows.offsets[n]) + 3 * pixel + channel])
                    let value =
                        (byte - Double(statistics.mean[channel])) / Double(statistics.deviation[channel])
                        / Double(scale)
                    return Float(min(max(value, -8191), 8191).rounded(.toNearestOrEven))
                }
                try compareBits("y", found, expected)
                #expect(expected.contains(8191) == (scale < 0.001))
            }
        }

        @Test("upsampling with addition is exact and limited, for any size and in place")
        func upsampling() throws {
            let sizes = (0..<60).map { (planes: 1 + $0 % 3, height: 1 + $0 % 7, width: 1 + $0 * 11 % 83) }
            try sweep(sizes, seed: 93) { size, seed in
                let (planes, height, width) = size
                let coarse = ((height + 1) / 2, (width + 1) / 2)
                func integers(_ seed: UInt64, _ count: Int) -> [Int] {
                    Formula.integers(seed: seed, count: count, below: 16_383).map { $0 - 8191 }
                }
                let skip = integers(seed, 2 * planes * height * width)
                let x = integers(seed &+ 1, 2 * planes * coarse.0 * coarse.1)
                let expected = skip.indices.map { index -> Float in
                    let (plane, pixel) = index.quotientAndRemainder(dividingBy: height * width)
                    let place = (plane * coarse.0 + pixel / width / 2) * coarse.1 + pixel % width / 2
                    return Float(min(max(skip[index] + x[place], -8191), 8191))
                }
                try ck_isa.eachForFixedPoint { isa in
                    let run = seed % 2 == 0 ? KernelRuns.aligned : .unaligned
                    let skips = run.input(
                        Pairs.packed(skip, channels: 2, plane: height * width), [planes, 1, height, width])
                    let xs = run.input(
                        Pairs.packed(x, channels: 2, plane: coarse.0 * coarse.1), [planes, 1, coarse.0, coarse.1])
                    let y = run.output([planes, 1, height, width])
                    try Kernels.fixedPointUpsampleAdd(y.tensor, skip: skips, xs)
                    let found = try y.values("y")
                    try compareBits(
                        "\(isa): y", Pairs.unpacked(found, channels: 2, plane: height * width), expected)
                    try Kernels.fixedPointUpsampleAdd(skips, skip: skips, xs)
                    try compareBits("\(isa): y in place", skips.values, found)
                }
            }
        }

        @Test("convolutions have the same bits for any number of threads")
        func threads() throws {
            let before = Kernels.threadCount
            defer { try? Kernels.setThreadCount(before) }
            for (kernel, stride, pooling) in [(3, 1, false), (3, 2, false), (1, 1, false), (5, 2, true)] {
                var convolution = Self.convolution(6, 14, kernel, stride: stride)
                convolution.maxPooling = pooling
                convolution.residualScale = kernel == 3 ? 0.001 : nil
                let item = FixedPointCase(convolution: convolution, batch: 2, height: 33, width: 110)
                let (x, w, bias, residual) = (item.x(3), item.w(3), item.bias(3), item.residual(3))
                let expected = item.values(x, w, bias, residual).values
                for threads in [1, 2, 3, 8] {
                    try Kernels.setThreadCount(threads)
                    try compareBits("\(threads) threads", item.run(x, w, bias, residual, .aligned), expected)
                }
            }
        }
    }
}
