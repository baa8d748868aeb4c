import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// Training of a part of a network, and with frozen running statistics.
@Suite(.kernelTurns) struct FineTuningTests {
    private func fineTuning(
        frozen: [String] = [], backboneRateFactor: Float = 1, freezesStatistics: Bool = false
    ) -> FineTuning {
        var result = FineTuning()
        (result.frozen, result.backboneRateFactor) = (frozen, backboneRateFactor)
        result.freezesStatistics = freezesStatistics
        return result
    }

    private func plan(_ architecture: Architecture, _ fineTuning: FineTuning = FineTuning()) throws -> NetworkPlan {
        let side = architecture.tileSize
        return try NetworkPlan(
            architecture.graph(classes: 2, dropout: 0), inputShape: [3, side, side], fineTuning)
    }

    @Test func namesStandForLayersOrTheStartsOfTheirNames() throws {
        let resnet = try plan(.resnet18)
        #expect(
            resnet.freezableNames == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc", "backbone"])
        #expect(try plan(.lenet5).freezableNames == ["conv1", "conv2", "conv3", "fc1", "fc2", "backbone"])
        #expect(
            try plan(.unet).freezableNames
                == ["encoder0", "encoder1", "encoder2", "decoder1", "decoder0", "head", "backbone"])
        #expect(try resnet.headName == "fc" && plan(.lenet5).headName == "fc2")
        func names(_ name: String) -> [String] { resnet.nodes(named: name).map { resnet.graph.nodes[$0].layer.name } }
        #expect(names("conv1") == ["conv1"])
        #expect(
            names("layer2.0")
                == ["conv1", "bn1", "conv2", "bn2", "downsample.0", "downsample.1"].map { "layer2.0.\($0)" })
        #expect(names("layer2.0.bn1") == ["layer2.0.bn1"])
        #expect(names("backbone").count == 40 && !names("backbone").contains("fc"))
        for unknown in ["layer", "layer5", "", "maxpool", "dropout", "conv1.weight", "layer1."] {
            #expect(names(unknown).isEmpty, "\(unknown)")
            #expect(resnet.unknownName(in: ["conv1", unknown, "stem"]) == unknown)
        }
        #expect(resnet.unknownName(in: ["conv1", "layer1"]) == nil)
        #expect(try resnet.isTrainable && plan(.resnet18, fineTuning(frozen: ["backbone"])).isTrainable)
        #expect(try !plan(.resnet18, fineTuning(frozen: ["backbone", "fc"])).isTrainable)
    }

    /// The first layers of each network, and those after which an unfrozen one comes.
    private static let frozen: [(NarrowNetwork, [String])] = [
        (.lenet5, ["conv1", "conv2"]), (.lenet5, ["conv2"]), (.lenet5, ["backbone"]),
        (.lenet5WithMaximumPooling, ["conv1"]), (.compact, ["conv1", "bn1", "layer1"]), (.compact, ["layer2"]),
        (.compact, ["bn1"]), (.resnet18, ["backbone"]), (.resnet18, ["conv1", "bn1", "layer1", "layer2"]),
        (.resnet18, ["conv1", "layer3.0"]), (.unet, ["encoder0"]), (.unet, ["encoder1", "decoder0.project"]),
        (.sharedValues, ["conv1"]), (.sharedValues, ["bn", "conv3"]),
    ]

    @Test(arguments: frozen) func frozenLayersAreUnchangedAndOthersTrained(
        network: NarrowNetwork, names: [String]
    ) throws {
        let fixture = try TrainingFixture(network, batch: 3, dropout: 0.3, fineTuning(frozen: names))
        let plan = fixture.network.plan
        let layers = Set(names.flatMap { plan.nodes(named: $0) }.map { plan.graph.nodes[$0].layer.name })
        func isFrozen(_ tensor: String) -> Bool { layers.contains { tensor.hasPrefix($0 + ".") } }
        let before = fixture.network.state.tensors.map(\.values)
        let optimizer = Optimizer(
            OptimizerSettings(method: .adamw, learningRate: 1e-2, weightDecay: 0.1),
            layout: fixture.network.parameters.layout)
        for step in 0..<2 {
            _ = try fixture.backward(.training(seed: UInt64(step)))
            try optimizer.step(fixture.network.parameters, fixture.gradients, clipNorm: 1)
        }
        for ((name, tensor), old) in zip(fixture.network.state.named, before) {
            #expect((tensor.values == old) == isFrozen(name), "\(name)")
        }
        #expect(
            fixture.gradients.stored.layout.names == fixture.network.parameters.layout.names.filter { !isFrozen($0) })
        for state in optimizer.state {
            for (name, moments) in state.named where isFrozen(name) {
                #expect(moments.values.allSatisfy { $0 == 0 }, "\(name)")
            }
        }
    }

    /// Freezing changes nothing but which gradients are computed.
    @Test(arguments: frozen) func otherGradientsAreThoseOfTheWholeNetwork(
        network: NarrowNetwork, names: [String]
    ) throws {
        let pass = Pass.training(seed: 4)
        let whole = try TrainingFixture(network, batch: 3, dropout: 0.3, fineTuning(freezesStatistics: true))
        let part = try TrainingFixture(
            network, batch: 3, dropout: 0.3, fineTuning(frozen: names, freezesStatistics: true))
        #expect(try part.backward(pass) == whole.backward(pass))
        #expect(part.gradients.stored.named.count < whole.gradients.stored.named.count)
        for (name, gradient) in part.gradients.stored.named {
            try compareBits(name, gradient.values, try #require(whole.gradients.stored[name]).values)
        }
    }

    @Test func theBackwardPassEndsAtTheLastFrozenLayer() throws {
        let fixture = try TrainingFixture(
            .resnet18, batch: 2, fineTuning(frozen: ["conv1", "bn1", "layer1", "layer2"]))
        var layers = [String]()
        fixture.workspace.observer = { if $1 { layers.append($0) } }
        _ = try fixture.backward(.training(seed: 1))
        #expect(
            layers.first == "fc"
                && layers.allSatisfy { ["layer3", "layer4"].contains($0.prefix(6)) || !$0.contains(".") })
        #expect(!layers.contains { ["conv1", "bn1", "maxpool"].contains($0) } && layers.contains("layer3.0.conv1"))
        let head = try TrainingFixture(.lenet5, batch: 2, fineTuning(frozen: ["backbone"]))
        layers = []
        head.workspace.observer = { if $1 { layers.append($0) } }
        _ = try head.backward(.training(seed: 1))
        #expect(layers == ["fc2"])
    }

    @Test func theBackboneLearnsAtItsOwnRate() throws {
        func update(_ factor: Float) throws -> [String: [Float]] {
            let fixture = try TrainingFixture(.compact, batch: 3, fineTuning(backboneRateFactor: factor))
            let before = fixture.network.parameters.tensors.map(\.values)
            _ = try fixture.backward(.training(seed: 1))
            let settings = OptimizerSettings(method: .sgd, learningRate: 0.5)
            try Optimizer(settings, layout: fixture.network.parameters.layout)
                .step(fixture.network.parameters, fixture.gradients)
            return Dictionary(
                uniqueKeysWithValues: zip(fixture.network.parameters.named, before).map { parameter, old in
                    (parameter.name, zip(parameter.tensor.values, old).map { $0 - $1 })
                })
        }
        let (equal, slow) = (try update(1), try update(0.25))
        for (name, values) in equal {
            let factor: Float = name.hasPrefix("fc.") ? 1 : 0.25
            try compare(name, slow[name]!, values.map { factor * $0 }, Tolerance(absolute: 1e-6, relative: 1e-3))
        }
    }

    /// The weights of the first dense layer have a gradient that is not stored.
    @Test func productGradientsAreFrozenAndSlowedDown() throws {
        let graph = Graph(chain: Architecture.lenet5Layers(widths: (2, 3, 120, 90), classes: 2, dropout: 0))
        func change(_ fineTuning: FineTuning) throws -> (fc1: [Float], fc2: [Float]) {
            let network = Network(try NetworkPlan(graph, inputShape: [3, 64, 64], fineTuning))
            try network.initialize(seed: 7)
            let before = network.parameters.tensors.map(\.values)
            let workspace = Workspace(network, capacity: 2, supportsBackward: true)
            let gradients = Gradients(network)
            workspace.input.copy(
                from: Tensor(workspace.input.shape, Formula.values(seed: 3, count: workspace.input.count)))
            let logits = try workspace.forward(.training(seed: 3))
            try Kernels.crossEntropyBackward(workspace.logitsGradient, logits, targets: [0, 1], CrossEntropy())
            try workspace.backward(into: gradients)
            let settings = OptimizerSettings(method: .sgd, learningRate: 1)
            try Optimizer(settings, layout: network.parameters.layout).step(
                network.parameters, gradients, clipNorm: 1e3)
            func difference(_ name: String) -> [Float] {
                let place = network.parameters.layout.names.firstIndex(of: name)!
                return zip(network.parameters.tensors[place].values, before[place]).map { $0 - $1 }
            }
            return (difference("fc1.weight"), difference("fc2.weight"))
        }
        let equal = try change(FineTuning())
        #expect(equal.fc1.largestMagnitude > 0)
        let slow = try change(fineTuning(backboneRateFactor: 0.5))
        try compare("fc1", slow.fc1, equal.fc1.map { $0 / 2 }, Tolerance(absolute: 1e-7, relative: 1e-2))
        try compareBits("fc2", slow.fc2, equal.fc2)
        let frozen = try change(fineTuning(frozen: ["fc1"]))
        #expect(frozen.fc1.allSatisfy { $0 == 0 } && frozen.fc2 == equal.fc2)
    }
}
