import CKernels
import Tensors
import TestSupport
import Testing

/// A convolution of integers, and a twin that computes it one number at a time.
private struct FixedPointCase: CustomStringConvertible {
    var convolution: FixedPointConvolution
    let batch: Int
    let height: Int
    let width: Int
    var hasBias = true

    var description: String {
        let c = convolution
        return "N\(batch) C\(c.channels) \(height)x\(width) K\(c.filters) \(c.kernel)x\(c.kernel) stride \(c.stride)"
            + "\(c.relu ? " relu" : "")\(c.outputScale == nil ? " floats" : "")"
    }

    var input: Shape { [FixedPointConvolution.pairs(of: convolution.channels), height, width] }
    var output: Shape { convolution.outputShape(for: input).batched(batch) }

    /// [N][C][H][W]
    func x(_ seed: UInt64) -> [Int] {
        Formula.integers(seed: seed, count: batch * convolution.channels * height * width, below: 16_383)
            .map { $0 - 8191 }
    }
    func w(_ seed: UInt64) -> [Float] {
        let count = convolution.filters * convolution.channels * convolution.kernel * convolution.kernel
        return Formula.values(seed: seed &+ 1, count: count, scale: 0.4)
    }
    func bias(_ seed: UInt64) -> [Float]? {
        hasBias ? Formula.values(seed: seed &+ 2, count: convolution.filters, scale: 0.5) : nil
    }

    /// The largest sum of magnitudes of a filter's integers, and the largest of them.
    private var limits: (sum: Double, single: Double) {
        let c = convolution
        let isTransformed = c.kernel == 3 && c.stride == 1
        let weights = Double(c.channels * c.kernel * c.kernel)
        let sum = 2_147_483_647.0 / 8191 / (isTransformed ? 4 : 1) - 0.5 * weights - 1
        return (sum, isTransformed ? 3640 : 32_767)
    }

    /// The step of the weights of filter k, and the weights as integers.
    func rounded(_ w: [Float], _ k: Int) -> (step: Double, weights: [Int]) {
        let count = w.count / convolution.filters
        let filter = w[k * count..<(k + 1) * count].map(Double.init)
        let sum = filter.reduce(0) { $0 + $1.magnitude }, largest = filter.map(\.magnitude).max()!
        let step = max(sum / limits.sum, largest / limits.single, Double.leastNormalMagnitude)
        return (step, filter.map { Int(($0 / step).rounded(.toNearestOrEven)) })
    }

    /// Values in units of the output's scale, [N][K][OH][OW], with the sums from which they follow. Limited and rounded to
    /// integers unless the output is of floats.
    func values(_ x: [Int], _ w: [Float], _ bias: [Float]?) -> (values: [Float], largestSum: Int) {
        let c = convolution, (rows, columns) = (output[2], output[3])
        let scale = Double(c.outputScale ?? 1)
        var values = [Float](), largest = 0
        for n in 0..<batch {
            for k in 0..<c.filters {
                let (step, weights) = rounded(w, k)
                let factor = Float(step * Double(c.inputScale) / scale)
                let shift = bias.map { Float(Double($0[k]) / scale) } ?? 0
                for row in 0..<rows {
                    for column in 0..<columns {
                        var sum = 0
                        for channel in 0..<c.channels {
                            for tap in 0..<c.kernel * c.kernel {
                                let y = row * c.stride + tap / c.kernel - c.kernel / 2
                                let z = column * c.stride + tap % c.kernel - c.kernel / 2
                                guard 0..<height ~= y, 0..<width ~= z else { continue }
                                sum +=
                                    x[((n * c.channels + channel) * height + y) * width + z]
                                    * weights[channel * c.kernel * c.kernel + tap]
                            }
                        }
                        largest = max(largest, sum.magnitude > Int.max ? Int.max : Int(sum.magnitude))
                        let product = Float(sum) * factor
                        let value = max(product + shift, c.relu ? 0 : -.infinity)
                        // Integers have no negative zero.
                        let integer = min(max(value, -8191), 8191).rounded(.toNearestOrEven) + 0
                        values.append(c.outputScale == nil ? value : integer)
                    }
                }
            }
        }
        return (values, largest)
    }

