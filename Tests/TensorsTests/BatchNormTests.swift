import CKernels
import Tensors
import TestSupport
import Testing

struct BatchNormCase: CustomStringConvertible {
    let batch: Int
    var norm: BatchNorm

    init(batch: Int, channels: Int, plane: Int, relu: Bool) {
        self.batch = batch
        norm = BatchNorm(channels: channels, plane: plane, relu: relu)
    }

    var description: String { "N\(batch) C\(norm.channels) plane \(norm.plane)\(norm.relu ? " relu" : "")" }
    var count: Int { batch * norm.channels * norm.plane }

    func x(_ seed: UInt64) -> [Float] {
        // Channels differ in mean and deviation.
        Formula.values(seed: seed, count: count).enumerated().map { index, value in
            let channel = index / norm.plane % norm.channels
            return value * Float(1 + channel % 3) + Float(channel % 5) - 2
        }
    }

    /// Weights of both signs, biases, running means, and positive running variances.
    func channels(_ seed: UInt64) -> BatchNormRun.Channels {
        func values(_ stream: UInt64) -> [Float] { Formula.values(seed: seed &+ stream, count: norm.channels) }
        return BatchNormRun.Channels(
            weight: values(1), bias: values(2), runningMean: values(3), runningVariance: values(4).map { $0 + 1.25 })
    }

    func gy(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &+ 5, count: count) }
}

/// The batch normalization kernels on arrays, with the checks of `KernelRuns`.
struct BatchNormRun {
    struct Channels {
        var weight: [Float]
        var bias: [Float]
        var runningMean: [Float]
        var runningVariance: [Float]
    }

    struct Training {
        var y, mean, inverseDeviation, runningMean, runningVariance, gx, gweight, gbias: [Float]
        var all: [[Float]] { [y, mean, inverseDeviation, runningMean, runningVariance, gx, gweight, gbias] }
    }

    let item: BatchNormCase
    let channels: Channels
    var run = KernelRuns.aligned
    /// Whether outputs share the memory of inputs.
    var inPlace = false

    private var shape: Shape { [item.batch, item.norm.channels, item.norm.plane] }
    private func perChannel(_ values: [Float]) -> Tensor { run.input(values, [item.norm.channels]) }

    /// Forward and backward in training. The running statistics start as in `channels`.
    func training(_ x: [Float], gy: [Float], momentum: Float = 0.1) throws -> Training {
        let c: Shape = [item.norm.channels]
        let (y, gx) = (run.output(shape), run.output(shape))
        let (mean, inverse, gweight, gbias) = (run.output(c), run.output(c), run.output(c), run.output(c))
        let statistics = BatchStatistics(mean: mean.tensor, inverseDeviation: inverse.tensor)
        let (runningMean, runningVariance) = (run.output(c), run.output(c))
        runningMean.tensor.copy(from: Tensor(c, channels.runningMean))
        runningVariance.tensor.copy(from: Tensor(c, channels.runningVariance))
        let (weight, bias) = (perChannel(channels.weight), perChannel(channels.bias))
        let (xs, gys) = (run.input(x, shape), run.input(gy, shape))
        if inPlace { y.tensor.copy(from: xs) }
        try Kernels.batchNormForwardTraining(
            y.tensor, statistics, runningMean: runningMean.tensor, runningVariance: runningVariance.tensor,
            inPlace ? y.tensor : xs, weight: weight, bias: bias, momentum: momentum, item.norm)
        if inPlace { gx.tensor.copy(from: gys) }
        try Kernels.batchNormBackward(
            gx.tensor, gweight.tensor, gbias.tensor, gy: inPlace ? gx.tensor : gys, xs, weight: weight, bias: bias,
            statistics, item.norm)
        for (what, tensor, values) in [
            ("x", xs, x), ("gy", gys, gy), ("weight", weight, channels.weight), ("bias", bias, channels.bias),
        ] {
            try compareBits("input \(what)", tensor.values, values)
        }
        return Training(
            y: try y.values("y"), mean: try mean.values("mean"), inverseDeviation: try inverse.values("inverse"),
            runningMean: try runningMean.values("running mean"),
            runningVariance: try runningVariance.values("running variance"), gx: try gx.values("gx"),
            gweight: try gweight.values("gweight"), gbias: try gbias.values("gbias"))
    }

