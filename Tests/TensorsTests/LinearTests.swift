import CKernels
import Tensors
import TestSupport
import Testing

struct LinearCase: CustomStringConvertible {
    let batch: Int
    let inputs: Int
    let outputs: Int
    var hasBias = true

    var description: String { "N\(batch) I\(inputs) O\(outputs)\(hasBias ? "" : " no bias")" }

    func x(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &* 4, count: batch * inputs) }
    func w(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &* 4 &+ 1, count: outputs * inputs, scale: 0.3) }
    func bias(_ seed: UInt64) -> [Float]? {
        hasBias ? Formula.values(seed: seed &* 4 &+ 2, count: outputs, scale: 0.2) : nil
    }
    func gy(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &* 4 &+ 3, count: batch * outputs) }
}

extension KernelTests {
    @Suite struct LinearTests {
        private func check(_ item: LinearCase, seed: UInt64, _ run: KernelRuns) throws {
            let (x, w, bias, gy) = (item.x(seed), item.w(seed), item.bias(seed), item.gy(seed))
            let (n, i, o) = (item.batch, item.inputs, item.outputs)
            let expected = Naive.linear(x.doubled, w.doubled, bias?.doubled, batch: n, inputs: i, outputs: o)
            let reference = Naive.linearBackward(gy: gy.doubled, x.doubled, w.doubled, batch: n, inputs: i, outputs: o)
            let squares = reference.gw.reduce(0) { $0 + $1 * $1 }
            try ck_isa.each { isa in
                let y = try run.linear(x, w, bias, batch: n, inputs: i, outputs: o)
                try compare("\(isa): y", y, expected, productTolerance(expected))
                let ours = try run.linearBackward(
                    gy: gy, x, w, batch: n, inputs: i, outputs: o, bias: item.hasBias)
                try compare("\(isa): gx", ours.gx, reference.gx, productTolerance(reference.gx))
                try compare("\(isa): gw", ours.gw, reference.gw, productTolerance(reference.gw))
                if let gb = ours.gb { try compare("\(isa): gb", gb, reference.gb, productTolerance(reference.gb)) }
                let norm2 = try run.linearSquaredNorm(gy: gy, x, batch: n, inputs: i, outputs: o)
                try compare(
                    "\(isa): squared norm", [norm2], [squares], Tolerance(absolute: 1e-6, relative: 1e-5))
            }
        }

        @Test("batches 1-9, inputs and outputs 1-100 agree with the naive reference")
        func shapes() throws {
            var cases: [LinearCase] = []
            for (k, inputs) in [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 84, 100].enumerated() {
                for (j, outputs) in [1, 2, 3, 5, 8, 16, 17, 40, 84].enumerated() {
                    cases.append(
                        LinearCase(
                            batch: 1 + (k * 5 + j) % 9, inputs: inputs, outputs: outputs, hasBias: (k + j) % 3 > 0))
                }
            }
            try sweep(cases, seed: 31) { try check($0, seed: $1, $1 % 2 == 0 ? .aligned : .unaligned) }
        }

        @Test("long sums and large batches agree with the naive reference")
        func large() throws {
            let cases = [(3, 20_011, 5), (1, 65_536, 2), (129, 84, 2), (40, 70, 65), (2, 30_000, 17)]
                .map { LinearCase(batch: $0, inputs: $1, outputs: $2) }
            try sweep(cases, seed: 32) { try check($0, seed: $1, .aligned) }
        }

        @Test("the outputs of a sample have the same bits in any batch")
        func companyDoesNotMatter() throws {
            for (inputs, outputs) in [(100, 7), (3000, 13)] {
                let all = LinearCase(batch: 9, inputs: inputs, outputs: outputs)
                let (x, w, bias) = (all.x(1), all.w(1), all.bias(1))
                try ck_isa.each { isa in
                    func y(_ samples: Range<Int>) throws -> [Float] {
                        let part = Array(x[samples.lowerBound * inputs..<samples.upperBound * inputs])
                        return try KernelRuns.aligned.linear(
                            part, w, bias, batch: samples.count, inputs: inputs, outputs: outputs)
                    }
                    let whole = try y(0..<9)
                    for samples in [0..<1, 1..<3, 2..<5, 1..<5, 0..<5, 3..<9] {
                        let expected = Array(whole[samples.lowerBound * outputs..<samples.upperBound * outputs])
                        try compareBits("\(isa): samples \(samples)", y(samples), expected)
                    }
                }
            }
        }

        @Test("backward agrees with finite differences of the naive forward pass")
        func finiteDifferenceGradients() throws {
            let cases = [(1, 1, 1), (2, 5, 3), (4, 3, 7), (1, 20, 2), (5, 2, 6)]
                .map { LinearCase(batch: $0, inputs: $1, outputs: $2) }
            try sweep(cases, seed: 33) { item, seed in
                let (n, i, o) = (item.batch, item.inputs, item.outputs)
                let (x, w, bias, gy) = (item.x(seed), item.w(seed), item.bias(seed)!, item.gy(seed))
                func loss(_ x: [Double], _ w: [Double], _ bias: [Double]) -> Double {
                    dot(Naive.linear(x, w, bias, batch: n, inputs: i, outputs: o), gy.doubled)
                }
                let ours = try KernelRuns.aligned.linearBackward(gy: gy, x, w, batch: n, inputs: i, outputs: o)
                let gx = finiteDifferences(at: x.doubled, eps: 0.1) { loss($0, w.doubled, bias.doubled) }
                let gw = finiteDifferences(at: w.doubled, eps: 0.1) { loss(x.doubled, $0, bias.doubled) }
                let gb = finiteDifferences(at: bias.doubled, eps: 0.1) { loss(x.doubled, w.doubled, $0) }
                try compare("gx", ours.gx, gx, productTolerance(gx))
                try compare("gw", ours.gw, gw, productTolerance(gw))
                try compare("gb", ours.gb!, gb, productTolerance(gb))
            }
        }

        @Test("golden cases")
        func golden() throws {
            try sweep(try Golden().cases(of: "linear", atLeast: 5)) { item, _ in
                let (n, i, o) = try (item.int("n"), item.int("cin"), item.int("cout"))
                let (x, w, gy) = try (item.floats("x"), item.floats("w"), item.floats("gy"))
                let bias = item.hasTensor("b") ? try item.floats("b") : nil
                let expected = try item.doubles(tensor: "y")
                let y = try KernelRuns.aligned.linear(x, w, bias, batch: n, inputs: i, outputs: o)
                try compare("y", y, expected, productTolerance(expected))
                let ours = try KernelRuns.aligned.linearBackward(
                    gy: gy, x, w, batch: n, inputs: i, outputs: o, bias: bias != nil)
                for (name, values) in [("gx", ours.gx), ("gw", ours.gw), ("gb", ours.gb)] {
                    guard let values else { continue }
                    let expected = try item.doubles(tensor: name)
                    try compare(name, values, expected, productTolerance(expected))
                }
            }
        }
    }
}
