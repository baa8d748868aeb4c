import Tensors
import TestSupport
import Testing

struct LossCase: CustomStringConvertible {
    let batch: Int
    let classes: Int
    let settings: CrossEntropy
    let ignoreEvery: Int

    var description: String { "N\(batch) classes \(classes) \(settings), every \(ignoreEvery)th row ignored" }

    func logits(_ seed: UInt64) -> [Float] { Formula.values(seed: seed, count: batch * classes, scale: 5) }
    func targets(_ seed: UInt64) -> [Int32] {
        Formula.integers(seed: seed &+ 1, count: batch, below: classes).enumerated().map { index, target in
            ignoreEvery > 0 && index % ignoreEvery == 1 ? -Int32(1 + index * 50) : Int32(target)
        }
    }

    func twin(_ logits: [Double], _ targets: [Int32]) -> (losses: [Double], loss: Double) {
        Naive.crossEntropy(
            logits, targets: targets, classes: classes, smoothing: Double(settings.labelSmoothing),
            weights: settings.classWeights?.doubled, mean: settings.reduction == .mean)
    }

    static let all: [LossCase] = {
        var cases: [LossCase] = []
        for classes in [1, 2, 3, 5, 10, 17, 33] {
            for smoothing: Float in [0, 0.1, 1] {
                for weighted in [false, true] {
                    for reduction in [CrossEntropy.Reduction.mean, .sum] {
                        let k = cases.count
                        let weights = Formula.values(seed: UInt64(k), count: classes).map { $0.magnitude + 0.25 }
                        cases.append(
                            LossCase(
                                batch: 1 + k * 7 % 19, classes: classes,
                                settings: CrossEntropy(
                                    labelSmoothing: smoothing, classWeights: weighted ? weights : nil,
                                    reduction: reduction), ignoreEvery: k % 3 == 0 ? 4 : 0))
                    }
                }
            }
        }
        return cases
    }()
}

extension KernelTests {
    @Suite struct LossTests {
        private let tolerance = Tolerance(absolute: 2e-6, relative: 1e-5)

        @Test("losses agree with the naive reference for any classes, weights, smoothing and ignored rows")
        func forward() throws {
            try sweep(LossCase.all, seed: 51) { item, seed in
                let (logits, targets) = (item.logits(seed), item.targets(seed))
                let expected = item.twin(logits.doubled, targets)
                let ours = try KernelRuns.unaligned.crossEntropy(
                    logits, targets: targets, classes: item.classes, item.settings)
                try compare("losses", ours.losses, expected.losses, tolerance)
                try compare("loss", [ours.loss], [expected.loss], tolerance)
            }
        }

        /// The error of the central differences is about eps^2, 1e-8.
        @Test("the gradient agrees with finite differences of the naive loss")
        func finiteDifferenceGradients() throws {
            try sweep(LossCase.all, seed: 52) { item, seed in
                let (logits, targets) = (item.logits(seed), item.targets(seed))
                let expected = finiteDifferences(at: logits.doubled, eps: 1e-4) { item.twin($0, targets).loss }
                let ours = try KernelRuns.aligned.crossEntropy(
                    logits, targets: targets, classes: item.classes, item.settings)
                try compare("glogits", ours.glogits, expected, tolerance)
            }
        }

        @Test("a large batch agrees with the naive reference")
        func largeBatch() throws {
            let item = LossCase(
                batch: 5000, classes: 2, settings: CrossEntropy(labelSmoothing: 0.1, classWeights: [0.4, 1.6]),
                ignoreEvery: 10)
            let (logits, targets) = (item.logits(53), item.targets(53))
            let ours = try KernelRuns.aligned.crossEntropy(logits, targets: targets, classes: 2, item.settings)
            let expected = item.twin(logits.doubled, targets)
            try compare("losses", ours.losses, expected.losses, tolerance)
            try compare("loss", [ours.loss], [expected.loss], Tolerance(absolute: 0, relative: 1e-6))
        }

        @Test(
            "equal logits of any size are equally probable",
            arguments: [0, 1, 88.5, -104, 1e4, 1e7, 1e12, -1e20, 3e38] as [Float])
        func equalLogits(_ logit: Float) throws {
            for classes in [2, 5] {
                let logits = [Float](repeating: logit, count: classes)
                let ours = try KernelRuns.aligned.crossEntropy(
                    logits, targets: [1], classes: classes, CrossEntropy())
                let expected = Naive.crossEntropy(
                    [Double](repeating: 0, count: classes), targets: [1], classes: classes, smoothing: 0,
                    weights: nil, mean: true)
                try compare("loss", [ours.loss], [expected.loss], tolerance)
                let gradient = (0..<classes).map { 1 / Double(classes) - ($0 == 1 ? 1 : 0) }
                try compare("glogits", ours.glogits, gradient, tolerance)
            }
        }

