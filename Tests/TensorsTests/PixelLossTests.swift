import Tensors
import TestSupport
import Testing

private struct PixelLossCase: CustomStringConvertible {
    let truth: [PixelTruth]
    let height: Int
    let width: Int
    let settings: PixelLoss

    var plane: Int { height * width }
    var description: String { "\(truth) \(height)x\(width) \(settings)" }
    var shape: Shape { [truth.count, 3, height, width] }

    func logits(_ seed: UInt64) -> [Float] { Formula.spaced(seed: seed, count: shape.count).map { $0 * 0.5 } }

    /// Every seventh pixel is ignored.
    func classes(_ seed: UInt64) -> [UInt8] {
        Formula.integers(seed: seed &+ 1, count: truth.count * plane, below: 3).enumerated().map { index, value in
            index % 7 == 3 ? PixelClass.ignored : UInt8(value)
        }
    }

    static let all: [PixelLossCase] = {
        let truths: [[PixelTruth]] = [
            [.classes], [.any], [.none], [.classes, .any], [.none, .classes, .classes], [.any, .any, .classes, .none],
            [.absent], [.absent, .any, .classes, .absent],
        ]
        return (0..<48).map { k in
            var settings = PixelLoss()
            settings.classWeights = [[1, 1, 2], [0.5, 1, 0], [0, 0, 3]][k % 3]
            settings.diceWeight = [1, 0, 0.7][k / 3 % 3]
            settings.anyWeight = [0.25, 1, 0][k / 9 % 3]
            settings.absentWeight = [0.075, 0, nil, 0.5][k % 4]
            settings.scoredPixels = [1, 3, 64][k % 3]
            return PixelLossCase(
                truth: truths[k % truths.count], height: 1 + k % 5, width: 1 + k * 3 % 7, settings: settings)
        }
    }()
}

extension KernelTests {
    @Suite struct PixelLossTests {
        private let tolerance = Tolerance(absolute: 2e-6, relative: 2e-5)

        private func run(
            _ item: PixelLossCase, _ logits: [Float], _ classes: [UInt8]
        ) throws -> (loss: Double, gradient: [Float]) {
            let tensor = KernelRuns.unaligned.input(logits, item.shape)
            let gradient = KernelRuns.unaligned.output(item.shape)
            let count = Kernels.pixelScratchCount(batch: item.truth.count, plane: item.plane)
            let scratch = KernelRuns.unaligned.output([count])
            let bytes = classes.span.bytes
            let sums = try Kernels.pixelLossForward(
                tensor, classes: bytes, truth: item.truth, item.settings, scratch: scratch.tensor)
            try Kernels.pixelLossBackward(
                gradient.tensor, sums, tensor, classes: bytes, truth: item.truth, item.settings,
                scratch: scratch.tensor)
            try compareBits("logits", tensor.values, logits)
            return (sums.loss, try gradient.values("glogits"))
        }

        @Test("the loss agrees with the naive reference for every kind of truth, weights and ignored pixels")
        func forward() throws {
            try sweep(PixelLossCase.all, seed: 91) { item, seed in
                let (logits, classes) = (item.logits(seed), item.classes(seed))
                let expected = Naive.pixelLoss(
                    logits.doubled, classes: classes, truth: item.truth, item.settings)
                try compare("loss", [try run(item, logits, classes).loss], [expected], tolerance)
            }
        }

        @Test("the gradient agrees with finite differences of the naive loss")
        func backward() throws {
            try sweep(PixelLossCase.all, seed: 92) { item, seed in
                let (logits, classes) = (item.logits(seed), item.classes(seed))
                let expected = finiteDifferences(at: logits.doubled, eps: 1e-4) {
                    Naive.pixelLoss($0, classes: classes, truth: item.truth, item.settings)
                }
                try compare("glogits", try run(item, logits, classes).gradient, expected, tolerance)
            }
        }

        @Test("scores are means of the largest probabilities, and equal ones count in order")
        func scores() throws {
            try sweep([1, 2, 5, 17, 400], seed: 93) { plane, seed in
                for top in [1, 2, plane / 2 + 1, plane, plane + 5] {
                    let logits = Formula.integers(seed: seed, count: 2 * 3 * plane, below: 5).map { Float($0) }
                    let scratch = Tensor([Kernels.pixelScratchCount(batch: 2, plane: plane)])
                    let scores = try Kernels.pixelScores(
                        Tensor([2, 3, 1, plane], logits), top: top, scratch: scratch)
                    let expected = (0..<2).map { sample in
                        Naive.meanOfTop(
                            (0..<plane).map {
                                1
                                    - Naive.pixelProbabilities(
                                        logits.doubled, sample: sample, pixel: $0, plane: plane)[0]
                            }, top)
                    }
                    try compare("scores", scores, expected, tolerance)
                }
            }
        }

        @Test("a logit that is not a number makes the score and the loss not a number")
        func notANumber() throws {
            var logits = [Float](repeating: 0, count: 3 * 4)
            logits[5] = .nan
            let tensor = Tensor([1, 3, 2, 2], logits)
            let scratch = Tensor([4])
            #expect(try Kernels.pixelScores(tensor, top: 2, scratch: scratch)[0].isNaN)
            for truth in [PixelTruth.classes, .any, .absent] {
                let classes = [UInt8](repeating: 0, count: 4)
                let sums = try Kernels.pixelLossForward(
                    tensor, classes: classes.span.bytes, truth: [truth], PixelLoss(), scratch: scratch)
                #expect(sums.loss.isNaN, "\(truth)")
            }
        }

        @Test("a class that does not exist is refused")
        func badClass() throws {
            let tensor = Tensor([1, 3, 2, 2])
            let classes: [UInt8] = [0, 1, 2, 3]
            let refused = refusal {
                _ = try Kernels.pixelLossForward(
                    tensor, classes: classes.span.bytes, truth: [.classes], PixelLoss(), scratch: Tensor([4]))
            }
            #expect(refused == .badTarget)
        }

        @Test("probabilities of pixels agree with the naive softmax")
        func probabilities() throws {
            let logits = Formula.values(seed: 94, count: 3 * 5 * 7, scale: 10)
            let (interior, boundary) = (Tensor([5, 7]), Tensor([5, 7]))
            try Kernels.pixelProbabilities(interior: interior, boundary: boundary, Tensor([1, 3, 5, 7], logits))
            for (tensor, position) in [(interior, 1), (boundary, 2)] {
                let expected = (0..<35).map {
                    Naive.pixelProbabilities(logits.doubled, sample: 0, pixel: $0, plane: 35)[position]
                }
                try compare("p", tensor.values, expected, Tolerance(absolute: 1e-6))
            }
        }
    }
}
