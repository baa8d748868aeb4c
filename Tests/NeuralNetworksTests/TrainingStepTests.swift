import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// A narrow LeNet-5 and everything it takes to teach it.
private final class Lesson {
    let network: Network
    let workspace: Workspace
    let gradients: ParameterSet
    let optimizer: Optimizer
    let targets: [Int32]

    init(batch: Int, dropout: Float = 0, maximumPooling: Bool = false, capacity: Int? = nil) throws {
        var layers = Architecture.lenet5Layers(widths: (3, 5, 7, 11), classes: 2, dropout: dropout)
        if maximumPooling { layers[2] = PoolingLayer("pool1", .maximum, window: 2, stride: 2) }
        network = try Network(layers, inputShape: [3, 32, 32])
        try network.initialize(seed: 7)
        workspace = Workspace(network, capacity: capacity ?? batch, purpose: .training)
        workspace.setBatch(batch)
        workspace.input.copy(
            from: Tensor(workspace.input.shape, Formula.values(seed: 3, count: workspace.input.count)))
        gradients = ParameterSet(network.parameters.layout)
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

@Suite(.kernelTurns) struct TrainingStepTests {
    @Test func aTinyBatchIsLearntByHeart() throws {
        let lesson = try Lesson(batch: 4)
        var loss = Double.infinity
        for _ in 0..<300 {
            loss = try lesson.backward(.training(seed: 0))
            try lesson.optimizer.step(lesson.network.parameters, gradients: lesson.gradients)
        }
        #expect(loss < 1e-3)
    }

    /// Float32 differences of the loss itself, with dropout and both poolings: coarse, but of the whole graph. The
    /// kernels' gradients are checked in double precision one by one.
    @Test(arguments: [false, true]) func gradientsFollowTheLoss(maximumPooling: Bool) throws {
        let lesson = try Lesson(batch: 3, dropout: 0.4, maximumPooling: maximumPooling)
        let pass = Pass.training(seed: 5)
        _ = try lesson.backward(pass)
        for (index, tensor) in lesson.network.parameters.tensors.enumerated() {
            let gradient = lesson.gradients.tensors[index].values
            let element = gradient.indices.max { gradient[$0].magnitude < gradient[$1].magnitude }!
            let (value, eps) = (tensor[element], Float(2e-3))
            tensor[element] = value + eps
            let above = try lesson.loss(pass)
            tensor[element] = value - eps
            let below = try lesson.loss(pass)
            tensor[element] = value
            let slope = (above - below) / Double(2 * eps)
            try compare(
                lesson.network.parameters.layout.names[index], [gradient[element]], [slope],
                Tolerance(absolute: 2e-4, relative: 0.05))
        }
    }

    @Test func stepsHaveTheSameBitsForAnyNumberOfThreads() throws {
        var results = [[Float]]()
        let before = Kernels.threadCount
        defer { try? Kernels.setThreadCount(before) }
        for threads in [1, 2, 3, 8] {
            try Kernels.setThreadCount(threads)
            let lesson = try Lesson(batch: 5, dropout: 0.5)
            for step in 0..<3 {
                _ = try lesson.backward(.training(seed: UInt64(step)))
                try lesson.optimizer.step(lesson.network.parameters, gradients: lesson.gradients, clipNorm: 0.5)
            }
            results.append(lesson.network.parameters.all.values)
        }
        for result in results.dropFirst() { try compareBits("parameters", result, results[0]) }
    }

    @Test func aSmallerBatchInALargerWorkspaceIsTheSame() throws {
        let exact = try Lesson(batch: 3)
        let roomy = try Lesson(batch: 3, capacity: 7)
        #expect(try exact.backward(.training(seed: 1)) == roomy.backward(.training(seed: 1)))
        try compareBits("gradients", exact.gradients.all.values, roomy.gradients.all.values)
    }

    @Test func inferenceSharesMemoryButNotResults() throws {
        let lesson = try Lesson(batch: 3, dropout: 0.5)
        let inference = Workspace(lesson.network, capacity: 3, purpose: .inference)
        inference.input.copy(from: lesson.workspace.input)
        let logits = try lesson.workspace.forward(.inference).values
        try compareBits("logits", inference.forward(.inference).values, logits)
        #expect(try lesson.workspace.forward(.training(seed: 1)).values != logits, "dropout does nothing in training")
    }

    @Test func initialWeightsAreThoseOfPyTorchInKind() throws {
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

    @Test func lenet5HasTheParametersOfTheReference() throws {
        let network = try Network(
            Architecture.lenet5.graph(classes: 2, dropout: 0), inputShape: [3, 256, 256])
        let layout = network.parameters.layout
        #expect(layout.parameterCount == 33_960_366)
        #expect(
            layout.names == ["conv1", "conv2", "conv3", "fc1", "fc2"].flatMap { ["\($0).weight", "\($0).bias"] })
        #expect(layout.shapes[6] == [84, 403_680])
    }

    @Test func layersThatDoNotFitAreRefused() {
        #expect(throws: (any Error).self) {
            _ = try Network(Architecture.lenet5.graph(classes: 2, dropout: 0), inputShape: [3, 8, 8])
        }
        #expect(throws: LayerError.self) {
            _ = try Network([ConvolutionLayer("conv", filters: 1, kernel: 1)], inputShape: [12])
        }
    }
}
