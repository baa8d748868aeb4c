import Tensors
import TestSupport

/// A convolution of integers, and a twin that computes it one number at a time.
struct FixedPointCase: CustomStringConvertible {
    var convolution: FixedPointConvolution
    let batch: Int
    let height: Int
    let width: Int
    var hasBias = true

    var description: String {
        let c = convolution
        return "N\(batch) C\(c.channels) \(height)x\(width) K\(c.filters) \(c.kernel)x\(c.kernel) stride \(c.stride), "
            + "\(c.columnStride ?? c.stride) padding \(c.padding)\(c.relu ? " relu" : "")"
            + "\(c.maxPooling ? " pooling" : "")\(c.residualScale == nil ? "" : " residual")"
            + "\(c.outputScale == nil ? " floats" : "")"
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

    /// [N][K][OH][OW]; nil without a residual.
    func residual(_ seed: UInt64) -> [Int]? {
        guard convolution.residualScale != nil else { return nil }
        let shape = convolution.residualShape(for: input)
        let count = batch * convolution.filters * shape[1] * shape[2]
        return Formula.integers(seed: seed &+ 3, count: count, below: 16_383).map { $0 - 8191 }
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
    func values(_ x: [Int], _ w: [Float], _ bias: [Float]?, _ residual: [Int]?) -> (values: [Float], largestSum: Int) {
        let c = convolution, sums = c.residualShape(for: input), (rows, columns) = (sums[1], sums[2])
        let scale = c.outputScale ?? 1
        var values = [Float](), largest = 0
        for n in 0..<batch {
            for k in 0..<c.filters {
                let (step, weights) = rounded(w, k)
                let factor = Float(step * Double(c.inputScale) / Double(scale))
                let shift = bias.map { Float(Double($0[k]) / Double(scale)) } ?? 0
                var plane = [Float]()
                for place in 0..<rows * columns {
                    let sum = self.sum(x, weights, n, row: place / columns, column: place % columns)
                    largest = max(largest, abs(sum))
                    let product = Float(sum) * factor
                    var value = product + shift
                    if let residual {
                        let own = Float(residual[(n * c.filters + k) * rows * columns + place])
                        let term = own * (c.residualScale! / scale)
                        value += term
                    }
                    value = max(value, c.relu ? 0 : -.infinity)
                    // Integers have no negative zero.
                    let integer = min(max(value, -8191), 8191).rounded(.toNearestOrEven) + 0
                    plane.append(c.outputScale == nil ? value : integer)
                }
                values += c.maxPooling ? Self.pooled(plane, rows, columns) : plane
            }
        }
        return (values, largest)
    }

    /// The sum of one output of image n.
    private func sum(_ x: [Int], _ weights: [Int], _ n: Int, row: Int, column: Int) -> Int {
        let c = convolution
        var sum = 0
        for channel in 0..<c.channels {
            for tap in 0..<c.kernel * c.kernel {
                let y = row * c.stride + tap / c.kernel - c.padding
                let z = column * (c.columnStride ?? c.stride) + tap % c.kernel - c.padding
                guard 0..<height ~= y, 0..<width ~= z else { continue }
                sum +=
                    x[((n * c.channels + channel) * height + y) * width + z]
                    * weights[channel * c.kernel * c.kernel + tap]
            }
        }
        return sum
    }

    private static func pooled(_ plane: [Float], _ rows: Int, _ columns: Int) -> [Float] {
        (0..<rows / 2).flatMap { row in
            (0..<columns / 2).map { column in
                let first = 2 * row * columns + 2 * column
                return max(plane[first], plane[first + 1], plane[first + columns], plane[first + columns + 1])
            }
        }
    }

    /// Runs the kernel with guards around its output, and unpacks that as floats [N][K][OH][OW].
    func run(
        _ x: [Int], _ w: [Float], _ bias: [Float]?, _ residual: [Int]?, _ run: KernelRuns
    ) throws -> [Float] {
        let c = convolution
        let packed = run.output([c.packedCount]), y = run.output(output)
        try Kernels.packFixedPoint(
            packed.tensor, weight: run.input(w, [c.filters, c.channels, c.kernel, c.kernel]),
            bias: bias.map { run.input($0, [c.filters]) }, c)
        let pairs = Pairs.packed(x, channels: c.channels, plane: height * width)
        let xs = run.input(pairs, input.batched(batch))
        let scratch = run.output([c.scratchCount(batch: batch, input)])
        let sums = c.residualShape(for: input)
        let residuals = residual.map {
            run.input(Pairs.packed($0, channels: c.filters, plane: sums[1] * sums[2]), sums.batched(batch))
        }
        try Kernels.fixedPointForward(
            y.tensor, xs, residual: residuals, packed: packed.tensor, c, scratch: scratch.tensor)
        _ = try packed.values("packed")
        _ = try scratch.values("scratch")
        try compareBits("input x", xs.values, pairs)
        let values = try y.values("y")
        return c.outputScale == nil
            ? values : try Pairs.unpacked(values, channels: c.filters, plane: output[2] * output[3])
    }
}

/// Tensors of pairs of integers, as floats with their bits.
enum Pairs {
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
