import Tensors
import TestSupport
import Testing

extension KernelTests {
    @Suite struct RandomTests {
        private let count = 200_000
        private var ones: [Float] { [Float](repeating: 1, count: count) }

        @Test("dropout keeps a share of 1 - p and scales it by 1 / (1 - p)", arguments: [Float(0.1), 0.3, 0.5, 0.9])
        func shareKept(_ p: Float) throws {
            for seed: UInt64 in [0, 1, 2, 77, .max] {
                let y = try KernelRuns.aligned.dropout(ones, probability: p, seed: seed)
                let kept = y.filter { $0 != 0 }
                let q = Double(1 - p)
                // Five standard deviations of a binomial proportion.
                try compare(
                    "share", [Double(kept.count) / Double(count)], [q],
                    Tolerance(absolute: 5 * (q * (1 - q) / Double(count)).squareRoot()))
                try compare(
                    "scale", kept, [Double](repeating: 1 / q, count: kept.count),
                    Tolerance(absolute: 0, relative: 3e-7))
            }
        }

        @Test("near and far elements are dropped independently")
        func independence() throws {
            let p: Float = 0.5
            let kept = try KernelRuns.aligned.dropout(ones, probability: p, seed: 5).map { $0 != 0 }
            for distance in [1, 2, 3, 4, 8, 16, 64, 84, 1024] {
                let pairs = count - distance
                let both = (0..<pairs).count { kept[$0] && kept[$0 + distance] }
                try compare(
                    "share of pairs \(distance) apart", [Double(both) / Double(pairs)], [0.25],
                    Tolerance(absolute: 5 * (0.25 * 0.75 / Double(pairs)).squareRoot() * 1.5))
            }
        }

        @Test("the seed determines the dropped elements")
        func seeds() throws {
            func kept(_ seed: UInt64) throws -> [Bool] {
                try KernelRuns.aligned.dropout(ones, probability: 0.4, seed: seed).map { $0 != 0 }
            }
            let first = try kept(1)
            #expect(try kept(1) == first)
            for seed: UInt64 in [0, 2, 3, 1 << 32 | 1, 1 << 63 | 1] {
                let other = try kept(seed)
                let agreeing = Double(zip(first, other).count { $0 == $1 }) / Double(count)
                try compare(
                    "agreement with seed \(seed)", [agreeing], [0.6 * 0.6 + 0.4 * 0.4], Tolerance(absolute: 0.006))
            }
        }

        @Test("dropping depends on the seed and the index only")
        func functionOfPlace() throws {
            let long = try KernelRuns.aligned.dropout(ones, probability: 0.5, seed: 9)
            for length in [1, 2, 31, 32, 33, 1000, 65_537] {
                let x = Formula.values(seed: 10, count: length).map { $0 + 2 }
                let short = try KernelRuns.unaligned.dropout(x, probability: 0.5, seed: 9)
                #expect(short.indices.allSatisfy { (short[$0] != 0) == (long[$0] != 0) }, "length \(length)")
            }
        }

        @Test("the backward pass is the same call on gradients; in place gives the same result")
        func backward() throws {
            let x = Formula.values(seed: 11, count: count)
            let gy = Formula.values(seed: 12, count: count)
            let mask = try KernelRuns.aligned.dropout(ones, probability: 0.3, seed: 13)
            let y = try KernelRuns.aligned.dropout(x, probability: 0.3, seed: 13)
            let gx = try KernelRuns.aligned.dropout(gy, probability: 0.3, seed: 13)
            let tolerance = Tolerance(absolute: 0, relative: 3e-7)
            try compare("y", y, zip(x, mask).map { Double($0) * Double($1) }, tolerance)
            try compare("gx", gx, zip(gy, mask).map { Double($0) * Double($1) }, tolerance)
            let tensor = Tensor([count], x)
            try Kernels.dropout(tensor, tensor, probability: 0.3, seed: 13)
            try compareBits("y in place", tensor.values, y)
        }

        @Test("dropped elements become 0 even when not finite, and p = 0 is the identity")
        func edges() throws {
            let infinite = try KernelRuns.aligned.dropout(
                [Float](repeating: .infinity, count: 1000), probability: 0.5, seed: 14)
            #expect(infinite.allSatisfy { $0 == 0 || $0 == .infinity } && infinite.contains(0))
            let x = Formula.values(seed: 15, count: 1001) + [.nan, .infinity, -0.0]
            try compareBits("y", KernelRuns.aligned.dropout(x, probability: 0, seed: 16), x)
        }

        @Test("uniform numbers agree with the formula")
        func formula() throws {
            for seed: UInt64 in [0, 7, 12_345, .max] {
                for count in [1, 3, 8, 1000, 70_001] {
                    try compareBits(
                        "in [-1, 1), seed \(seed)", KernelRuns.unaligned.uniform(count, in: -1..<1, seed: seed),
                        Formula.values(seed: seed, count: count))
                    try compareBits(
                        "in [0, 1), seed \(seed)", KernelRuns.aligned.uniform(count, in: 0..<1, seed: seed),
                        (0..<count).map { Float(Formula.bits(seed, $0) >> 40) / 16_777_216 })
                }
            }
        }

        @Test("uniform numbers agree with those of other programs")
        func checkNumbers() throws {
            let check = try Golden().check
            #expect(check.bits.count == 4 && check.values.count == 4)
            #expect(check.bits == (0..<4).map { Formula.bits(check.seed, $0) })
            #expect(try KernelRuns.aligned.uniform(4, in: -1..<1, seed: check.seed) == check.values)
            var stream = SplitMix64(seed: check.seed)
            #expect(check.bits == (0..<4).map { _ in stream.next() })
        }

        /// In ranges far from 0 and in narrow ones, rounding must not reach the excluded upper end.
        @Test(
            "range, mean and variance of uniform numbers",
            arguments: [
                -0.1..<0.1, 0..<0.3, -3..<5, 1000..<1001, -1..<(-0.999), 0..<(.leastNormalMagnitude / 100),
                -1e30..<2e30,
            ]
                as [Range<Float>])
        func moments(_ range: Range<Float>) throws {
            let n = 400_000
            let values = try KernelRuns.aligned.uniform(n, in: range, seed: 17)
            let outside = values.filter { !range.contains($0) }
            #expect(outside.isEmpty, "\(outside.count) outside of \(range), e.g. \(outside.first ?? 0)")
            let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
            let width = high - low
            let mean = values.doubled.reduce(0, +) / Double(n)
            let variance = values.doubled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
            try compare("mean", [(mean - low) / width], [0.5], Tolerance(absolute: 0.003))
            try compare("variance", [variance / (width * width)], [1.0 / 12], Tolerance(absolute: 0.001))
        }

        @Test("uniform numbers pass a chi-squared test")
        func evenness() throws {
            var bins = [Int](repeating: 0, count: 64)
            for value in try KernelRuns.aligned.uniform(640_000, in: 0..<64, seed: 18) { bins[Int(value)] += 1 }
            let chiSquared = bins.reduce(0.0) { $0 + (Double($1) - 10_000) * (Double($1) - 10_000) / 10_000 }
            // 63 degrees of freedom: mean 63, standard deviation 11.
            #expect(chiSquared > 20 && chiSquared < 120)
        }
    }
}
