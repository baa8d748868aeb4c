import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// A residual network with batch normalization compared with PyTorch in double precision, with the same weights and
/// images.
@Suite(.kernelTurns) struct ResidualGoldenTests {
    /// The network of a golden case, ready to train.
    private struct GoldenFixture {
        let golden: Golden.Case
        let network: Network
        let workspace: Workspace
        let gradients: Gradients
        let targets: [Int32]
        let crossEntropy: CrossEntropy

        init(_ golden: Golden.Case, _ graph: ([Int]) -> Graph, _ fineTuning: FineTuning = FineTuning()) throws {
            self.golden = golden
            let (widths, shape) = (try golden.ints("widths"), try golden.ints("shape"))
            network = Network(
                try NetworkPlan(graph(widths), inputShape: Shape(shape).sample, fineTuning))
            try network.initialize(seed: 1)
            let seed = UInt64(try golden.int("seed"))
            for (index, name) in try golden.strings("parameters").enumerated() {
                let tensor = try #require(network.parameters[name], "\(name)")
                let isMatrix = tensor.shape.dimensions.count > 1
                let scale = isMatrix ? 1 / Float(tensor.shape.sample.count).squareRoot() : 0.3
                let offset: Float = !isMatrix && name.hasSuffix("weight") ? 1 : 0
                let values = Formula.values(
                    seed: seed + UInt64(index), count: tensor.count, scale: Double(scale))
                tensor.copy(from: Tensor(tensor.shape, values.map { $0 + offset }))
            }
            workspace = Workspace(network, capacity: shape[0], supportsBackward: true)
            let seedOfInput = UInt64(try golden.int("input_seed"))
            let input = Formula.values(seed: seedOfInput, count: workspace.input.count)
            workspace.input.copy(from: Tensor(workspace.input.shape, input))
            gradients = Gradients(network, storesAll: true)
            targets = try golden.ints("targets").map(Int32.init)
            crossEntropy = CrossEntropy(labelSmoothing: Float(try golden.double("label_smoothing")))
        }

        func backward() throws -> Double {
            let logits = try workspace.forward(.training(seed: 1))
            try Kernels.crossEntropyBackward(workspace.logitsGradient, logits, targets: targets, crossEntropy)
            let loss = try Kernels.crossEntropyForward(logits, targets: targets, crossEntropy)
            try workspace.backward(into: gradients)
            return loss
        }
    }

    private let tolerance = Tolerance(absolute: 1e-5, relative: 1e-4)

    /// Like `compact`, but the shortcut of the last block is the block's input.
    private static func graph(widths: [Int]) -> Graph {
        var graph = Graph()
        graph.append(ConvolutionLayer("conv1", filters: widths[0], kernel: 5, stride: 2, padding: 2, bias: false))
        graph.append(BatchNormLayer("bn1", relu: true))
        graph.append(PoolingLayer("maxpool", .maximum, window: 2, stride: 2))
        graph.appendBasicBlock("layer1.0", filters: widths[1], stride: 1, projects: true)
        graph.appendBasicBlock("layer2.0", filters: widths[2], stride: 2, projects: true)
        graph.appendBasicBlock("layer3.0", filters: widths[2], stride: 1, projects: false)
        graph.append(GlobalPoolingLayer("pool"))
        graph.append(LinearLayer("fc", outputs: 2))
        return graph
    }

    @Test func lossAndGradientsMatchPyTorch() throws {
        for golden in try Golden().cases(of: "residual_network", atLeast: 2) {
            let fixture = try GoldenFixture(golden, Self.graph)
            let loss = try fixture.backward()
            try compare("logits", fixture.workspace.logits.values, golden.doubles(tensor: "logits"), tolerance)
            try compare("loss", [loss], [golden.doubles(tensor: "losses")[0]], tolerance)
            try compareGradients(fixture)
        }
    }

    private func compareGradients(_ fixture: GoldenFixture) throws {
        for (name, gradient) in fixture.gradients.stored.named {
            let values = gradient.values
            // Relative to the largest element, because small ones may be differences of large terms.
            try compare(
                name, values, fixture.golden.doubles(tensor: "grad.\(name)"),
                Tolerance(absolute: 1e-4 * values.largestMagnitude))
        }
    }

    /// A narrow ResNet-18.
    @Test func gradientsWithFrozenStatisticsMatchPyTorch() throws {
        var fineTuning = FineTuning()
        fineTuning.freezesStatistics = true
        for golden in try Golden().cases(of: "resnet_evaluation", atLeast: 1) {
            let fixture = try GoldenFixture(
                golden, { Architecture.resnet18Graph(widths: $0, classes: 2, dropout: 0) }, fineTuning)
            let seed = UInt64(try golden.int("buffer_seed"))
            let names = try golden.strings("buffers")
            for (index, name) in names.enumerated() {
                let tensor = try #require(fixture.network.state[name], "\(name)")
                let values = Formula.values(seed: seed + UInt64(index), count: tensor.count, scale: 0.3)
                tensor.copy(from: Tensor(tensor.shape, values.map { $0 + (name.hasSuffix("var") ? 1 : 0) }))
            }
            let before = names.map { fixture.network.state[$0]!.values }
            let loss = try fixture.backward()
            try compare("logits", fixture.workspace.logits.values, golden.doubles(tensor: "logits"), tolerance)
            try compare("loss", [loss], [golden.doubles(tensor: "losses")[0]], tolerance)
            #expect(fixture.gradients.stored.named.count == 62)
            try compareGradients(fixture)
            #expect(names.map { fixture.network.state[$0]!.values } == before)
        }
    }

    @Test func fiveStepsMatchPyTorch() throws {
        for golden in try Golden().cases(of: "residual_network", atLeast: 2) {
            let fixture = try GoldenFixture(golden, Self.graph)
            let isAdam = try golden.string("optimizer").hasPrefix("Adam")
            let settings: OptimizerSettings =
                isAdam
                ? .adam(OptimizerSettings.Adam(learningRate: 1e-2, weightDecay: 1e-3))
                : .sgd(OptimizerSettings.SGD(learningRate: 0.05, weightDecay: 1e-3, momentum: 0.9))
            let optimizer = Optimizer(settings, layout: fixture.network.parameters.layout)
            var (losses, norms) = ([Double](), [Double]())
            for _ in 0..<(try golden.int("steps")) {
                losses.append(try fixture.backward())
                let norm = try optimizer.step(
                    fixture.network.parameters, fixture.gradients,
                    clipNorm: Float(try golden.double("clip")))
                norms.append(try #require(norm))
            }
            // Rounding errors grow from step to step, with Adam most where gradients are close to zero.
            let close = Tolerance(absolute: 2e-3, relative: 1e-3)
            try compare("\(golden) losses", losses, golden.doubles(tensor: "losses"), Tolerance(absolute: 1e-4))
            try compare("\(golden) norms", norms, golden.doubles(tensor: "grad_norms"), close)
            for (name, tensor) in fixture.network.state.named {
                try compare("\(golden) \(name)", tensor.values, golden.doubles(tensor: "after.\(name)"), close)
            }
            let logits = try fixture.workspace.forward(.inference).values
            try compare("\(golden) logits", logits, golden.doubles(tensor: "logits_eval"), close)
        }
    }
}
