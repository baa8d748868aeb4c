import CKernels
import Tensors
import TestSupport
import Testing

extension KernelTests {
    @Suite struct ErasureTests {
        private func erasure(_ x: Int, _ y: Int, _ width: Int, _ height: Int, noise: UInt64? = nil) -> Erasure {
            var result = Erasure()
            (result.x, result.y, result.width, result.height) = (x, y, width, height)
            result.isNoise = noise != nil
            result.seed = noise ?? 0
            return result
        }

        @Test("only the rectangles are overwritten, with zeros or normal numbers")
        func rectangles() throws {
            let (height, width) = (9, 150)
            let erasures = [
                erasure(0, 0, 0, 0), erasure(0, 0, width, height, noise: 5), erasure(3, 2, 141, 4, noise: 6),
                erasure(149, 8, 1, 1), erasure(10, 0, 7, 9), erasure(4, 4, 9, 0, noise: 1),
                erasure(1, 1, 1, 5, noise: 7),
            ]
            let values = Formula.values(seed: 221, count: erasures.count * 3 * height * width)
            let planes = GuardedTensor([erasures.count, 3, height, width], misalignment: 1)
            planes.tensor.copy(from: Tensor([values.count], values))
            try Kernels.erase(planes.tensor, erasures)
            let expected = values.indices.map { index -> Double in
                let (n, element) = (index / (3 * height * width), index % (3 * height * width))
                let (y, x, e) = (element / width % height, element % width, erasures[n])
                guard (e.x..<e.x + e.width).contains(x), (e.y..<e.y + e.height).contains(y) else {
                    return Double(values[index])
                }
                return e.isNoise ? NaiveTile.normal(e.seed, element) : 0
            }
            try compare("planes", planes.values("planes"), expected, Tolerance(absolute: 3e-6, relative: 1e-6))
        }

        @Test("moments of the normal numbers")
        func distribution() throws {
            let side = 400
            let planes = Tensor([1, 3, side, side])
            try Kernels.erase(planes, [erasure(0, 0, side, side, noise: 42)])
            let values = planes.values.map(Double.init)
            let count = Double(values.count)
            func moment(_ power: Int) -> Double {
                values.reduce(0) { sum, v in sum + (0..<power).reduce(1.0) { p, _ in p * v } } / count
            }
            // Five standard errors of each.
            #expect(moment(1).magnitude < 5 / count.squareRoot())
            #expect((moment(2) - 1).magnitude < 5 * (2 / count).squareRoot())
            #expect(moment(3).magnitude < 5 * (15 / count).squareRoot())
            #expect((moment(4) - 3).magnitude < 5 * (96 / count).squareRoot())
            let neighbors = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / count
            #expect(neighbors.magnitude < 5 / count.squareRoot())
            let beyond = Double(values.count { $0.magnitude > 3 }) / count
            #expect((beyond - 0.0027).magnitude < 5 * (0.0027 / count).squareRoot())
        }

        @Test("same bits for any number of threads; tiles without an erasure are unchanged")
        func threads() throws {
            let before = Kernels.threadCount
            defer { try? Kernels.setThreadCount(before) }
            var results = [[Float]]()
            for threads in [1, 2, 3, 8] {
                try Kernels.setThreadCount(threads)
                let planes = Tensor([5, 3, 20, 30])
                planes.fill(2)
                try Kernels.erase(planes, (0..<4).map { erasure($0, $0, 20, 10, noise: UInt64($0)) })
                results.append(planes.values)
            }
            for result in results { try compareBits("planes", result, results[0]) }
            #expect(results[0][(4 * 3 * 600)...].allSatisfy { $0 == 2 })
            #expect(results[0][..<1800].contains { $0 != 2 })
        }

        @Test("invalid arguments are rejected")
        func refusals() {
            let planes = Tensor([1, 3, 4, 6])
            for bad in [
                erasure(-1, 0, 1, 1), erasure(0, -1, 1, 1), erasure(0, 0, -1, 1), erasure(0, 0, 1, -1),
                erasure(6, 0, 1, 1), erasure(0, 4, 1, 1), erasure(5, 0, 2, 1), erasure(0, 3, 1, 2),
                erasure(0, 0, 7, 1), erasure(0, 0, 1, 5), erasure(Int.max, 0, 2, 1), erasure(0, Int.max, 1, 2),
            ] {
                #expect(refusal { try Kernels.erase(planes, [bad]) } == .badParameter, "\(bad)")
            }
            #expect(planes.values.allSatisfy { $0 == 0 })
            #expect(refusal { try Kernels.erase(planes, [erasure(5, 3, 1, 1)]) } == nil)
            var memory = [Float](repeating: 0, count: 72)
            var none = ck_erasure(x: 0, y: 0, width: 0, height: 0, noise: false, seed: 0)
            #expect(ck_erase(&memory, &none, 1, 4, 6) == .ok)
            #expect(ck_erase(nil, &none, 1, 4, 6) == .nullPointer)
            #expect(ck_erase(&memory, nil, 1, 4, 6) == .nullPointer)
            for (n, h, w) in [(0, 4, 6), (-1, 4, 6), (1, 0, 6), (1, 4, 0), (1, -1, 6), (1, 4, -1)]
                as [(Int64, Int64, Int64)]
            {
                #expect(ck_erase(&memory, &none, n, h, w) == .badDimension, "\(n) \(h) \(w)")
            }
        }
    }
}
