import Tensors
import TestSupport
import Testing

struct PoolingCase: CustomStringConvertible {
    let kind: KernelRuns.Pool
    let geometry: Pooling
    let batch: Int

    var description: String {
        let g = geometry
        return "\(kind) N\(batch) C\(g.channels) \(g.height)x\(g.width) window \(g.windowHeight)x\(g.windowWidth) "
            + "stride \(g.strideY),\(g.strideX) padding \(g.paddingY),\(g.paddingX)"
    }

    var outputCount: Int { Naive.poolCount(geometry, batch: batch) }
    func gy(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &+ 1, count: outputCount) }
    func spaced(_ seed: UInt64) -> [Float] { Formula.spaced(seed: seed, count: geometry.inputShape.count * batch) }

    func forward(_ x: [Double]) -> [Double] {
        kind == .average
            ? Naive.averagePool(x, geometry, batch: batch) : Naive.maxPool(x, geometry, batch: batch)
    }

    func backward(gy: [Double], _ x: [Double]) -> [Double] {
        kind == .average
            ? Naive.averagePoolBackward(gy: gy, geometry, batch: batch)
            : Naive.maxPoolBackward(gy: gy, x, geometry, batch: batch)
    }
}

extension KernelTests {
    @Suite struct PoolingTests {
        private let tolerance = Tolerance(absolute: 1e-6, relative: 1e-6)

        private func check(_ item: PoolingCase, _ x: [Float], seed: UInt64, _ run: KernelRuns) throws {
            let exact = item.kind == .largest
            let y = try run.pool(item.kind, x, item.geometry, batch: item.batch)
            try compare("y", y, item.forward(x.doubled), exact ? .exact : tolerance)
            let gy = item.gy(seed)
            let gx = try run.poolBackward(item.kind, gy: gy, x, item.geometry, batch: item.batch)
            try compare("gx", gx, item.backward(gy: gy.doubled, x.doubled), tolerance)
        }

        @Test(
            "windows 1-5 and strides 1-3 in both directions agree with the naive references",
            arguments: KernelRuns.Pool.allCases)
        func allWindows(_ kind: KernelRuns.Pool) throws {
            var cases: [PoolingCase] = []
            for (r, s) in (1...5).flatMap({ r in (1...5).map { (r, $0) } }) {
                for strides in (1...3).flatMap({ y in (1...3).map { (y, $0) } }) {
                    let k = cases.count
                    let geometry = Pooling(
                        channels: 1 + k % 5, height: r + k % 7, width: s + k * 5 % 11, window: (r, s), stride: strides)
                    cases.append(PoolingCase(kind: kind, geometry: geometry, batch: 1 + k % 3))
                }
            }
            try sweep(cases, seed: 21) { item, seed in
                try check(item, item.spaced(seed), seed: seed, seed % 2 == 0 ? .aligned : .unaligned)
            }
        }

        @Test(
            "2x2 windows over any size, channels 1-17 agree with the naive references",
            arguments: KernelRuns.Pool.allCases)
        func pairs(_ kind: KernelRuns.Pool) throws {
            let cases = (0..<150).map { k in
                PoolingCase(
                    kind: kind,
                    geometry: Pooling(
                        channels: 1 + k % 17, height: 2 + k * 7 % 13, width: 2 + k * 11 % 67, window: (2, 2),
                        stride: (2, 2)), batch: 1 + k % 5)
            }
            try sweep(cases, seed: 22) { item, seed in try check(item, item.spaced(seed), seed: seed, .aligned) }
        }

        @Test("padding is never the maximum")
        func padding() throws {
            var cases: [PoolingCase] = []
            for (r, s) in (1...5).flatMap({ r in (1...5).map { (r, $0) } }) {
                for (py, px) in (0..<r).flatMap({ y in (0..<s).map { (y, $0) } }) {
                    let k = cases.count
                    let geometry = Pooling(
                        channels: 1 + k % 3, height: max(1, r - 2 * py) + k % 8, width: max(1, s - 2 * px) + k * 5 % 13,
                        window: (r, s), stride: (1 + k % 3, 1 + k / 3 % 3), padding: (py, px))
                    cases.append(PoolingCase(kind: .largest, geometry: geometry, batch: 1 + k % 2))
                }
            }
            try sweep(cases, seed: 26) { item, seed in
                // Zeros in place of the padding would win.
                let x = item.spaced(seed).map { $0 - 2 }
                try check(item, x, seed: seed, seed % 2 == 0 ? .aligned : .unaligned)
            }
        }