    /// The backward pass of `inference`; without `all`, only with respect to the input.
    func inferenceBackward(_ x: [Float], gy: [Float], all: Bool = true) throws -> [[Float]] {
        let (gx, gweight, gbias) = (
            run.output(shape), run.output([item.norm.channels]), run.output([item.norm.channels])
        )
        let (xs, gys) = (run.input(x, shape), run.input(gy, shape))
        if inPlace { gx.tensor.copy(from: gys) }
        let (mean, variance) = (perChannel(channels.runningMean), perChannel(channels.runningVariance))
        try Kernels.batchNormBackwardInference(
            gx.tensor, all ? (gweight.tensor, gbias.tensor) : nil, gy: inPlace ? gx.tensor : gys, xs,
            weight: perChannel(channels.weight), bias: perChannel(channels.bias), runningMean: mean,
            runningVariance: variance, item.norm)
        try compareBits("input x", xs.values, x)
        try compareBits("running mean", mean.values, channels.runningMean)
        try compareBits("running variance", variance.values, channels.runningVariance)
        let first = try gx.values("gx")
        return all ? [first, try gweight.values("gweight"), try gbias.values("gbias")] : [first]
    }

    func inference(_ x: [Float]) throws -> [Float] {
        let y = run.output(shape)
        let xs = run.input(x, shape)
        if inPlace { y.tensor.copy(from: xs) }
        let (mean, variance) = (perChannel(channels.runningMean), perChannel(channels.runningVariance))
        try Kernels.batchNormForwardInference(
            y.tensor, inPlace ? y.tensor : xs, weight: perChannel(channels.weight), bias: perChannel(channels.bias),
            runningMean: mean, runningVariance: variance, item.norm)
        try compareBits("input x", xs.values, x)
        try compareBits("running mean", mean.values, channels.runningMean)
        return try y.values("y")
    }
}

extension KernelTests {
    @Suite struct BatchNormTests {
        private let tolerance = Tolerance(absolute: 2e-6, relative: 2e-6)
        private let cases: [BatchNormCase] = (0..<120).map { k in
            BatchNormCase(
                batch: 1 + k % 5, channels: 1 + k * 7 % 11, plane: 2 + k * k % 61 + (k % 10 == 0 ? 300 : 0),
                relu: k % 2 == 1)
        }

        private func twin(
            _ item: BatchNormCase, _ x: [Float], gy: [Float], _ channels: BatchNormRun.Channels
        ) -> Naive.BatchNorm {
            Naive.BatchNorm(
                x.doubled, gy: gy.doubled, weight: channels.weight.doubled, bias: channels.bias.doubled, item.norm,
                batch: item.batch)
        }

        @Test("swept shapes agree with the naive reference, forward and backward", arguments: ck_isa.available)
        func training(_ isa: ck_isa) throws {
            try sweep(cases, seed: 91) { item, seed in
                let (x, gy, channels) = (item.x(seed), item.gy(seed), item.channels(seed))
                let expected = twin(item, x, gy: gy, channels)
                // Skip outputs near the kink of ReLU.
                let nearest = item.norm.relu ? expected.beforeReLU.map(\.magnitude).min()! : 1
                guard nearest > 1e-5 else { return }
                let run: KernelRuns = seed % 2 == 0 ? .aligned : .unaligned
                let ours = try isa.use {
                    try BatchNormRun(item: item, channels: channels, run: run).training(x, gy: gy)
                }
                try compare("y", ours.y, expected.y, tolerance)
                try compare("mean", ours.mean, expected.mean, tolerance)
                try compare(
                    "inverse deviation", ours.inverseDeviation,
                    expected.variance.map { 1 / ($0 + Double(item.norm.epsilon)).squareRoot() }, tolerance)
                try compare("gweight", ours.gweight, expected.gweight, Tolerance(absolute: 1e-5, relative: 1e-5))
                try compare("gbias", ours.gbias, expected.gbias, Tolerance(absolute: 1e-5, relative: 1e-5))
                try compare(
                    "gx", ours.gx, expected.gx, Tolerance(absolute: 5e-6 * max(1, expected.gx.largestMagnitude)))
                let values = Double(item.batch * item.norm.plane)
                for (name, running, old, batch) in [
                    ("mean", ours.runningMean, channels.runningMean, expected.mean),
                    (
                        "variance", ours.runningVariance, channels.runningVariance,
                        expected.variance.map { $0 * values / (values - 1) }
                    ),
                ] {
                    let moved = zip(old, batch).map { 0.9 * Double($0) + 0.1 * $1 }
                    try compare("running \(name)", running, moved, tolerance)
                }
            }
        }