    /// Runs the kernel with guards around its output, and unpacks that as floats [N][K][OH][OW].
    func run(_ x: [Int], _ w: [Float], _ bias: [Float]?, _ run: KernelRuns) throws -> [Float] {
        let c = convolution
        let packed = run.output([c.packedCount]), y = run.output(output)
        try Kernels.packFixedPoint(
            packed.tensor, weight: run.input(w, [c.filters, c.channels, c.kernel, c.kernel]),
            bias: bias.map { run.input($0, [c.filters]) }, c)
        let pairs = Pairs.packed(x, channels: c.channels, plane: height * width)
        let xs = run.input(pairs, input.batched(batch))
        let scratch = run.output([c.scratchCount(batch: batch, input)])
        try Kernels.fixedPointForward(y.tensor, xs, packed: packed.tensor, c, scratch: scratch.tensor)
        _ = try packed.values("packed")
        _ = try scratch.values("scratch")
        try compareBits("input x", xs.values, pairs)
        let values = try y.values("y")
        return c.outputScale == nil
            ? values : try Pairs.unpacked(values, channels: c.filters, plane: output[2] * output[3])
    }
}

/// Tensors of pairs of integers, as floats with their bits.
private enum Pairs {
    /// [N][⌈C/2⌉][plane] from integers [N][C][plane].
    static func packed(_ integers: [Int], channels: Int, plane: Int) -> [Float] {
        let pairs = (channels + 1) / 2
        return (0..<integers.count / channels / plane * pairs * plane).map { index in
            let (n, place) = index.quotientAndRemainder(dividingBy: pairs * plane)
            let (pair, pixel) = place.quotientAndRemainder(dividingBy: plane)
            func half(_ channel: Int) -> UInt32 {
                channel < channels
                    ? UInt32(UInt16(bitPattern: Int16(integers[(n * channels + channel) * plane + pixel]))) : 0
            }
            return Float(bitPattern: half(2 * pair) | half(2 * pair + 1) << 16)
        }
    }

    /// Integers [N][C][plane] as floats. Throws where the half without a channel is not 0.
    static func unpacked(_ pairs: [Float], channels: Int, plane: Int) throws -> [Float] {
        let count = (channels + 1) / 2
        let halves = pairs.map { Int32(bitPattern: $0.bitPattern) }.map { (($0 << 16) >> 16, $0 >> 16) }
        var result = [Float]()
        for n in 0..<pairs.count / count / plane {
            for channel in 0..<2 * count {
                let row = (0..<plane).map { halves[(n * count + channel / 2) * plane + $0] }
                    .map { channel % 2 == 0 ? $0.0 : $0.1 }
                if channel < channels {
                    result += row.map(Float.init)
                } else {
                    try compareBits("a missing channel", row.map(Float.init), row.map { _ in 0 })
                }
            }
        }
        return result
    }
}

extension KernelTests {
    @Suite struct FixedPointTests {
        private static let cases = (0..<160).map { index in
            let n = (0..<8).map { Int(Formula.bits(501, index * 8 + $0) % 1024) }
            let kinds = [(3, 1), (3, 2), (1, 1), (1, 2)]
            let (kernel, stride) = kinds[index % 4]
            let convolution = FixedPointConvolution(
                channels: 1 + n[0] % 7, filters: 1 + n[1] % 27, kernel: kernel, stride: stride, relu: n[2] % 2 == 0,
                inputScale: 0.001, outputScale: n[3] % 3 == 0 ? nil : 0.0009)
            return FixedPointCase(
                convolution: convolution, batch: 1 + n[4] % 2, height: 1 + n[5] % 11, width: 1 + n[6] % 71,
                hasBias: n[7] % 4 != 0)
        }
        /// Wide enough for several vectors of tiles away from all edges.
        private static let wide = [(5, 14, 13, 101), (6, 12, 16, 130), (7, 25, 22, 97)].map {
            FixedPointCase(
                convolution: FixedPointConvolution(
                    channels: $0, filters: $1, kernel: 3, stride: 1, relu: true, inputScale: 0.001, outputScale: 0.001),
                batch: 2, height: $2, width: $3)
        }

