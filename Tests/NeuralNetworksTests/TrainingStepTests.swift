import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct TrainingStepTests {
    @Test(arguments: NarrowNetwork.allCases) func trainingFitsATinyBatch(network: NarrowNetwork) throws {
        let fixture = try TrainingFixture(network, batch: 4)
        // The loss is not monotonic, and rounding changes its course.
        var lowest = Double.infinity
        for _ in 0..<300 {
            lowest = min(lowest, try fixture.backward(.training(seed: 0)))
            try fixture.optimizer.step(fixture.network.parameters, fixture.gradients)
        }
        // Networks without large dense layers take longer.
        #expect(lowest < ([.compact, .resnet18, .unet, .sharedValues].contains(network) ? 0.03 : 1e-3))
    }

    /// Finite differences of the loss in single precision, with dropout and all kinds of pooling. This is coarse but
    /// covers the whole graph; the tests of the kernels check each gradient in double precision.
    @Test(arguments: NarrowNetwork.allCases) func gradientsMatchFiniteDifferences(network: NarrowNetwork) throws {
        let fixture = try TrainingFixture(network, batch: 3, dropout: 0.4)
        let pass = Pass.training(seed: 5)
        _ = try fixture.backward(pass)
        for (index, tensor) in fixture.network.parameters.tensors.enumerated() {
            let gradient = fixture.gradients.stored.tensors[index].values
            let element = gradient.indices.max { gradient[$0].magnitude < gradient[$1].magnitude }!
            let (value, eps) = (tensor[element], Float(2e-3))
            tensor[element] = value + eps
            let above = try fixture.loss(pass)
            tensor[element] = value - eps
            let below = try fixture.loss(pass)
            tensor[element] = value
            let slope = (above - below) / Double(2 * eps)
            try compare(
                fixture.network.parameters.layout.names[index], [gradient[element]], [slope],
                Tolerance(absolute: 2e-4, relative: 0.05))
        }
    }

    @Test(arguments: NarrowNetwork.allCases) func stepsAreBitIdenticalForAnyNumberOfThreads(network: NarrowNetwork)
        throws
    {
        var results = [[Float]]()
        let before = Kernels.threadCount
        defer { try? Kernels.setThreadCount(before) }
        for threads in [1, 2, 3, 8] {
            try Kernels.setThreadCount(threads)
            let fixture = try TrainingFixture(network, batch: 5, dropout: 0.5)
            for step in 0..<3 {
                _ = try fixture.backward(.training(seed: UInt64(step)))
                try fixture.optimizer.step(fixture.network.parameters, fixture.gradients, clipNorm: 0.5)
            }
            results.append(fixture.network.state.all.values)
        }
        for result in results.dropFirst() { try compareBits("state", result, results[0]) }
    }

    /// The first dense layer has more than a million weights, so their gradient is not stored.
    @Test func productGradientsAreAppliedLikeStoredOnes() throws {
        let graph = Graph(chain: Architecture.lenet5Layers(widths: (2, 3, 120, 90), classes: 2, dropout: 0.2))
        func train(storesAll: Bool, clipNorm: Float?) throws -> (state: [Float], norms: [Double], names: [String]) {
            let network = try Network(graph, inputShape: [3, 64, 64])
            try network.initialize(seed: 7)
            let workspace = Workspace(network, capacity: 3, supportsBackward: true)
            let gradients = Gradients(network, storesAll: storesAll)
            let optimizer = Optimizer(
                OptimizerSettings(method: .adamw, learningRate: 1e-3, weightDecay: 1e-2),
                layout: network.parameters.layout)
            var norms = [Double]()
            for step in 0..<3 {
                workspace.input.copy(
                    from: Tensor(
                        workspace.input.shape, Formula.values(seed: UInt64(step), count: workspace.input.count)))
                let logits = try workspace.forward(.training(seed: 3))
                try Kernels.crossEntropyBackward(
                    workspace.logitsGradient, logits, targets: [0, 1, 1], CrossEntropy())
                try workspace.backward(into: gradients)
                if let norm = try optimizer.step(network.parameters, gradients, clipNorm: clipNorm) {
                    norms.append(norm)
                }
            }
            return (network.state.all.values, norms, gradients.stored.layout.names)
        }
        let (stored, product) = (
            try train(storesAll: true, clipNorm: nil), try train(storesAll: false, clipNorm: nil)
        )
        #expect(stored.names.filter { !product.names.contains($0) } == ["fc1.weight"])
        try compareBits("state", product.state, stored.state)
        let clipped = try (train(storesAll: true, clipNorm: 0.01), train(storesAll: false, clipNorm: 0.01))
        #expect(clipped.0.state != stored.state)
        try compare(
            "norms", clipped.1.norms.map(Float.init), clipped.0.norms, Tolerance(absolute: 0, relative: 1e-5))
        try compare(
            "clipped state", clipped.1.state, clipped.0.state, Tolerance(absolute: 1e-5, relative: 1e-5))
    }

    @Test(arguments: NarrowNetwork.allCases) func resultsDoNotDependOnTheCapacity(network: NarrowNetwork)
        throws
    {
        let exact = try TrainingFixture(network, batch: 3)
        let roomy = try TrainingFixture(network, batch: 3, capacity: 7)
        #expect(try exact.backward(.training(seed: 1)) == roomy.backward(.training(seed: 1)))
        try compareBits("gradients", exact.gradients.stored.all.values, roomy.gradients.stored.all.values)
    }

    @Test(arguments: NarrowNetwork.allCases) func inferenceWorkspacesComputeTheSameLogits(network: NarrowNetwork) throws
    {
        let fixture = try TrainingFixture(network, batch: 3, dropout: 0.5)
        // Changes the running statistics.
        _ = try fixture.loss(.training(seed: 2))
        let inference = Workspace(fixture.network, capacity: 3)
        inference.input.copy(from: fixture.workspace.input)
        let logits = try fixture.workspace.forward(.inference).values
        try compareBits("logits", inference.forward(.inference).values, logits)
        #expect(try fixture.workspace.forward(.training(seed: 1)).values != logits, "dropout has no effect in training")
    }

    @Test func initialWeightsHavePyTorchsDistribution() throws {
        let network = try Network(
            Architecture.lenet5.graph(classes: 2, dropout: 0.5), inputShape: [3, 64, 64])
        try network.initialize(seed: 1)
        let fanIns = [75, 75, 150, 150, 400, 400, 12000, 12000, 84, 84]
        for (index, (name, tensor)) in network.parameters.named.enumerated() {
            let bound = 1 / Double(fanIns[index]).squareRoot()
            let values = tensor.values.map(Double.init)
            #expect(values.allSatisfy { $0 >= -bound && $0 <= bound }, "\(name)")
            guard values.count > 1000 else { continue }
            let mean = values.reduce(0, +) / Double(values.count)
            let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
            #expect(mean.magnitude < 4 * bound / Double(3 * values.count).squareRoot(), "\(name)")
            #expect((variance / (bound * bound / 3) - 1).magnitude < 0.1, "\(name)")
        }
        let first = network.parameters.all.values
        try network.initialize(seed: 2)
        #expect(network.parameters.all.values != first)
        try network.initialize(seed: 1)
        try compareBits("same seed", network.parameters.all.values, first)
    }

    @Test func compactHasTheInitialWeightsOfHeEtAl() throws {
        let network = try Network(Architecture.compact.graph(classes: 2, dropout: 0.5), inputShape: [3, 64, 64])
        try network.initialize(seed: 1)
        for (name, tensor) in network.state.named {
            let values = tensor.values.map(Double.init)
            if tensor.shape.dimensions.count == 4 {
                // PyTorch's kaiming_uniform_ with mode="fan_out", nonlinearity="relu".
                let bound = (6 / Double(tensor.shape[0] * tensor.shape[2] * tensor.shape[3])).squareRoot()
                #expect(values.allSatisfy { $0.magnitude <= bound }, "\(name)")
                let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
                #expect((variance / (bound * bound / 3) - 1).magnitude < 0.2, "\(name)")
            } else if name.contains("bn") || name.contains("downsample.1") {
                let expected: Double = name.hasSuffix("weight") || name.hasSuffix("running_var") ? 1 : 0
                #expect(values.allSatisfy { $0 == expected }, "\(name)")
            } else {
                #expect(name.hasPrefix("fc."))
            }
        }
    }

    @Test func compactHasTheParametersOfTorchvision() throws {
        let network = try Network(Architecture.compact.graph(classes: 2, dropout: 0), inputShape: [3, 256, 256])
        #expect(network.parameters.layout.parameterCount == 172_930)
        let block = { (name: String) in
            ["conv1", "bn1", "conv2", "bn2", "downsample.0", "downsample.1"].map { "\(name).0.\($0)" }
        }
        let layers = ["conv1", "bn1"] + (1...3).flatMap { block("layer\($0)") } + ["fc"]
        let norms = layers.filter { $0.contains("bn") || $0.hasSuffix("downsample.1") }
        let parameters = layers.flatMap { layer in
            norms.contains(layer) || layer == "fc" ? ["\(layer).weight", "\(layer).bias"] : ["\(layer).weight"]
        }
        #expect(network.parameters.layout.names == parameters)
        #expect(
            network.state.layout.names
                == parameters + norms.flatMap { ["\($0).running_mean", "\($0).running_var"] })
    }

    @Test func resnet18HasTheParametersOfTorchvision() throws {
        let network = try Network(Architecture.resnet18.graph(classes: 1000, dropout: 0), inputShape: [3, 224, 224])
        #expect(network.parameters.layout.parameterCount == 11_689_512)
        let blocks = (1...4).flatMap { level in
            (0..<2).flatMap { block -> [String] in
                let layers = ["conv1", "bn1", "conv2", "bn2"]
                let shortcut = level > 1 && block == 0 ? ["downsample.0", "downsample.1"] : []
                return (layers + shortcut).map { "layer\(level).\(block).\($0)" }
            }
        }
        let layers = ["conv1", "bn1"] + blocks + ["fc"]
        let norms = layers.filter { $0.contains("bn") || $0.hasSuffix("downsample.1") }
        let parameters = layers.flatMap { layer in
            norms.contains(layer) || layer == "fc" ? ["\(layer).weight", "\(layer).bias"] : ["\(layer).weight"]
        }
        #expect(network.parameters.layout.names == parameters)
        #expect(
            network.state.layout.names
                == parameters + norms.flatMap { ["\($0).running_mean", "\($0).running_var"] })
        for (name, shape) in [
            ("conv1.weight", [64, 3, 7, 7]), ("layer2.0.conv1.weight", [128, 64, 3, 3]),
            ("layer4.0.downsample.0.weight", [512, 256, 1, 1]), ("fc.weight", [1000, 512]),
        ] as [(String, Shape)] {
            #expect(network.parameters[name]?.shape == shape, "\(name)")
        }
        // Half of half of half ... of the tile, rounded up each time.
        for side in [33, 64, 97, 256] {
            let plan = try NetworkPlan(
                Architecture.resnet18.graph(classes: 2, dropout: 0), inputShape: [3, side, side])
            let pool = try #require(plan.graph.nodes.firstIndex { $0.layer.name == "avgpool" })
            #expect(plan.inputShapes(of: pool) == [[512, (side + 31) / 32, (side + 31) / 32]])
        }
    }

    @Test func lenet5HasTheParametersOfTheReference() throws {
        let network = try Network(
            Architecture.lenet5.graph(classes: 2, dropout: 0), inputShape: [3, 256, 256])
        let layout = network.parameters.layout
        #expect(layout.parameterCount == 33_960_366)
        #expect(
            layout.names == ["conv1", "conv2", "conv3", "fc1", "fc2"].flatMap { ["\($0).weight", "\($0).bias"] })
        #expect(layout.shapes[6] == [84, 403_680])
    }

    @Test func incompatibleLayersThrow() {
        #expect(throws: (any Error).self) {
            _ = try Network(Architecture.lenet5.graph(classes: 2, dropout: 0), inputShape: [3, 8, 8])
        }
        #expect(throws: LayerError.self) {
            _ = try Network([ConvolutionLayer("conv", filters: 1, kernel: 1)], inputShape: [12])
        }
    }
}
