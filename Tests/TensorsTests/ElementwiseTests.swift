import Tensors
import TestSupport
import Testing

extension KernelTests {
    @Suite struct ElementwiseTests {
        private let lengths = Array(1...70) + [127, 128, 129, 1000, 4099, 100_003]

        private func mixed(_ count: Int, seed: UInt64) -> [Float] {
            let special: [Float] = [
                0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .infinity, -.infinity,
                .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNormalMagnitude / 8,
                -.leastNormalMagnitude / 8,
            ]
            var values = Formula.values(seed: seed, count: count)
            for index in stride(from: Int(seed % 7), to: count, by: 7) {
                values[index] = special[index % special.count]
            }
            return values
        }

        @Test("ReLU of any length agrees with the naive reference, forward and backward")
        func relu() throws {
            try sweep(lengths, seed: 41) { count, seed in
                for run in [KernelRuns.aligned, .unaligned] {
                    let x = mixed(count, seed: seed)
                    let y = try run.relu(x)
                    try compare("y", y, Naive.relu(x), .exact)
                    let gy = Formula.values(seed: seed &+ 1, count: count)
                    try compare("gx", try run.reluBackward(gy: gy, y: y), Naive.reluBackward(gy: gy, y: y), .exact)
                }
            }
        }

        @Test("ReLU keeps NaN at any place")
        func reluOfNaN() throws {
            for place in 0..<40 {
                var x = [Float](repeating: 1, count: 40)
                x[place] = .nan
                let y = try KernelRuns.aligned.relu(x)
                #expect(y.indices.allSatisfy { $0 == place ? y[$0].isNaN : y[$0] == 1 }, "NaN at \(place): \(y)")
            }
        }

        @Test("ReLU has no gradient at 0, -0 and below")
        func reluGradientAtZero() throws {
            let y: [Float] = [0, -0.0, 1, .leastNonzeroMagnitude, -1]
            #expect(try KernelRuns.aligned.reluBackward(gy: [1, 2, 3, 4, 5], y: y) == [0, 0, 3, 4, 0])
        }

        @Test("ReLU passes the gradient where its output is NaN, as in PyTorch")
        func reluGradientAtNaN() throws {
            #expect(try KernelRuns.aligned.reluBackward(gy: [1, 2, 3], y: [1, .nan, -.nan]) == [1, 2, 3])
        }

        @Test("ReLU works in place")
        func reluInPlace() throws {
            let x = mixed(1003, seed: 3)
            let tensor = Tensor([1003], x)
            try Kernels.reluForward(tensor, tensor)
            try compareBits("y", tensor.values, KernelRuns.aligned.relu(x))
            let gy = Formula.values(seed: 4, count: 1003)
            let gradient = Tensor([1003], gy)
            try Kernels.reluBackward(gradient, gy: gradient, y: tensor)
            try compareBits("gx", gradient.values, KernelRuns.aligned.reluBackward(gy: gy, y: tensor.values))
        }

        @Test("ReLU's gradient agrees with finite differences away from 0")
        func reluFiniteDifferences() throws {
            let x = Formula.spaced(seed: 5, count: 50)
            let gy = Formula.values(seed: 6, count: 50)
            let expected = finiteDifferences(at: x.doubled, eps: 0.001) { dot(Naive.relu($0), gy.doubled) }
            let gx = try KernelRuns.aligned.reluBackward(gy: gy, y: KernelRuns.aligned.relu(x))
            try compare("gx", gx, expected, Tolerance(absolute: 1e-6))
        }

        @Test("golden cases of ReLU")
        func goldenReLU() throws {
            try sweep(try Golden().cases(of: "relu")) { item, _ in
                let y = try KernelRuns.aligned.relu(item.floats("x"))
                try compare("y", y, item.doubles(tensor: "y"), .exact)
                guard item.hasTensor("gx") else { return }
                let gx = try KernelRuns.aligned.reluBackward(gy: item.floats("gy"), y: y)
                try compare("gx", gx, item.doubles(tensor: "gx"), .exact)
            }
        }

        @Test("sums of any length, with and without ReLU, agree with the naive reference")
        func add() throws {
            try sweep(lengths, seed: 44) { count, seed in
                let (a, b) = (mixed(count, seed: seed), mixed(count, seed: seed &+ 1))
                let sums = zip(a, b).map { $0 + $1 }
                for run in [KernelRuns.aligned, .unaligned] {
                    try compare("y", try run.add(a, b, relu: false), sums, .exact)
                    try compare("y", try run.add(a, b, relu: true), Naive.relu(sums), .exact)
                }
                for second in [false, true] {
                    let (one, other) = (Tensor([count], a), Tensor([count], b))
                    try Kernels.add(second ? other : one, one, other, relu: true)
                    try compare("in place", (second ? other : one).values, Naive.relu(sums), .exact)
                }
            }
        }

        @Test("the squared norm is accumulated in double precision")
        func squaredNorm() throws {
            try sweep(lengths + [1_000_003], seed: 43) { count, seed in
                let x = Formula.values(seed: seed, count: count)
                // Squares of float32 numbers are exact in double; summing by blocks keeps the rounding error small.
                let blocks = stride(from: 0, to: count, by: 1000).map { start in
                    x[start..<min(start + 1000, count)].reduce(0.0) { $0 + Double($1) * Double($1) }
                }
                let expected = blocks.reduce(0, +)
                let ours = try Kernels.squaredNorm(KernelRuns.unaligned.input(x, [count]))
                try compare("norm2", [ours], [expected], Tolerance(absolute: 0, relative: 1e-13))
            }
        }

        @Test("squares that overflow or underflow in float32 are counted")
        func squaredNormOfExtremes() throws {
            let large = try Kernels.squaredNorm(Tensor([3], [1e30, 0, -1e30]))
            try compare(
                "large", [large], [2 * Double(Float(1e30)) * Double(Float(1e30))],
                Tolerance(absolute: 0, relative: 1e-13))
            let small = try Kernels.squaredNorm(Tensor([2], [1e-30, 1e-30]))
            try compare(
                "small", [small], [2 * Double(Float(1e-30)) * Double(Float(1e-30))],
                Tolerance(absolute: 0, relative: 1e-13))
            #expect(try Kernels.squaredNorm(Tensor([2], [1, .nan])).isNaN)
            #expect(try Kernels.squaredNorm(Tensor([2], [1, -.infinity])) == .infinity)
        }
    }
}
