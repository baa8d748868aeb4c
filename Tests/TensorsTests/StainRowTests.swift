import CKernels
import Tensors
import TestSupport
import Testing

extension KernelTests {
    /// Rows of all lengths around those of vectors, with every instruction set.
    @Suite struct StainRowTests {
        private static let counts = [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 255, 256, 257, 600]

        private func floats(_ seed: UInt64, _ count: Int, below limit: Float = 1) -> [Float] {
            Formula.integers(seed: seed, count: count, below: 10_000).map { Float($0) / 10_000 * limit }
        }

        @Test("densities are sums of three numbers of the table")
        func densities() throws {
            let table = floats(1, 768)
            try sweep(Self.counts, seed: 301) { count, seed in
                let bytes = Formula.integers(seed: seed, count: 3 * count, below: 256).map { UInt8($0) }
                let found = GuardedTensor([count])
                found.tensor.withUnsafeMutableBuffer { row in
                    bytes.withUnsafeBufferPointer { Kernels.stainRow(row, $0, table: table) }
                }
                let expected = (0..<count).map { i -> Float in
                    let parts = (0..<3).map { table[256 * $0 + Int(bytes[3 * i + $0])] }
                    return parts[0] + parts[1] + parts[2]
                }
                try compareBits("densities", found.values("densities"), expected)
            }
        }

        @Test("weighted sums of rows have the bits of the naive twin, also where rows overlap")
        func sums() throws {
            try sweep(Self.counts.flatMap { count in [0, 1, 3, 5].map { (count, $0) } }, seed: 302) { item, seed in
                let (count, radius) = item
                let weights = floats(seed, radius + 1)
                let values = floats(seed &+ 1, (count + 2) * (2 * radius + 1))
                for step in [1, count + 1] {
                    let expected = (0..<count).map { i -> Float in
                        func row(_ index: Int) -> Float { values[index * step + i] }
                        var sum = weights[0] * row(radius)
                        for d in stride(from: 1, through: radius, by: 1) {
                            let pair = weights[d] * (row(radius - d) + row(radius + d))
                            sum += pair
                        }
                        return sum
                    }
                    try ck_isa.each { isa in
                        let found = GuardedTensor([count])
                        values.withUnsafeBufferPointer { values in
                            found.tensor.withUnsafeMutableBuffer {
                                let rows = (0...2 * radius).map {
                                    Optional(UnsafePointer(values.baseAddress! + $0 * step))
                                }
                                Kernels.smoothRows($0, rows, weights: weights)
                            }
                        }
                        try compareBits("\(isa): sums", found.values("sums"), expected)
                    }
                }
            }
        }

        @Test("odds are multiplied by the factor of the density, which is limited")
        func odds() throws {
            try sweep(Self.counts, seed: 303) { count, seed in
                for steps in [1, 7, 1024] {
                    let factors = floats(seed, steps, below: 30)
                    let densities = floats(seed &+ 1, count, below: 1.4).map { $0 - 0.2 }
                    let probabilities = floats(seed &+ 2, count)
                    let expected = zip(probabilities, densities).map { p, density -> Float in
                        let odds = p * factors[Int(min(max(density, 0), 0.999_999) * Float(steps))]
                        return odds / (odds + 1 - p)
                    }
                    try ck_isa.each { isa in
                        let found = GuardedTensor([count])
                        found.tensor.withUnsafeMutableBuffer { row in
                            _ = row.update(fromContentsOf: probabilities)
                            densities.withUnsafeBufferPointer { Kernels.weighOdds(row, $0, factors: factors) }
                        }
                        try compareBits("\(isa): odds", found.values("odds"), expected)
                    }
                }
            }
        }

        @Test func theLargestDensityIsInTheLastStep() {
            for (density, step) in [(-1, 0), (0, 0), (0.999, 1022), (1, 1023), (.infinity, 1023), (.nan, 0)]
                as [(Float, Int)]
            {
                var probability: [Float] = [0.5]
                var factors = [Float](repeating: 1, count: 1024)
                factors[step] = 3
                probability.withUnsafeMutableBufferPointer { row in
                    [density].withUnsafeBufferPointer { Kernels.weighOdds(row, $0, factors: factors) }
                }
                #expect(probability[0] == 0.75, "\(density)")
            }
        }

        @Test func wrongArgumentsAreRefused() {
            var a: [Float] = [0, 0, 0]
            let b: [Float] = [0, 0, 0]
            let bytes = [UInt8](repeating: 1, count: 9)
            let table = [Float](repeating: 0, count: 768)
            #expect(ck_stain_row(&a, bytes, table, 3) == .ok && ck_stain_row(&a, bytes, table, 0) == .ok)
            #expect(ck_stain_row(nil, bytes, table, 3) == .nullPointer)
            #expect(ck_stain_row(&a, nil, table, 3) == .nullPointer)
            #expect(ck_stain_row(&a, bytes, nil, 3) == .nullPointer)
            #expect(ck_stain_row(&a, bytes, table, -1) == .badDimension)
            b.withUnsafeBufferPointer { row in
                let rows = [row.baseAddress]
                #expect(ck_smooth_rows(&a, rows, [1], 0, 3) == .ok)
                #expect(ck_smooth_rows(nil, rows, [1], 0, 3) == .nullPointer)
                #expect(ck_smooth_rows(&a, nil, [1], 0, 3) == .nullPointer)
                #expect(ck_smooth_rows(&a, rows, nil, 0, 3) == .nullPointer)
                #expect(ck_smooth_rows(&a, rows, [1], -1, 3) == .badDimension)
                #expect(ck_smooth_rows(&a, rows, [1], 0, -1) == .badDimension)
            }
            #expect(ck_weigh_odds(&a, b, [1], 1, 3) == .ok)
            #expect(ck_weigh_odds(nil, b, [1], 1, 3) == .nullPointer)
            #expect(ck_weigh_odds(&a, nil, [1], 1, 3) == .nullPointer)
            #expect(ck_weigh_odds(&a, b, nil, 1, 3) == .nullPointer)
            for (steps, count) in [(0, 3), (65_537, 3), (1, -1)] as [(Int64, Int64)] {
                #expect(ck_weigh_odds(&a, b, [1], steps, count) == .badDimension)
            }
        }
    }
}