        @Test("huge logits give a finite, accurate loss")
        func extremes() throws {
            let ours = try KernelRuns.aligned.crossEntropy(
                [1e4, -1e4, 1e4, -1e4], targets: [1, 0], classes: 2, CrossEntropy(reduction: .sum))
            #expect(ours.losses == [2e4, 0] && ours.loss == 2e4)
            #expect(ours.glogits == [1, -1, 0, 0])
        }

        @Test("a NaN logit gives NaN in the loss and in the gradient of its row only")
        func notANumber() throws {
            let ours = try KernelRuns.aligned.crossEntropy(
                [1, .nan, 0.5, 0.25], targets: [0, 1], classes: 2, CrossEntropy(reduction: .sum))
            #expect(ours.loss.isNaN && ours.losses[0].isNaN && !ours.losses[1].isNaN)
            #expect(ours.glogits[0].isNaN && ours.glogits[1].isNaN)
            #expect(!ours.glogits[2].isNaN && !ours.glogits[3].isNaN)
        }

        @Test("ignored rows have no loss and no gradient, whatever their logits")
        func ignoredRows() throws {
            let logits: [Float] = [1, 2, .nan, .infinity, 3, 1]
            let ours = try KernelRuns.aligned.crossEntropy(
                logits, targets: [0, -100, 1], classes: 2, CrossEntropy(labelSmoothing: 0.1))
            let apart = try KernelRuns.aligned.crossEntropy(
                [1, 2, 3, 1], targets: [0, 1], classes: 2, CrossEntropy(labelSmoothing: 0.1))
            #expect(ours.losses == [apart.losses[0], 0, apart.losses[1]])
            #expect(ours.glogits == [apart.glogits[0], apart.glogits[1], 0, 0, apart.glogits[2], apart.glogits[3]])
            try compare("loss", [ours.loss], [apart.loss], Tolerance(absolute: 0, relative: 1e-12))
        }

        @Test("the mean over no targets is NaN, the sum is 0")
        func nothing() throws {
            let mean = try KernelRuns.aligned.crossEntropy([1, 2], targets: [-1], classes: 2, CrossEntropy())
            #expect(mean.loss.isNaN && mean.losses == [0])
            let sum = try KernelRuns.aligned.crossEntropy(
                [1, 2], targets: [-1], classes: 2, CrossEntropy(reduction: .sum))
            #expect(sum.loss == 0 && sum.losses == [0] && sum.glogits == [0, 0])
        }

        @Test("a target that is not below the number of classes is rejected")
        func targetOutOfRange() {
            let logits = Tensor([2, 3])
            for target: Int32 in [3, 4, .max] {
                for row in 0..<2 {
                    var targets: [Int32] = [0, 0]
                    targets[row] = target
                    let forward = refusal {
                        _ = try Kernels.crossEntropyForward(logits, targets: targets, CrossEntropy())
                    }
                    let backward = refusal {
                        try Kernels.crossEntropyBackward(Tensor([2, 3]), logits, targets: targets, CrossEntropy())
                    }
                    #expect(forward == .badTarget && backward == .badTarget, "target \(target) in row \(row)")
                }
            }
        }

        @Test("golden cases")
        func golden() throws {
            try sweep(try Golden().cases(of: "cross_entropy", atLeast: 27)) { item, _ in
                let (classes, words) = try (item.int("classes"), item.string("reduction"))
                let targets = try item.tensor("target").integers().map { Int32($0) }
                let settings = CrossEntropy(
                    labelSmoothing: Float(try item.double("label_smoothing")),
                    classWeights: try item.bool("weights") ? item.floats("weight") : nil,
                    reduction: words == "mean" ? .mean : .sum)
                let logits = try item.floats("x")
                let ours = try KernelRuns.aligned.crossEntropy(logits, targets: targets, classes: classes, settings)
                let loss = try item.doubles(tensor: "loss")
                try compare("loss", words == "none" ? ours.losses.doubled : [ours.loss], loss, tolerance)
                try compare("gx", ours.glogits, item.doubles(tensor: "gx"), tolerance)
                guard item.hasTensor("p") else { return }
                let p = Naive.softmax(logits.doubled, classes: classes)
                try compare("p of the naive reference", p, item.doubles(tensor: "p"), tolerance)
            }
        }
    }
}
