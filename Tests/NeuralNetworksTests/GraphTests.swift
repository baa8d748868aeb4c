import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct GraphTests {
    /// y = fc(relu(v) + relu(v + v)) with v = conv(x) and one convolution weight, which has a simple closed form.
    @Test func gradientsOfSeveralReadersAreAdded() throws {
        var graph = Graph()
        let v = graph.append(ConvolutionLayer("conv", filters: 1, kernel: 1, bias: false))
        let once = graph.append(ReLULayer("once"))
        let twice = graph.append(AddReLULayer("twice"), reading: [v, v])
        graph.append(AddReLULayer("sum"), reading: [once, twice])
        graph.append(LinearLayer("fc", outputs: 2))
        let network = try Network(graph, inputShape: [1, 1, 3])
        network.parameters["conv.weight"]![0] = 0.5
        network.parameters["fc.weight"]!.copy(from: Tensor([6], [1, 2, 3, -1, -2, -4]))
        let workspace = Workspace(network, capacity: 1, supportsBackward: true)
        workspace.input.copy(from: Tensor([3], [2, -4, 6]))
        // v is 1, -2, 3; the sum is 3 v where v is positive.
        #expect(try workspace.forward(.training(seed: 0)).values == [30, -39])
        workspace.logitsGradient.copy(from: Tensor([2], [1, 10]))
        let gradients = Gradients(network, storesAll: true)
        try workspace.backward(into: gradients)
        // With respect to v: 3 times the weights of fc times the gradient of the logits. With respect to the convolution's
        // weight: that times x where v is positive, 2 * 3 * (1 - 10) + 6 * 3 * (3 - 40).
        #expect(gradients.stored["conv.weight"]!.values == [-720])
        #expect(gradients.stored["fc.weight"]!.values == [3, 0, 9, 30, 0, 90])
    }

    @Test func compactAcceptsTilesOfAnySize() throws {
        for side in [16, 23, 31, 50] {
            let network = try Network(
                Architecture.compactGraph(widths: [2, 3, 4, 5], classes: 2, dropout: 0), inputShape: [3, side, side])
            try network.initialize(seed: 1)
            let workspace = Workspace(network, capacity: 2, supportsBackward: true)
            workspace.input.fill(0.5)
            let logits = try workspace.forward(.training(seed: 1)).values
            #expect(logits.count == 4 && logits.allSatisfy { $0.isFinite }, "\(side) pixels")
        }
        #expect(throws: KernelError.self) {
            _ = try Network(Architecture.compact.graph(classes: 2, dropout: 0), inputShape: [3, 2, 2])
        }
    }

    @Test func incompatibleInputsThrow() {
        var graph = Graph()
        graph.append(ConvolutionLayer("conv", filters: 2, kernel: 3))
        graph.append(AddReLULayer("add"), reading: [.input, graph.output])
        let error = #expect(throws: LayerError.self) { _ = try Network(graph, inputShape: [2, 5, 5]) }
        #expect(error?.description == "add: expected two inputs of the same shape, found 2x5x5, 2x3x3")
        let norm = #expect(throws: LayerError.self) { _ = try Network([BatchNormLayer("bn")], inputShape: [12]) }
        #expect(norm?.description == "bn: expected samples of channels x height x width, found 12")
    }

    /// Running statistics are part of a network's state but not of its parameters.
    @Test func runningStatisticsAreNotParameters() throws {
        let fixture = try TrainingFixture(.compact, batch: 4)
        let names = fixture.network.state.layout.names
        let buffers = names.filter { $0.contains("running") }
        #expect(names.count == fixture.network.parameters.layout.names.count + buffers.count && buffers.count == 18)
        #expect(!fixture.network.parameters.layout.names.contains { $0.contains("running") })
        let before = fixture.network.state.all.values
        _ = try fixture.loss(.inference)
        try compareBits("state", fixture.network.state.all.values, before)
        _ = try fixture.backward(.training(seed: 1))
        try compareBits(
            "parameters", fixture.network.parameters.all.values,
            Array(before.prefix(fixture.network.parameters.layout.count)))
        #expect(fixture.network.state["bn1.running_mean"]!.values != [0, 0, 0])
        let moved = fixture.network.state["bn1.running_var"]!.values
        let settings = OptimizerSettings(method: .adamw, learningRate: 0.1, weightDecay: 0.1)
        try Optimizer(settings, layout: fixture.network.parameters.layout).step(
            fixture.network.parameters, fixture.gradients)
        #expect(fixture.network.state["bn1.running_var"]!.values == moved)
    }
}
