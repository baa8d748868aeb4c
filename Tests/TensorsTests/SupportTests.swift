import Tensors
import TestSupport
import Testing

/// Tests that the test helpers can fail.
@Suite struct SupportTests {
    private func message(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("a comparison accepts differences within the tolerance and rejects slightly larger ones")
    func tolerance() {
        let tolerance = Tolerance(absolute: 0.01, relative: 0.001)
        // 0.01 + 0.001 * 100 = 0.11
        for sign in [1.0, -1] {
            #expect(message { try compare("y", [sign * 100.1099], [sign * 100.0], tolerance) } == nil)
            #expect(message { try compare("y", [sign * 100.1101], [sign * 100.0], tolerance) } != nil)
            #expect(message { try compare("y", [sign * 99.8901], [sign * 100.0], tolerance) } == nil)
            #expect(message { try compare("y", [sign * 99.8899], [sign * 100.0], tolerance) } != nil)
        }
        #expect(message { try compare("y", [Float(1)], [Float(1).nextUp], .exact) } != nil)
        #expect(message { try compare("y", [-0.0], [0.0], .exact) } == nil)
    }

    @Test("a comparison names the worst index and both values")
    func messages() throws {
        let text = try #require(
            message { try compare("gx", [1, 2.5, 3, 4.1], [1, 2, 3, 4], Tolerance(absolute: 0.01)) })
        #expect(text.contains("gx[1] is 2.5, expected 2.0") && text.contains("2 of 4 differ"))
    }

    @Test("NaN and infinity agree only with themselves")
    func notNumbers() {
        let loose = Tolerance(absolute: .greatestFiniteMagnitude, relative: 1)
        let special = [Double.nan, .infinity, -.infinity, 1]
        for (i, a) in special.enumerated() {
            for (j, b) in special.enumerated() {
                #expect((message { try compare("y", [a], [b], loose) } == nil) == (i == j), "\(a) and \(b)")
            }
        }
    }

    @Test("arrays of different lengths do not agree")
    func lengths() {
        #expect(message { try compare("y", [1.0], [1.0, 2], Tolerance(absolute: 10)) } != nil)
        #expect(message { try compareBits("y", [], [1]) } != nil)
    }

    @Test("equal values with different bits are detected")
    func bits() {
        #expect(message { try compareBits("y", [1, .nan, -0.0], [1, .nan, -0.0]) } == nil)
        #expect(message { try compareBits("y", [-0.0], [0]) } != nil)
        #expect(message { try compareBits("y", [1], [Float(1).nextDown]) } != nil)
    }

    @Test("finite differences find a gradient and catch a wrong one")
    func differences() {
        // The gradient of f, derived by hand.
        let gradient = finiteDifferences(at: [3, -2], eps: 1e-4) { $0[0] * $0[0] * $0[1] + $0[1] * $0[1] * $0[1] }
        #expect(message { try compare("g", gradient, [-12, 21], Tolerance(absolute: 1e-6)) } == nil)
        #expect(message { try compare("g", gradient, [-12, 21.001], Tolerance(absolute: 1e-6)) } != nil)
        #expect(message { try compare("g", gradient, [21, -12], Tolerance(absolute: 1e-6)) } != nil)
    }

    @Test("a sweep visits all cases and reports the failed ones with their seeds")
    func sweeps() throws {
        var seeds: Set<UInt64> = []
        let text = try #require(
            message {
                try sweep([10, 20, 30], seed: 4) { number, seed in
                    seeds.insert(seed)
                    if number != 20 { throw GoldenError("wrong") }
                }
            })
        #expect(seeds.count == 3)
        #expect(text.contains("2 of 3 cases failed") && text.contains("case 10, seed 4000012: wrong"))
        #expect(!text.contains("case 20"))
        #expect(message { try sweep([1, 2]) { _, _ in } } == nil)
    }

    @Test("a guarded tensor detects writes on both sides")
    func guards() throws {
        for misalignment in [0, 3] {
            for place in [-1, 4, -20, 20] {
                let guarded = GuardedTensor([4], misalignment: misalignment)
                #expect(try guarded.values("y").allSatisfy(\.isNaN))
                guarded.tensor.withUnsafeMutableBuffer { $0.baseAddress![place] = 1 }
                #expect(message { _ = try guarded.values("y") } != nil, "element \(place)")
            }
        }
        let guarded = GuardedTensor([4])
        guarded.tensor.fill(2)
        #expect(try guarded.values("y") == [2, 2, 2, 2])
    }

    @Test("formula numbers agree with the golden manifest, and spaced numbers keep their distance")
    func formula() throws {
        let check = try Golden().check
        #expect(Formula.values(seed: check.seed, count: 4) == check.values)
        #expect((0..<4).map { Formula.bits(check.seed, $0) } == check.bits)
        for count in [1, 2, 9, 50] {
            let spaced = Formula.spaced(seed: 1, count: count).sorted()
            #expect(zip(spaced, spaced.dropFirst()).allSatisfy { $1 - $0 > 1.99 / Float(count + 1) })
            #expect(spaced.allSatisfy { $0.magnitude > 0.49 / Float(count + 1) && $0.magnitude < 1 })
        }
    }

    @Test("missing golden numbers and wrong types throw")
    func golden() throws {
        #expect(message { _ = try Golden(folder: "/nowhere") } != nil)
        let golden = try Golden()
        #expect(message { _ = try golden.cases(of: "conv2d", atLeast: 10_000) } != nil)
        #expect(message { _ = try golden.cases(of: "no such operation") } != nil)
        let item = try golden.cases(of: "linear")[0]
        #expect(message { _ = try item.floats("y") } != nil)
        #expect(message { _ = try item.doubles(tensor: "nothing") } != nil)
        #expect(message { _ = try item.int("weight") } != nil)
    }

    @Test("naive gradients of a convolution agree with finite differences")
    func naiveGradients() throws {
        let g = Convolution(
            channels: 2, height: 3, width: 4, filters: 2, kernel: (2, 3), stride: (1, 2), padding: (1, 0))
        let x = Formula.values(seed: 1, count: 24).map(Double.init)
        let w = Formula.values(seed: 2, count: 24).map(Double.init)
        let gy = Formula.values(seed: 3, count: 8).map(Double.init)
        let ours = Naive.convolutionBackward(gy: gy, x, w, g, batch: 1)
        let gw = finiteDifferences(at: w, eps: 0.1) { dot(Naive.convolution(x, $0, nil, g, batch: 1), gy) }
        let gx = finiteDifferences(at: x, eps: 0.1) { dot(Naive.convolution($0, w, nil, g, batch: 1), gy) }
        #expect(message { try compare("gw", ours.gw, gw, Tolerance(absolute: 1e-12)) } == nil)
        #expect(message { try compare("gx", ours.gx, gx, Tolerance(absolute: 1e-12)) } == nil)
        #expect(message { try compare("gw", ours.gw, Array(gw.reversed()), Tolerance(absolute: 1e-3)) } != nil)
    }
}
