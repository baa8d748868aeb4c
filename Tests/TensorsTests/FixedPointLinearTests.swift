import CKernels
import Tensors
import TestSupport
import Testing

/// A dense layer of integers, and a twin that computes it one number at a time.
struct FixedPointLinearCase: CustomStringConvertible {
    var batch: Int
    var linear: FixedPointLinear

    var description: String { "N\(batch) C\(linear.channels) plane \(linear.plane) O\(linear.outputs)" }
    var inputs: Int { linear.channels * linear.plane }

    /// Some inputs exceed the largest integer.
    func x(_ seed: UInt64) -> [Float] { Formula.values(seed: seed, count: batch * inputs, scale: 1.05) }
    func w(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &+ 1, count: linear.outputs * inputs, scale: 0.01) }
    func bias(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &+ 2, count: linear.outputs) }

    /// Inputs as integers.
    func rounded(_ x: [Float]) -> [Int] {
        x.map { Int(min(max($0 * (1 / linear.inputScale), -8191), 8191).rounded(.toNearestOrEven)) }
    }

    /// The outputs [N][O], and the sum of the magnitudes of all products of each.
    func values(_ x: [Float], _ w: [Float], _ bias: [Float]?) -> (values: [Double], magnitudes: [Double]) {
        let integers = rounded(x)
        var (values, magnitudes) = ([Double](), [Double]())
        for n in 0..<batch {
            for o in 0..<linear.outputs {
                let row = w[o * inputs..<(o + 1) * inputs]
                let step = max(row.map(\.magnitude).max()! / 2047, .leastNormalMagnitude)
                let factor = Double(step * linear.inputScale)
                let products = zip(row, integers[n * inputs..<(n + 1) * inputs]).map {
                    Int(($0 * (1 / step)).rounded(.toNearestOrEven)) * $1
                }
                values.append(Double(products.reduce(0, +)) * factor + Double(bias?[o] ?? 0))
                magnitudes.append(Double(products.reduce(0) { $0 + $1.magnitude }) * factor)
            }
        }
        return (values, magnitudes)
    }

    func packed(_ w: [Float], _ run: KernelRuns) throws -> Tensor {
        let packed = run.output([linear.packedCount])
        try Kernels.packFixedPoint(packed.tensor, weight: run.input(w, [linear.outputs, inputs]), linear)
        _ = try packed.values("packed")
        return packed.tensor
    }

    func run(_ x: [Float], _ w: [Float], _ bias: [Float]?, _ run: KernelRuns) throws -> [Float] {
        let (packed, y) = (try packed(w, run), run.output([batch, linear.outputs]))
        let (xs, scratch) = (run.input(x, [batch, inputs]), run.output([linear.scratchCount(batch: batch)]))
        try Kernels.fixedPointForward(
            y.tensor, xs, packed: packed, bias: bias.map { run.input($0, [linear.outputs]) }, linear,
            scratch: scratch.tensor)
        _ = try scratch.values("scratch")
        try compareBits("input x", xs.values, x)
        return try y.values("y")
    }

    /// Sums of floats round, in proportion to their terms.
    func check(_ found: [Float], _ expected: (values: [Double], magnitudes: [Double])) throws {
        for (index, value) in found.enumerated() {
            let difference = abs(Double(value) - expected.values[index])
            try #require(
                difference <= 4e-6 * expected.magnitudes[index] + 1e-6,
                "y[\(index)] is \(value), not \(expected.values[index])")
        }
    }
}

extension KernelTests {
    @Suite struct FixedPointLinearTests {
        private static let cases = (0..<60).map { index in
            let n = (0..<4).map { Int(Formula.bits(601, index * 4 + $0) % 1024) }
            return FixedPointLinearCase(
                batch: 1 + n[0] % 9,
                linear: FixedPointLinear(
                    channels: 1 + n[1] % 7, plane: 1 + n[2] % (index % 3 == 0 ? 900 : 70), outputs: 1 + n[3] % 20,
                    inputScale: 1 / 8191))
        }

        @Test("dense layers agree with the naive twin with every instruction set")
        func dense() throws {
            try sweep(Self.cases, seed: 95) { item, seed in
                let (x, w, bias) = (item.x(seed), item.w(seed), seed % 4 == 0 ? nil : item.bias(seed))
                let expected = item.values(x, w, bias)
                try ck_isa.eachForFixedPoint { _ in
                    try item.check(item.run(x, w, bias, seed % 2 == 0 ? .aligned : .unaligned), expected)
                }
            }
        }

        /// All products have the largest magnitude and the same sign, for many more steps than 32 bits hold.
        @Test func theLargestSumsDoNotOverflow() throws {
            let item = FixedPointLinearCase(
                batch: 5,
                linear: FixedPointLinear(channels: 6, plane: 4001, outputs: 7, inputScale: 1 / 8191))
            let count = item.inputs
            let x = [Float](repeating: -3, count: 5 * count)
            let w = (0..<7 * count).map { $0 / count % 2 == 0 ? Float(0.5) : -0.5 }
            let expected = item.values(x, w, nil)
            #expect(expected.values[1] > 0.49 * Double(count))
            try ck_isa.eachForFixedPoint { _ in try item.check(item.run(x, w, nil, .aligned), expected) }
        }

        @Test func weightsOfZeroAndTinyOnesAreAllowed() throws {
            let item = FixedPointLinearCase(
                batch: 2, linear: FixedPointLinear(channels: 3, plane: 33, outputs: 2, inputScale: 1 / 8191))
            let w = (0..<2 * item.inputs).map { $0 < item.inputs ? Float(0) : .leastNonzeroMagnitude * 700 }
            let found = try item.run(item.x(3), w, [1, 2], .aligned)
            try compare("y", found, [1, 2, 1, 2], Tolerance(absolute: 1e-6))
        }

        @Test func resultsDoNotDependOnThreads() throws {
            let item = FixedPointLinearCase(
                batch: 6, linear: FixedPointLinear(channels: 5, plane: 3000, outputs: 9, inputScale: 1 / 8191))
            let (x, w, bias) = (item.x(1), item.w(1), item.bias(1))
            let before = Kernels.threadCount
            defer { try? Kernels.setThreadCount(before) }
            var first: [Float]?
            for threads in [1, 2, 5] {
                try Kernels.setThreadCount(threads)
                let found = try item.run(x, w, bias, .aligned)
                if let first { try compareBits("\(threads) threads", found, first) }
                first = found
            }
        }
    }
}
