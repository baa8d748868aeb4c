import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct GraphTests {
    /// y = fc(relu(v) + relu(v + v)) over v = conv(x) with one weight: all of it can be said in closed form.
    @Test func gradientsOfAValueThatSeveralLayersReadAreAdded() throws {
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
        // v is 1, -2, 3; what comes out of the sum is 3 v where v is positive.
        #expect(try workspace.forward(.training(seed: 0)).values == [30, -39])
        workspace.logitsGradient.copy(from: Tensor([2], [1, 10]))
        let gradients = Gradients(network, storesAll: true)
        try workspace.backward(into: gradients)
        // By v: 3 times fc's weights times the logits' gradient; by the weight: times x, where v is positive, that is
        // 2 * 3 * (1 - 10) + 6 * 3 * (3 - 40).
        #expect(gradients.stored["conv.weight"]!.values == [-720])
        #expect(gradients.stored["fc.weight"]!.values == [3, 0, 9, 30, 0, 90])
    }

    @Test func tilesOfAnySizeFitTheCompactNetwork() throws {
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

    @Test func inputsThatDoNotFitAreRefused() {
        var graph = Graph()
        graph.append(ConvolutionLayer("conv", filters: 2, kernel: 3))
        graph.append(AddReLULayer("add"), reading: [.input, graph.output])
        let error = #expect(throws: LayerError.self) { _ = try Network(graph, inputShape: [2, 5, 5]) }
        #expect(error?.description == "add: expected two inputs of the same shape, found 2x5x5, 2x3x3")
        let norm = #expect(throws: LayerError.self) { _ = try Network([BatchNormLayer("bn")], inputShape: [12]) }
        #expect(norm?.description == "bn: expected samples of channels x height x width, found 12")
    }

    /// Running statistics belong to a network's state, not to what is trained.
    @Test func runningStatisticsAreNotParameters() throws {
        let lesson = try Lesson(.compact, batch: 4)
        let names = lesson.network.state.layout.names
        let buffers = names.filter { $0.contains("running") }
        #expect(names.count == lesson.network.parameters.layout.names.count + buffers.count && buffers.count == 18)
        #expect(!lesson.network.parameters.layout.names.contains { $0.contains("running") })
        let before = lesson.network.state.all.values
        _ = try lesson.loss(.inference)
        try compareBits("state", lesson.network.state.all.values, before)
        _ = try lesson.backward(.training(seed: 1))
        try compareBits(
            "parameters", lesson.network.parameters.all.values,
            Array(before.prefix(lesson.network.parameters.layout.count)))
        #expect(lesson.network.state["bn1.running_mean"]!.values != [0, 0, 0])
        let moved = lesson.network.state["bn1.running_var"]!.values
        let settings = OptimizerSettings(method: .adamw, learningRate: 0.1, weightDecay: 0.1)
        try Optimizer(settings, layout: lesson.network.parameters.layout).step(
            lesson.network.parameters, lesson.gradients)
        #expect(lesson.network.state["bn1.running_var"]!.values == moved)
    }
}
