import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// Dropout with fixed masks, for comparing training steps with those of PyTorch.
private struct MaskedDropout: Layer {
    let name = "dropout"
    /// The mask of each step for the whole batch. The seed of a pass is the index of the step.
    let masks: [[Float]]

    func outputShape(for inputs: [Shape]) -> Shape { inputs[0] }

    func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String { x[0] }

    func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) {
        for index in 0..<y.count {
            if case .training(let step) = pass, step < masks.count {
                y[index] = x[0][index] * masks[Int(step)][index] * 2
            } else {
                y[index] = x[0][index]
            }
        }
    }

    func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) {
        if let gx = gx[0] { forward(gx, [gy], memory, pass) }
    }
}

/// LeNet-5 compared with PyTorch in double precision, with the same weights and tiles.
@Suite(.kernelTurns) struct NetworkGoldenTests {
    /// A training pass without dropout.
    private static let noDropout = Pass.training(seed: .max)
    private let tolerance = Tolerance(absolute: 1e-6, relative: 1e-4)

    private func network(_ golden: Golden.Case) throws -> Network {
        let widths = try golden.ints("width")
        let size = try golden.int("size")
        let masks = try golden.tensor("dropout_masks")
        let bytes = try masks.octets().map(Float.init)
        let each = bytes.count / masks.shape[0]
        let steps = (0..<masks.shape[0]).map { Array(bytes[$0 * each..<($0 + 1) * each]) }
        let layers = Architecture.lenet5Layers(
            widths: (widths[0], widths[1], widths[2], widths[3]), classes: 2, dropout: 0.5
        ).map { $0 is DropoutLayer ? MaskedDropout(masks: steps) : $0 }
        let network = try Network(layers, inputShape: [3, size, size])
        let seed = UInt64(try golden.int("seed"))
        for (index, tensor) in network.parameters.tensors.enumerated() {
            let scale = tensor.shape.dimensions.count > 1 ? 1 / Float(tensor.shape.sample.count).squareRoot() : 0.0625
            tensor.copy(
                from: Tensor(
                    tensor.shape,
                    Formula.values(seed: seed + UInt64(index), count: tensor.count, scale: Double(scale))))
        }
        return network
    }

    /// Fills the input with the golden tiles, normalized to -1 ... 1. Larger tiles are cropped to rows 64..<128 and columns
    /// 32..<96.
    private func fillInput(_ workspace: Workspace, _ golden: Golden.Case) throws {
        let tiles = try golden.tensor("u8_nhwc", of: "tiles")
        let size = try golden.int("size")
        let stored = tiles.shape[1]
        let first = stored == size ? 0 : (64 * stored + 32) * 3
        let windows = PixelWindows(
            height: size, width: size, rowStride: stored * 3,
            offsets: (0..<2).map { Int64($0 * stored * stored * 3 + first) })
        let octets = try tiles.octets()
        try Kernels.normalize(
            workspace.input, octets.span.bytes, windows,
            ChannelStatistics(mean: [127.5, 127.5, 127.5], deviation: [127.5, 127.5, 127.5]))
    }

    @Test func lossAndGradientsMatchPyTorch() throws {
        for golden in try Golden().cases(of: "network", atLeast: 4) where golden.hasTensor("grad.conv1.weight") {
            let network = try network(golden)
            let workspace = Workspace(network, capacity: 2, supportsBackward: true)
            try fillInput(workspace, golden)
            let targets = try golden.ints("targets").map(Int32.init)
            let settings = CrossEntropy(labelSmoothing: Float(try golden.double("label_smoothing")))
            let logits = try workspace.forward(Self.noDropout)
            try compare("\(golden) logits", logits.values, golden.doubles(tensor: "logits_eval"), tolerance)
            let loss = try Kernels.crossEntropyForward(logits, targets: targets, settings)
            try compare("\(golden) loss", [loss], golden.doubles(tensor: "loss_eval"), tolerance)
            try Kernels.crossEntropyBackward(workspace.logitsGradient, logits, targets: targets, settings)
            let gradients = Gradients(network, storesAll: true)
            try workspace.backward(into: gradients)
            for (name, gradient) in gradients.stored.named {
                let values = gradient.values
                // Relative to the largest element, because small ones may be differences of large terms.
                let tolerance = Tolerance(absolute: 1e-4 * values.largestMagnitude)
                if golden.hasTensor("grad.\(name)") {
                    try compare("\(golden) \(name)", values, golden.doubles(tensor: "grad.\(name)"), tolerance)
                } else {
                    let index = try golden.tensor("grad.\(name).index").integers()
                    let sample = try golden.doubles(tensor: "grad.\(name).sample")
                    try compare("\(golden) \(name)", index.map { values[Int($0)] }, sample, tolerance)
                    let sum = values.reduce(0.0) { $0 + Double($1) * Double($1) }
                    try compare(
                        "\(golden) \(name) squared", [sum], golden.doubles(tensor: "grad.\(name).sumsq"),
                        self.tolerance)
                }
            }
        }
    }

    @Test func lossesOfFiveStepsMatchPyTorch() throws {
        for golden in try Golden().cases(of: "network", atLeast: 4) {
            let network = try network(golden)
            let workspace = Workspace(network, capacity: 2, supportsBackward: true)
            try fillInput(workspace, golden)
            let isAdam = try golden.string("optimizer").hasPrefix("Adam")
            let settings: OptimizerSettings =
                isAdam
                ? .adam(OptimizerSettings.Adam(learningRate: 1e-3, weightDecay: 1e-4))
                : .sgd(OptimizerSettings.SGD(learningRate: 0.05, weightDecay: 1e-4, momentum: 0.9))
            let optimizer = Optimizer(settings, layout: network.parameters.layout)
            let gradients = Gradients(network, storesAll: true)
            let targets = try golden.ints("targets").map(Int32.init)
            let crossEntropy = CrossEntropy(labelSmoothing: Float(try golden.double("label_smoothing")))
            let clip = Float(try golden.double("clip"))
            var (losses, norms) = ([Double](), [Double]())
            for step in 0..<(try golden.int("steps")) {
                let logits = try workspace.forward(.training(seed: UInt64(step)))
                losses.append(try Kernels.crossEntropyForward(logits, targets: targets, crossEntropy))
                try Kernels.crossEntropyBackward(workspace.logitsGradient, logits, targets: targets, crossEntropy)
                try workspace.backward(into: gradients)
                norms.append(try #require(try optimizer.step(network.parameters, gradients, clipNorm: clip)))
            }
            try compare("\(golden) losses", losses, golden.doubles(tensor: "losses"), tolerance)
            try compare(
                "\(golden) norms", norms, golden.doubles(tensor: "grad_norms"),
                Tolerance(absolute: 1e-5, relative: 1e-3))
            let logits = try workspace.forward(Self.noDropout).values
            try compare(
                "\(golden) logits after", logits, golden.doubles(tensor: "logits_after"),
                Tolerance(absolute: 1e-4, relative: 1e-3))
        }
    }
}
