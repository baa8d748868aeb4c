import CKernels
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
        let small = (0..<48).map { k in
            var settings = PixelLoss()
            settings.classWeights = [[1, 1, 2], [0.5, 1, 0], [0, 0, 3]][k % 3]
            settings.diceWeight = [1, 0, 0.7][k / 3 % 3]
            settings.anyWeight = [0.25, 1, 0][k / 9 % 3]
            settings.absentWeight = [0.075, 0, nil, 0.5][k % 4]
            settings.scoredPixels = [1, 3, 64][k % 3]
            return PixelLossCase(
                truth: truths[k % truths.count], height: 1 + k % 5, width: 1 + k * 3 % 7, settings: settings)
        }
        // More pixels than softmax computes at a time.
        return small + [PixelLossCase(truth: [.classes, .any, .absent], height: 13, width: 11, settings: PixelLoss())]
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
                try ck_isa.each { isa in
                    try compare("\(isa): loss", [try run(item, logits, classes).loss], [expected], tolerance)
                }
            }
        }

        @Test("the gradient agrees with finite differences of the naive loss")
        func backward() throws {
            try sweep(PixelLossCase.all, seed: 92) { item, seed in
                let (logits, classes) = (item.logits(seed), item.classes(seed))
                let expected = finiteDifferences(at: logits.doubled, eps: 1e-4) {
                    Naive.pixelLoss($0, classes: classes, truth: item.truth, item.settings)
                }
                try ck_isa.each { isa in
                    try compare("\(isa): glogits", try run(item, logits, classes).gradient, expected, tolerance)
                }
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

        @Test("pixels with too little stain count as background in scores, and leave those of others unchanged")
        func stainedScores() throws {
            try sweep([1, 2, 5, 17, 400], seed: 95) { plane, seed in
                let logits = Formula.spaced(seed: seed, count: 2 * 3 * plane)
                let densities = Formula.integers(seed: seed &+ 1, count: 2 * plane, below: 4).map { Float($0) }
                let scratch = Tensor([Kernels.pixelScratchCount(batch: 2, plane: plane)])
                for (top, least) in [(1, 2), (plane / 2 + 1, 1), (plane, 0), (3, 4)] as [(Int, Float)] {
                    let scores = try Kernels.pixelScores(
                        Tensor([2, 3, 1, plane], logits), stain: (Tensor([2, 1, plane], densities), least), top: top,
                        scratch: scratch)
                    let expected = (0..<2).map { sample in
                        Naive.meanOfTop(
                            (0..<plane).map { pixel in
                                let p = Naive.pixelProbabilities(
                                    logits.doubled, sample: sample, pixel: pixel, plane: plane)[0]
                                return densities[sample * plane + pixel] < least ? 0 : 1 - p
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

        @Test("probabilities of pixels agree with the naive softmax of shuffled logits, for each instruction set")
        func probabilities() throws {
            try sweep((1...40).map { (1 + $0 % 3, $0) }, seed: 94) { size, seed in
                let (h, w) = size
                // Of differences of up to 200, probabilities round to 0 and 1.
                let logits = Formula.values(seed: seed, count: 12 * h * w, scale: seed % 2 == 0 ? 3 : 100)
                let shuffled = Tensor([1, 3, 2 * h, 2 * w])
                try Kernels.pixelShuffleForward(shuffled, Tensor([1, 12, h, w], logits))
                let values = shuffled.values.doubled
                let expected = (0..<4 * h * w).map {
                    Naive.pixelProbabilities(values, sample: 0, pixel: $0, plane: 4 * h * w)
                }
                var first: [Float]?
                try ck_isa.each { isa in
                    let (interior, nucleus) = (
                        KernelRuns.unaligned.output([2 * h, 2 * w]), KernelRuns.unaligned.output([2 * h, 2 * w])
                    )
                    let areFinite = try Kernels.pixelProbabilities(
                        interior: interior.tensor, nucleus: nucleus.tensor,
                        KernelRuns.unaligned.input(logits, [1, 12, h, w]))
                    #expect(areFinite)
                    // The difference of two logits of up to 100 is rounded to 1e-5.
                    let tolerance = Tolerance(absolute: 1e-30, relative: 2e-5)
                    try compare("\(isa): interior", interior.values("interior"), expected.map { $0[1] }, tolerance)
                    try compare("\(isa): nucleus", nucleus.values("nucleus"), expected.map { $0[1] + $0[2] }, tolerance)
                    let found = try interior.values("interior") + nucleus.values("nucleus")
                    try compareBits("\(isa): other bits than with the first instruction set", found, first ?? found)
                    first = found
                }
            }
        }

        @Test("a logit that is not a number makes the probabilities of its pixel not numbers")
        func notANumberAmongPixels() throws {
            let (h, w) = (2, 17)
            try ck_isa.each { isa in
                for index in stride(from: 0, to: 12 * h * w, by: 7) {
                    var logits = [Float](repeating: 0.5, count: 12 * h * w)
                    logits[index] = .nan
                    let (interior, nucleus) = (Tensor([2 * h, 2 * w]), Tensor([2 * h, 2 * w]))
                    let areFinite = try Kernels.pixelProbabilities(
                        interior: interior, nucleus: nucleus, Tensor([1, 12, h, w], logits))
                    #expect(!areFinite)
                    let found = interior.values.indices.filter { interior.values[$0].isNaN && nucleus.values[$0].isNaN }
                    let (channel, place) = index.quotientAndRemainder(dividingBy: h * w)
                    let row = 2 * (place / w) + channel % 4 / 2
                    try #require(found == [row * 2 * w + 2 * (place % w) + channel % 2], "\(isa), \(index)")
                }
            }
        }
    }
}