        @Test("inference uses the running statistics", arguments: ck_isa.available)
        func inference(_ isa: ck_isa) throws {
            try sweep(cases, seed: 92) { item, seed in
                let (x, channels) = (item.x(seed), item.channels(seed))
                let ours = try isa.use {
                    try BatchNormRun(item: item, channels: channels, run: .unaligned).inference(x)
                }
                let expected = inference(x.doubled, channels.weight.doubled, channels.bias.doubled, channels, item)
                try compare("y", ours, expected, tolerance)
            }
        }

        private func inference(
            _ x: [Double], _ weight: [Double], _ bias: [Double], _ channels: BatchNormRun.Channels,
            _ item: BatchNormCase
        ) -> [Double] {
            Naive.batchNorm(
                x, weight: weight, bias: bias, mean: channels.runningMean.doubled,
                variance: channels.runningVariance.doubled, item.norm)
        }

        /// The output is linear in each argument between the kinks of ReLU.
        @Test(
            "the gradients of inference agree with finite differences of the naive reference",
            arguments: ck_isa.available)
        func inferenceGradients(_ isa: ck_isa) throws {
            var compared = 0
            try sweep(cases.filter { $0.count < 300 }, seed: 95) { item, seed in
                let (x, gy, channels) = (item.x(seed), item.gy(seed), item.channels(seed))
                var linear = item
                linear.norm.relu = false
                let (xs, weight, bias) = (x.doubled, channels.weight.doubled, channels.bias.doubled)
                let beforeReLU = inference(xs, weight, bias, channels, linear)
                guard !item.norm.relu || beforeReLU.allSatisfy({ $0.magnitude > 1e-3 }) else { return }
                compared += 1
                let ours = try isa.use { () throws -> [[Float]] in
                    let run: KernelRuns = seed % 2 == 0 ? .aligned : .unaligned
                    let all = try BatchNormRun(item: item, channels: channels, run: run).inferenceBackward(x, gy: gy)
                    for inPlace in [false, true] {
                        let some = BatchNormRun(item: item, channels: channels, run: run, inPlace: inPlace)
                        try compareBits("gx alone", some.inferenceBackward(x, gy: gy, all: false)[0], all[0])
                    }
                    return all
                }
                func loss(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> Double {
                    dot(inference(x, weight, bias, channels, item), gy.doubled)
                }
                let close = Tolerance(absolute: 1e-5, relative: 1e-5)
                try compare("gx", ours[0], finiteDifferences(at: xs, eps: 1e-4) { loss($0, weight, bias) }, close)
                try compare(
                    "gweight", ours[1], finiteDifferences(at: weight, eps: 1e-4) { loss(xs, $0, bias) }, close)
                try compare("gbias", ours[2], finiteDifferences(at: bias, eps: 1e-4) { loss(xs, weight, $0) }, close)
            }
            #expect(compared >= 30)
        }

        /// The error of the finite differences is about eps^2 away from the kinks of ReLU.
        @Test("backward agrees with finite differences of the naive reference")
        func finiteDifferenceGradients() throws {
            let few = [(3, 2, 4), (1, 3, 5), (4, 1, 2), (2, 2, 9)].flatMap { n, c, plane in
                [false, true].map { BatchNormCase(batch: n, channels: c, plane: plane, relu: $0) }
            }
            var compared = 0
            try sweep(few, seed: 93) { item, seed in
                let (x, gy, channels) = (item.x(seed), item.gy(seed), item.channels(seed))
                let at = twin(item, x, gy: gy, channels)
                guard !item.norm.relu || at.beforeReLU.allSatisfy({ $0.magnitude > 1e-3 }) else { return }
                compared += 1
                func loss(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> Double {
                    dot(
                        Naive.BatchNorm(
                            x, gy: gy.doubled, weight: weight, bias: bias, item.norm, batch: item.batch
                        ).y, gy.doubled)
                }
                let (xs, weight, bias) = (x.doubled, channels.weight.doubled, channels.bias.doubled)
                let ours = try BatchNormRun(item: item, channels: channels).training(x, gy: gy)
                let close = Tolerance(absolute: 2e-5, relative: 2e-5)
                try compare("gx", ours.gx, finiteDifferences(at: xs, eps: 1e-5) { loss($0, weight, bias) }, close)
                try compare(
                    "gweight", ours.gweight, finiteDifferences(at: weight, eps: 1e-5) { loss(xs, $0, bias) }, close)
                try compare("gbias", ours.gbias, finiteDifferences(at: bias, eps: 1e-5) { loss(xs, weight, $0) }, close)
            }
            #expect(compared >= 6)
        }

        @Test("in place")
        func inPlace() throws {
            try sweep(cases, seed: 94) { item, seed in
                let (x, gy, channels) = (item.x(seed), item.gy(seed), item.channels(seed))
                let apart = BatchNormRun(item: item, channels: channels)
                let inPlace = BatchNormRun(item: item, channels: channels, inPlace: true)
                let (first, second) = (try apart.training(x, gy: gy), try inPlace.training(x, gy: gy))
                for (one, other) in zip(first.all, second.all) { try compareBits("training", other, one) }
                try compareBits("inference", inPlace.inference(x), apart.inference(x))
            }
        }

        @Test("a mean much larger than the deviation keeps the deviation accurate")
        func offset() throws {
            let item = BatchNormCase(batch: 8, channels: 1, plane: 1000, relu: false)
            let x = Formula.values(seed: 5, count: item.count).map { $0 + 1000 }
            let channels = item.channels(1)
            let ours = try BatchNormRun(item: item, channels: channels).training(x, gy: item.gy(1))
            let expected = twin(item, x, gy: item.gy(1), channels)
            // The float32 mean has an error up to 3e-5.
            try compare("y", ours.y, expected.y, Tolerance(absolute: 1e-4))
            try compare(
                "inverse deviation", ours.inverseDeviation,
                expected.variance.map { 1 / ($0 + Double(item.norm.epsilon)).squareRoot() },
                Tolerance(absolute: 0, relative: 1e-6))
        }

        @Test("equal values give the bias, and NaN stays NaN")
        func extremes() throws {
            let item = BatchNormCase(batch: 2, channels: 2, plane: 3, relu: true)
            var channels = item.channels(3)
            channels.bias = [0.5, -0.5]
            let flat = try BatchNormRun(item: item, channels: channels).training(
                .init(repeating: 7, count: 12), gy: item.gy(1))
            #expect(flat.y == [0.5, 0.5, 0.5, 0, 0, 0, 0.5, 0.5, 0.5, 0, 0, 0])
            #expect(flat.gx.allSatisfy { $0.isFinite })
            var x = item.x(1)
            x[1] = .nan
            let broken = try BatchNormRun(item: item, channels: channels).training(x, gy: item.gy(1))
            for index in x.indices { #expect(broken.y[index].isNaN == (index / 3 % 2 == 0), "output \(index)") }
            #expect(broken.runningVariance[0].isNaN && broken.runningVariance[1].isFinite)
        }

        @Test("golden cases")
        func golden() throws {
            try sweep(try Golden().cases(of: "batch_norm", atLeast: 3)) { golden, _ in
                let shape = try golden.ints("shape")
                let item = BatchNormCase(
                    batch: shape[0], channels: shape[1], plane: shape[2] * shape[3], relu: try golden.bool("relu"))
                let channels = BatchNormRun.Channels(
                    weight: try golden.floats("weight"), bias: try golden.floats("bias"),
                    runningMean: try golden.floats("mean"), runningVariance: try golden.floats("variance"))
                let run = BatchNormRun(item: item, channels: channels)
                let ours = try run.training(golden.floats("x"), gy: golden.floats("gy"))
                let close = Tolerance(absolute: 2e-5, relative: 2e-5)
                for (name, values) in [
                    ("y", ours.y), ("gx", ours.gx), ("gweight", ours.gweight), ("gbias", ours.gbias),
                    ("mean_after", ours.runningMean), ("variance_after", ours.runningVariance),
                    ("y_eval", try run.inference(golden.floats("x"))),
                ] {
                    try compare(name, values, golden.doubles(tensor: name), close)
                }
            }
        }

        @Test("one value in a channel is rejected in training only")
        func oneValue() throws {
            let item = BatchNormCase(batch: 1, channels: 3, plane: 1, relu: false)
            let run = BatchNormRun(item: item, channels: item.channels(1))
            #expect(refusal { _ = try run.training(item.x(1), gy: item.gy(1)) } == .badDimension)
            let y = try run.inference(item.x(1))
            #expect(y.allSatisfy { $0.isFinite })
        }
    }
}
