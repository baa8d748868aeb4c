import Foundations
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct FoldingTests {
    /// A network whose batch normalizations and running statistics are not the initial ones.
    private func trained(_ graph: Graph) throws -> Network {
        let network = try Network(graph, inputShape: [3, 32, 32])
        try network.initialize(seed: 5)
        for (name, tensor) in network.state.named where tensor.shape.dimensions.count == 1 {
            let offset: Float = name.hasSuffix("running_var") || name.hasSuffix("weight") ? 1.5 : 0
            let seed = UInt64(name.utf8.reduce(0) { $0 * 31 % 1_000_003 + Int($1) })
            tensor.copy(from: Tensor(tensor.shape, Formula.values(seed: seed, count: tensor.count).map { $0 + offset }))
        }
        return network
    }

    private func logits(_ network: Network) throws -> [Float] {
        let workspace = Workspace(network, capacity: 3)
        workspace.input.copy(
            from: Tensor(workspace.input.shape, Formula.values(seed: 3, count: workspace.input.count)))
        return try workspace.forward(.inference).values
    }

    private func compareFolded(_ network: Network, _ folded: Network) throws {
        let plain = try logits(network)
        try compare(
            "logits", logits(folded), plain, Tolerance(absolute: 1e-5 * max(1, plain.largestMagnitude)))
    }

    @Test func foldedNetworksComputeTheSameLogits() throws {
        let network = try trained(Architecture.compactGraph(widths: [4, 6, 5, 7], classes: 2, dropout: 0.5))
        let folded = try network.folded()
        #expect(folded.state.layout.names.allSatisfy { !$0.contains("bn") && !$0.contains("running") })
        #expect(
            folded.parameters["layer1.0.downsample.0.bias"] != nil && folded.parameters["conv1.bias"]?.count == 4)
        try compareFolded(network, folded)
    }

    @Test func unchangedTensorsAreShared() throws {
        let network = try trained(Architecture.compactGraph(widths: [4, 6, 5, 7], classes: 2, dropout: 0))
        let before = network.state.tensors.map(\.values)
        let folded = try network.folded()
        #expect(folded.state["fc.weight"] === network.state["fc.weight"])
        #expect(folded.state["conv1.weight"]?.values != network.state["conv1.weight"]?.values)
        #expect(network.state.tensors.map(\.values) == before)
    }

    @Test func layersAfterConvolutionsAreFolded() throws {
        let network = try trained(Architecture.compactGraph(widths: [4, 6, 5, 7], classes: 2, dropout: 0))
        // Convolutions, global pooling, dropout and the dense layer. Each block had 7 to 9 nodes before.
        #expect(
            try network.folded().layerNames == [
                "conv1", "layer1.0.conv1", "layer1.0.downsample.0", "layer1.0.conv2", "layer2.0.conv1",
                "layer2.0.downsample.0", "layer2.0.conv2", "layer3.0.conv1", "layer3.0.downsample.0", "layer3.0.conv2",
                "pool", "dropout", "fc",
            ])
    }

    @Test func resnet18IsFoldedToConvolutionsAndPoolings() throws {
        let network = try trained(Architecture.resnet18Graph(widths: [4, 6, 5, 7], classes: 2, dropout: 0.5))
        let folded = try network.folded()
        // The padded pooling stays a layer of its own.
        #expect(
            folded.layerNames == [
                "conv1", "maxpool", "layer1.0.conv1", "layer1.0.conv2", "layer1.1.conv1", "layer1.1.conv2",
            ]
                + (2...4).flatMap { level in
                    ["0.conv1", "0.downsample.0", "0.conv2", "1.conv1", "1.conv2"].map { "layer\(level).\($0)" }
                } + ["avgpool", "dropout", "fc"])
        try compareFolded(network, folded)
    }

    @Test func otherLayersStayUnchanged() throws {
        var graph = Graph()
        // One convolution has a bias, the other an output that two layers read.
        graph.append(ConvolutionLayer("conv1", filters: 4, kernel: 3, padding: 1))
        graph.append(BatchNormLayer("bn1", relu: true))
        let shared = graph.append(ConvolutionLayer("conv2", filters: 4, kernel: 3, padding: 1, bias: false))
        let norm = graph.append(BatchNormLayer("bn2"))
        graph.append(AddReLULayer("add"), reading: [norm, shared])
        graph.append(GlobalPoolingLayer("pool"))
        graph.append(LinearLayer("fc", outputs: 2))
        let network = try trained(graph)
        let folded = try network.folded()
        #expect(
            folded.state.layout.names == [
                "conv1.weight", "conv1.bias", "conv2.weight", "bn2.weight", "bn2.bias", "fc.weight", "fc.bias",
                "bn2.running_mean", "bn2.running_var",
            ])
        try compareFolded(network, folded)
        let plain = try Network(Architecture.lenet5.graph(classes: 2, dropout: 0), inputShape: [3, 32, 32])
        #expect(try plain.folded() === plain)
    }

    @Test func foldedPredictorsAgreeWithTheTrainedNetwork() throws {
        let description = ModelDescription(
            architecture: .compact, tileSize: 40, classes: TileClass.allCases.map(\.rawValue),
            statistics: ChannelStatistics(mean: [128, 128, 128], deviation: [60, 60, 60]))
        let model = try Model(description)
        try model.network.initialize(seed: 2)
        let workspace = Workspace(model.network, capacity: 4, supportsBackward: true)
        workspace.input.copy(
            from: Tensor(workspace.input.shape, Formula.values(seed: 9, count: workspace.input.count)))
        for _ in 0..<3 { try workspace.forward(.training(seed: 1)) }
        let pixels = (0..<40 * 40 * 3 * 5).map { UInt8(truncatingIfNeeded: Formula.bits(7, $0)) }
        let windows = PixelWindows(height: 40, width: 40, rowStride: 120, offsets: (0..<5).map { Int64($0 * 4800) })
        let (own, shared) = (try Predictor(model, batchSize: 3), Predictor(model, workspace))
        let folded = try pixels.withUnsafeBytes { try own.logits($0, windows) }
        let unfolded = try pixels.withUnsafeBytes { try shared.logits($0, windows) }
        #expect(folded.count == 10 && folded != unfolded)
        try compare("logits", folded, unfolded, Tolerance(absolute: 1e-5 * max(1, unfolded.largestMagnitude)))
    }
}