        @Test("average pooling has no padding, and padding is smaller than the window")
        func invalidPadding() {
            func geometry(_ padding: (Int, Int)) -> Pooling {
                Pooling(channels: 1, height: 4, width: 4, window: (3, 2), stride: (2, 2), padding: padding)
            }
            let x = [Float](repeating: 0, count: 16)
            for padding in [(1, 0), (0, 1)] {
                let g = geometry(padding)
                #expect(refusal { _ = try KernelRuns.aligned.pool(.average, x, g, batch: 1) } == .badParameter)
                let gy = [Float](repeating: 0, count: Naive.poolCount(g, batch: 1))
                #expect(
                    refusal { _ = try KernelRuns.aligned.poolBackward(.average, gy: gy, x, g, batch: 1) }
                        == .badParameter)
            }
            for padding in [(3, 0), (0, 2), (-1, 0), (0, -1)] {
                #expect(refusal { _ = try geometry(padding).outputShape() } == .badDimension)
            }
        }

        @Test("ties: the first maximum gets the gradient")
        func sweepOfTies() throws {
            let cases = (0..<60).map { k in
                PoolingCase(
                    kind: .largest,
                    geometry: Pooling(
                        channels: 1 + k % 3, height: 4 + k % 5, width: 5 + k * 3 % 20, window: (1 + k % 3, 2 + k % 2),
                        stride: (1 + k % 2, 1 + k % 3)), batch: 2)
            }
            try sweep(cases, seed: 23) { item, seed in
                let few = Formula.integers(seed: seed, count: item.batch * item.geometry.inputShape.count, below: 3)
                try check(item, few.map { Float($0 - 1) }, seed: seed, .aligned)
            }
        }

        @Test("the gradient of a window of equal values goes to its first element")
        func tie() throws {
            let g = Pooling(channels: 1, height: 2, width: 4, window: (2, 2), stride: (2, 2))
            let gx = try KernelRuns.aligned.poolBackward(
                .largest, gy: [5, 7], [1, 1, 0, 3, 1, 1, 3, 3], g, batch: 1)
            #expect(gx == [5, 0, 0, 7, 0, 0, 0, 0])
        }

        @Test("a window with a NaN gives NaN")
        func notANumber() throws {
            let g = Pooling(channels: 1, height: 2, width: 2, window: (2, 2), stride: (1, 1))
            for place in 0..<4 {
                for other in [Float(1), .infinity] {
                    var x = [Float](repeating: other, count: 4)
                    x[place] = .nan
                    let y = try KernelRuns.aligned.pool(.largest, x, g, batch: 1)
                    #expect(y[0].isNaN, "NaN at \(place) among \(other)")
                    let gx = try KernelRuns.aligned.poolBackward(.largest, gy: [2], x, g, batch: 1)
                    #expect(gx.indices.allSatisfy { gx[$0] == ($0 == place ? 2 : 0) }, "gx \(gx), NaN at \(place)")
                }
            }
        }

        @Test("the maximum of a window of -infinity is -infinity")
        func negativeInfinity() throws {
            let g = Pooling(channels: 1, height: 2, width: 2, window: (2, 2), stride: (1, 1))
            let x = [Float](repeating: -.infinity, count: 4)
            #expect(try KernelRuns.aligned.pool(.largest, x, g, batch: 1) == [-.infinity])
            #expect(try KernelRuns.aligned.poolBackward(.largest, gy: [3], x, g, batch: 1) == [3, 0, 0, 0])
        }

        /// Pooling is linear between kinks, and values are more than twice eps apart.
        @Test("backward agrees with finite differences of the naive forward pass", arguments: KernelRuns.Pool.allCases)
        func finiteDifferenceGradients(_ kind: KernelRuns.Pool) throws {
            var cases: [PoolingCase] = []
            for (r, s) in [(1, 1), (2, 2), (3, 2), (2, 4)] {
                for strides in [(1, 1), (2, 2), (3, 1), (2, 3)] {
                    let geometry = Pooling(
                        channels: 2, height: r + 2, width: s + 3, window: (r, s), stride: strides)
                    cases.append(PoolingCase(kind: kind, geometry: geometry, batch: 2))
                }
            }
            if kind == .largest {
                let geometry = Pooling(
                    channels: 2, height: 5, width: 6, window: (3, 3), stride: (2, 2), padding: (1, 1))
                cases.append(PoolingCase(kind: kind, geometry: geometry, batch: 2))
            }
            try sweep(cases, seed: 24) { item, seed in
                let (x, gy) = (item.spaced(seed), item.gy(seed))
                let expected = finiteDifferences(at: x.doubled, eps: 0.2 / Double(x.count)) {
                    dot(item.forward($0), gy.doubled)
                }
                let gx = try KernelRuns.aligned.poolBackward(kind, gy: gy, x, item.geometry, batch: item.batch)
                try compare("gx", gx, expected, tolerance)
            }
        }