        @Test("convolutions have the bits of the naive twin with every instruction set")
        func convolution() throws {
            var limited = 0
            try sweep(Self.cases + Self.wide, seed: 91) { item, seed in
                let (x, w, bias) = (item.x(seed), item.w(seed), item.bias(seed))
                let expected = item.values(x, w, bias).values
                limited += expected.count { $0 == 8191 }
                try ck_isa.each { isa in
                    let found = try item.run(x, w, bias, seed % 2 == 0 ? .aligned : .unaligned)
                    try compareBits("\(isa): y", found, expected)
                }
            }
            #expect(limited > 100, "no value reaches the limit")
        }

        @Test("the largest possible sums do not overflow", arguments: [(3, 1), (3, 2), (1, 1)])
        func extremes(kernel: Int, stride: Int) throws {
            for (channels, weight) in [(4, Float(1)), (64, 0.7), (512, 0.3)] {
                let convolution = FixedPointConvolution(
                    channels: channels, filters: 3, kernel: kernel, stride: stride, relu: false, inputScale: 0.01,
                    outputScale: nil)
                let item = FixedPointCase(convolution: convolution, batch: 1, height: 5, width: 9)
                let count = channels * kernel * kernel
                // Filters of equal weights, of one that dominates, and of equal ones with both signs.
                let w =
                    [Float](repeating: weight, count: count) + (0..<count).map { $0 == 3 ? weight : weight / 1000 }
                    + (0..<count).map { $0 % 2 == 0 ? weight : -weight }
                for signs in [[1, 1], [1, -1]] {
                    let x = (0..<channels * 45).map { -8191 * signs[$0 % 2] }
                    let (expected, sum) = item.values(x, w, nil)
                    // Winograd's transforms add four times as much.
                    let largest = sum * (kernel == 3 && stride == 1 ? 4 : 1)
                    #expect(largest < 1 << 31)
                    // Most of the range is used.
                    if channels == 512, kernel == 3, signs[1] == 1 { #expect(largest > 1 << 30) }
                    try ck_isa.each { try compareBits("\($0)", item.run(x, w, nil, .aligned), expected) }
                }
            }
        }

        @Test("rounding changes results of weights and pixels of usual size by less than 0.5 % of the largest")
        func accuracy() throws {
            let convolution = FixedPointConvolution(
                channels: 96, filters: 16, kernel: 3, stride: 1, relu: false, inputScale: 1 / 1024, outputScale: nil)
            let item = FixedPointCase(convolution: convolution, batch: 1, height: 12, width: 12)
            let (x, w) = (item.x(7), item.w(7))
            let g = Convolution(
                channels: 96, height: 12, width: 12, filters: 16, kernel: (3, 3), padding: (1, 1))
            let expected = Naive.convolution(x.map { Double($0) / 1024 }, w.doubled, nil, g, batch: 1)
            let found = try item.run(x, w, nil, .aligned)
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
                try ck_isa.each { isa in
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
            for (kernel, stride) in [(3, 1), (3, 2), (1, 1)] {
                let convolution = FixedPointConvolution(
                    channels: 6, filters: 14, kernel: kernel, stride: stride, relu: true, inputScale: 0.001,
                    outputScale: 0.002)
                let item = FixedPointCase(convolution: convolution, batch: 2, height: 33, width: 110)
                let (x, w, bias) = (item.x(3), item.w(3), item.bias(3))
                let expected = item.values(x, w, bias).values
                for threads in [1, 2, 3, 8] {
                    try Kernels.setThreadCount(threads)
                    try compareBits("\(threads) threads", item.run(x, w, bias, .aligned), expected)
                }
            }
        }
    }
}
