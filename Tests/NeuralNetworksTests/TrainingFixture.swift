import NeuralNetworks
import Tensors
import TestSupport

/// Networks with few channels, for fast tests.
enum NarrowNetwork: CaseIterable {
    case lenet5
    /// With a separate maximum pooling, whose gradient depends on its input.
    case lenet5WithMaximumPooling
    case compact
    case resnet18
    /// With its pixels pooled to logits of a tile.
    case unet
    /// Many values with several readers, in combinations that no architecture has.
    case sharedValues

    func graph(dropout: Float) -> Graph {
        switch self {
        case .lenet5, .lenet5WithMaximumPooling:
            var layers = Architecture.lenet5Layers(widths: (3, 5, 7, 11), classes: 2, dropout: dropout)
            if self == .lenet5WithMaximumPooling {
                layers[0] = ConvolutionLayer("conv1", filters: 3, kernel: 5, padding: 2)
                layers.insert(ReLULayer("relu1"), at: 1)
                layers.insert(PoolingLayer("pool1", .maximum, window: 2, stride: 2), at: 2)
            }
            return Graph(chain: layers)
        case .compact: return Architecture.compactGraph(widths: [3, 3, 5, 4], classes: 2, dropout: dropout)
        case .resnet18: return Architecture.resnet18Graph(widths: [3, 4, 3, 5], classes: 2, dropout: dropout)
        case .unet:
            var graph = Architecture.unetGraph(widths: [4, 6, 5], dropout: dropout)
            graph.append(GlobalPoolingLayer("pool"))
            graph.append(LinearLayer("fc", outputs: 2))
            return graph
        case .sharedValues: return Self.sharedValues(dropout: dropout)
        }
    }

    private static func sharedValues(dropout: Float) -> Graph {
        var graph = Graph()
        let start = graph.append(ConvolutionLayer("conv1", filters: 4, kernel: 3, stride: 2, padding: 1))
        // Not in place, because two more layers read its input.
        let positive = graph.append(ReLULayer("relu"), reading: [start])
        let twice = graph.append(AddReLULayer("twice"), reading: [start, start])
        let sum = graph.append(AddReLULayer("sum"), reading: [positive, twice])
        let dropped = graph.append(DropoutLayer("dropout", probability: dropout, stream: 1), reading: [sum])
        let norm = graph.append(BatchNormLayer("bn"), reading: [sum])
        let mixed = graph.append(AddReLULayer("mixed"), reading: [dropped, norm])
        // Reads the input, which needs no gradient.
        graph.append(ConvolutionLayer("conv2", filters: 4, kernel: 3, stride: 2, padding: 1), reading: [.input])
        graph.append(AddReLULayer("end"), reading: [start, graph.output])
        let both = graph.append(AddReLULayer("both"), reading: [mixed, graph.output])
        for relu in [true, false] {
            graph.append(
                ConvolutionLayer("conv\(relu ? 3 : 4)", filters: 4, kernel: 3, padding: 1, relu: relu),
                reading: [graph.output, both])
        }
        graph.append(GlobalPoolingLayer("pool"))
        graph.append(LinearLayer("fc", outputs: 2))
        return graph
    }
}

/// A network with its workspace, gradients, optimizer and targets.
final class TrainingFixture {
    let network: Network
    let workspace: Workspace
    let gradients: Gradients
    let optimizer: Optimizer
    let targets: [Int32]

    init(
        _ narrow: NarrowNetwork, batch: Int, dropout: Float = 0, capacity: Int? = nil,
        _ fineTuning: FineTuning = FineTuning()
    ) throws {
        network = Network(
            try NetworkPlan(narrow.graph(dropout: dropout), inputShape: [3, 32, 32], fineTuning))
        try network.initialize(seed: 7)
        workspace = Workspace(network, capacity: capacity ?? batch, supportsBackward: true)
        workspace.setBatch(batch)
        workspace.input.copy(
            from: Tensor(workspace.input.shape, Formula.values(seed: 3, count: workspace.input.count)))
        gradients = Gradients(network, storesAll: true)
        optimizer = Optimizer(
            OptimizerSettings(method: .adam, learningRate: 1e-3), layout: network.parameters.layout)
        targets = (0..<batch).map { Int32($0 % 2) }
    }

    func loss(_ pass: Pass) throws -> Double {
        try Kernels.crossEntropyForward(workspace.forward(pass), targets: targets, CrossEntropy())
    }

    func backward(_ pass: Pass) throws -> Double {
        let result = try loss(pass)
        try Kernels.crossEntropyBackward(
            workspace.logitsGradient, workspace.logits, targets: targets, CrossEntropy())
        try workspace.backward(into: gradients)
        return result
    }
}
