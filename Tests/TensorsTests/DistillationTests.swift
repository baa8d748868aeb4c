import CKernels
import Tensors
import TestSupport
import Testing

struct DistillationCase: CustomStringConvertible {
    let batch: Int
    let classes: Int
    let models: Int
    /// Nil: classes of samples.
    let size: (height: Int, width: Int)?

    var plane: Int { size.map { $0.height * $0.width } ?? 1 }
    var shape: Shape { size.map { [batch, classes, $0.height, $0.width] } ?? [batch, classes] }
    var description: String { "\(models) teachers of \(shape)" }

    func logits(_ seed: UInt64) -> [Float] { Formula.values(seed: seed, count: shape.count, scale: 5) }
    func teachers(_ seed: UInt64) -> [Float] {
        Formula.values(seed: seed &+ 7, count: models * shape.count, scale: 4)
    }

    func expectedMean(_ teachers: [Float]) -> [Double] {
        Naive.meanSoftmax(teachers.doubled, models: models, classes: classes, plane: plane)
    }

    static let all: [DistillationCase] = {
        var cases = [DistillationCase]()
        for size in [nil, (1, 1), (1, 7), (5, 3)] as [(height: Int, width: Int)?] {
            for classes in [1, 2, 3, 6] {
                for models in [1, 2, 3] {
                    cases.append(
                        DistillationCase(batch: 1 + cases.count % 5, classes: classes, models: models, size: size))
                }
            }
        }
        // More pixels than softmax computes at a time.
        return cases + [DistillationCase(batch: 1, classes: 3, models: 2, size: (13, 11))]
    }()
}

extension KernelTests {
    @Suite struct DistillationTests {
        private let tolerance = Tolerance(absolute: 2e-6, relative: 1e-5)

        @Test("means of probabilities agree with the naive reference for samples and pixels")
        func means() throws {
            try sweep(DistillationCase.all, seed: 61) { item, seed in
                let teachers = item.teachers(seed)
                try ck_isa.each { isa in
                    let p = try KernelRuns.unaligned.meanSoftmax(item, teachers)
                    try compare("\(isa): p", p, item.expectedMean(teachers), tolerance)
                }
            }
        }

        @Test("the loss agrees with the naive reference for samples and pixels")
        func forward() throws {
            try sweep(DistillationCase.all, seed: 62) { item, seed in
                let (logits, p) = (item.logits(seed), item.expectedMean(item.teachers(seed)).map(Float.init))
                let zeros = [Float](repeating: 0, count: p.count)
                let expected = Naive.distillation(
                    logits.doubled, p.doubled, classes: item.classes, plane: item.plane)
                try ck_isa.each { isa in
                    let ours = try KernelRuns.unaligned.distillation(item, logits, p, addend: zeros)
                    try compare("\(isa): loss", [ours.loss], [expected], tolerance)
                }
            }
        }

        @Test("the gradient agrees with finite differences of the naive loss, and is added to another one")
        func backward() throws {
            try sweep(DistillationCase.all, seed: 63) { item, seed in
                let (logits, p) = (item.logits(seed), item.expectedMean(item.teachers(seed)).map(Float.init))
                let addend = Formula.values(seed: seed &+ 9, count: p.count)
                let expected = finiteDifferences(at: logits.doubled, eps: 1e-4) {
                    Naive.distillation($0, p.doubled, classes: item.classes, plane: item.plane)
                }
                try ck_isa.each { isa in
                    let ours = try KernelRuns.aligned.distillation(item, logits, p, addend: addend)
                    try compare(
                        "\(isa): glogits", ours.glogits, zip(addend.doubled, expected).map { $0 + $1 }, tolerance)
                }
            }
        }

        @Test("golden cases")
        func golden() throws {
            try sweep(try Golden().cases(of: "distillation", atLeast: 4)) { golden, _ in
                let shape = try golden.ints("shape")
                let item = DistillationCase(
                    batch: shape[0], classes: shape[1], models: try golden.int("models"),
                    size: shape.count == 2 ? nil : (shape[2], shape[3]))
                let p = try KernelRuns.aligned.meanSoftmax(item, golden.floats("teachers"))
                try compare("p", p, golden.doubles(tensor: "p"), tolerance)
                let zeros = [Float](repeating: 0, count: p.count)
                let ours = try KernelRuns.aligned.distillation(item, golden.floats("x"), p, addend: zeros)
                try compare("loss", [ours.loss], golden.doubles(tensor: "loss"), tolerance)
                try compare("gx", ours.glogits, golden.doubles(tensor: "gx"), tolerance)
            }
        }

        @Test("the gradient may replace the one that it is added to")
        func inPlace() throws {
            let item = DistillationCase(batch: 3, classes: 3, models: 2, size: (4, 5))
            let (logits, p) = (item.logits(64), item.expectedMean(item.teachers(64)).map(Float.init))
            let addend = Formula.values(seed: 65, count: p.count)
            let apart = try KernelRuns.aligned.distillation(item, logits, p, addend: addend).glogits
            let gradient = Tensor(item.shape, addend)
            try Kernels.distillationBackward(
                gradient, adding: gradient, Tensor(item.shape, logits), Tensor(item.shape, p))
            try compareBits("glogits", gradient.values, apart)
        }

        @Test("huge logits give finite numbers; a class of no probability has no loss where no teacher expects it")
        func extremes() throws {
            let item = DistillationCase(batch: 2, classes: 2, models: 1, size: nil)
            let p = try KernelRuns.aligned.meanSoftmax(item, [1e4, -1e4, 0, 0])
            #expect(p == [1, 0, 0.5, 0.5])
            let ours = try KernelRuns.aligned.distillation(
                item, [1e4, -.infinity, 3e38, 3e38], p, addend: [0, 0, 0, 0])
            try compare("loss", [ours.loss], [0.693147 / 2], tolerance)
            #expect(ours.glogits == [0, 0, 0, 0])
        }

        @Test("a logit that is not a number gives no number")
        func notANumber() throws {
            let item = DistillationCase(batch: 1, classes: 2, models: 1, size: nil)
            #expect(try KernelRuns.aligned.meanSoftmax(item, [.nan, 0]).allSatisfy(\.isNaN))
            let ours = try KernelRuns.aligned.distillation(item, [0, .nan], [0.5, 0.5], addend: [0, 0])
            #expect(ours.loss.isNaN && ours.glogits.allSatisfy(\.isNaN))
        }
    }
}