        @Test(
            "global pooling is the mean and the maximum of each plane, or only the mean, forward and backward",
            arguments: [true, false])
        func globalPooling(maximum: Bool) throws {
            let cases = (0..<60).map { (batch: 1 + $0 % 4, channels: 1 + $0 * 5 % 9, plane: 1 + $0 * $0 % 71) }
            try sweep(cases, seed: 25) { item, seed in
                let (n, c, plane) = item
                let x = Formula.spaced(seed: seed, count: n * c * plane)
                let gy = Formula.values(seed: seed &+ 1, count: n * (maximum ? 2 : 1) * c)
                let run: KernelRuns = seed % 2 == 0 ? .aligned : .unaligned
                func naive(_ x: [Double]) -> [Double] {
                    Naive.globalPool(x, batch: n, channels: c, plane: plane, maximum: maximum)
                }
                let y = try run.globalPool(x, batch: n, channels: c, plane: plane, maximum: maximum)
                try compare("y", y, naive(x.doubled), tolerance)
                let gx = try run.globalPoolBackward(gy: gy, x, batch: n, channels: c, plane: plane, maximum: maximum)
                let expected = finiteDifferences(at: x.doubled, eps: 0.2 / Double(x.count)) {
                    dot(naive($0), gy.doubled)
                }
                try compare("gx", gx, expected, tolerance)
            }
        }

        @Test("global pooling: the first maximum gets the gradient, and NaN gives NaN")
        func globalPoolingTies() throws {
            let run = KernelRuns.aligned
            let gx = try run.globalPoolBackward(gy: [4, 1], [2, 3, 3, 2], batch: 1, channels: 1, plane: 4)
            #expect(gx == [1, 2, 1, 1])
            for (count, place) in (0..<4).map({ (4, $0) }) + (0..<37).map({ (37, $0) }) {
                var x = (0..<count).map { $0 == 1 ? Float.infinity : Float($0) }
                x[place] = .nan
                let y = try run.globalPool(x, batch: 1, channels: 1, plane: count)
                #expect(y.allSatisfy { $0.isNaN }, "NaN at \(place)")
                let gx = try run.globalPoolBackward(gy: [0, 1], x, batch: 1, channels: 1, plane: count)
                #expect(gx.indices.allSatisfy { gx[$0] == ($0 == place ? 1 : 0) })
            }
        }

        @Test("golden cases")
        func golden() throws {
            let golden = try Golden()
            try sweep(try golden.cases(of: "avg_pool2d", atLeast: 7)) { item, _ in try checkGolden(item, .average) }
            let largest = golden.cases.filter { $0.operation == "max_pool2d" }
            if !largest.isEmpty { try sweep(largest) { item, _ in try checkGolden(item, .largest) } }
        }

        @Test("the committed golden numbers include max pooling", .enabled(if: isCommittedGolden))
        func goldenHasMaxPool() throws {
            let cases = try Golden().cases(of: "max_pool2d", atLeast: 19)
            for name in ["max_pool_nan", "max_pool_k3s2p1"] { #expect(cases.contains { $0.name == name }) }
        }

        private static let isCommittedGolden = Golden.defaultFolder.hasSuffix("Tests/Fixtures/golden")

        private func checkGolden(_ item: Golden.Case, _ kind: KernelRuns.Pool) throws {
            let shape = try item.ints("shape")
            let g = try Pooling(
                channels: shape[1], height: shape[2], width: shape[3], window: item.pair("kernel"),
                stride: item.pair("stride"), padding: (try? item.pair("padding")) ?? (0, 0))
            let x = try item.floats("x")
            let y = try KernelRuns.aligned.pool(kind, x, g, batch: shape[0])
            try compare("y", y, item.doubles(tensor: "y"), kind == .largest ? .exact : tolerance)
            let gx = try KernelRuns.aligned.poolBackward(kind, gy: item.floats("gy"), x, g, batch: shape[0])
            try compare("gx", gx, item.doubles(tensor: "gx"), tolerance)
        }

        @Test("a window larger than the image is rejected")
        func windowLargerThanImage() {
            let tooLarge = Pooling(channels: 1, height: 1, width: 4, window: (2, 2), stride: (2, 2))
            #expect(refusal { _ = try tooLarge.outputShape() } == .badDimension)
        }
    }
}
