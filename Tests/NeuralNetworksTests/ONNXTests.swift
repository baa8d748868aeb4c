import FoundationEssentials
import Foundations
import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// Models as ONNX files. Programs that run them are compared by `tools/check-onnx.py`.
@Suite(.kernelTurns) struct ONNXTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func model(_ architecture: Architecture, tileSize: Int? = nil) throws -> Model {
        let description = ModelDescription(
            architecture: architecture, tileSize: tileSize ?? architecture.tileSize, classes: ["NO_NUCLEUS", "NUCLEI"],
            statistics: ChannelStatistics(mean: [160, 120, 150], deviation: [40, 50, 45]), micronsPerPixel: 0.5)
        let model = try Model(description)
        try model.network.initialize(seed: 5)
        return model
    }

    /// Writes a model and decodes the file.
    private func decoded(_ model: Model, _ scaling: TemperatureScaling) throws -> DecodedMessage {
        let path = folder.file("model.onnx")
        try model.writeONNX(to: path, scaling, version: "1.2")
        return try #require(DecodedMessage([UInt8](FileBytes.data(path))))
    }

    @Test(arguments: Architecture.allCases) func everyValueIsComputedBeforeItIsRead(_ architecture: Architecture) throws
    {
        let model = try model(architecture)
        let file = try decoded(model, TemperatureScaling(temperature: 1.5))
        #expect(file.numbers[1] == [8] && file.texts(2) == ["nuclei"] && file.texts(3) == ["1.2"])
        #expect(try file.messages(8)[0].numbers[2] == [17])
        let properties = try file.messages(14).map { $0.texts(1) + $0.texts(2) }
        #expect(properties.contains(["micronsPerPixel", "0.5"]))
        let graph = try file.messages(7)[0]

        let constants = try graph.messages(5)
        let names = constants.flatMap { $0.texts(8) }
        #expect(Set(names).count == names.count && names.count == constants.count)
        #expect(names.contains("temperature") == !architecture.outlinesNuclei)
        for (name, tensor) in model.network.state.named {
            let constant = constants[try #require(names.firstIndex(of: name))]
            try #require(constant.numbers[1]?.map { Int($0) } == tensor.shape.dimensions)
            let bytes = tensor.withUnsafeBuffer { Array(UnsafeRawBufferPointer($0)) }
            try #require(constant.bytes[9] == [bytes], "\(name)")
        }

        var known = Set(names + ["", "image"])
        for node in try graph.messages(1) {
            try #require(node.texts(1).allSatisfy(known.contains), "\(node.texts(1))")
            try #require(node.texts(2).allSatisfy { known.insert($0).inserted }, "\(node.texts(2))")
            for attribute in try node.messages(5) { try #require(attribute.numbers[20]?.count == 1) }
        }
        #expect(try graph.messages(11)[0].texts(1) == ["image"])
        #expect(try graph.messages(12)[0].texts(1) == ["probabilities"] && known.contains("probabilities"))
    }

    @Test func operationsAreThoseOfTheNetwork() throws {
        let file = try decoded(try model(.lenet5), .identity)
        let operations = try file.messages(7)[0].messages(1).flatMap { $0.texts(4) }
        #expect(
            operations == [
                "Sub", "Div", "Conv", "Relu", "AveragePool", "Conv", "Relu", "AveragePool", "Conv", "Relu", "Flatten",
                "Gemm", "Relu", "Gemm", "Softmax",
            ])
        let unet = try decoded(try model(.unet), .identity).messages(7)[0].messages(1).flatMap { $0.texts(4) }
        #expect(unet.count { $0 == "Resize" } == 2 && unet.suffix(2) == ["DepthToSpace", "Softmax"])
        #expect(unet.count { $0 == "Conv" } == unet.count { $0 == "BatchNormalization" } + 3)
        let resnet = try decoded(try model(.resnet18), .identity).messages(7)[0].messages(1)
        let last = resnet.flatMap { $0.texts(4) }.suffix(4)
        #expect(Array(last) == ["GlobalAveragePool", "Flatten", "Gemm", "Softmax"])
        let pool = try #require(resnet.first { $0.texts(4) == ["MaxPool"] })
        let attributes = try pool.messages(5).map { ($0.texts(1), $0.numbers[8]) }
        #expect(attributes.map(\.0) == [["kernel_shape"], ["strides"], ["pads"]])
        #expect(attributes.map(\.1) == [[3, 3], [2, 2], [1, 1, 1, 1]])
    }

    /// Gives batch normalization small variances, so that its epsilon counts, and weights that keep the size of features.
    private func setStatistics(of network: Network) {
        let tensors = Dictionary(uniqueKeysWithValues: network.state.named.map { ($0.name, $0.tensor) })
        for (index, name) in tensors.keys.sorted().filter({ tensors[$0]!.shape.dimensions.count == 1 }).enumerated() {
            let tensor = tensors[name]!
            let values = Formula.values(seed: UInt64(60 + index), count: tensor.count)
            if name.hasSuffix(".running_var") {
                let variances = values.map { 0.001 + 0.01 * abs($0) }
                tensor.copy(from: Tensor(tensor.shape, variances))
                tensors[name.replacing(".running_var", with: ".weight")]!.copy(
                    from: Tensor(tensor.shape, variances.map { $0.squareRoot() }))
            } else if !name.hasSuffix(".weight") {
                tensor.copy(from: Tensor(tensor.shape, values.map { $0 / 10 }))
            }
        }
    }

    /// Compares the probabilities that the operations of the file give, in double precision, with those of the network.
    @Test(arguments: Architecture.allCases) func theFileComputesWhatTheNetworkDoes(_ architecture: Architecture) throws
    {
        let side = 64
        let model = try model(architecture, tileSize: side)
        setStatistics(of: model.network)
        let size = 3 * side * side
        let pixels = Formula.integers(seed: 17, count: 2 * size, below: 256).enumerated().map { index, value in
            // The second image is darker.
            index < size ? Double(value) : (Double(value) / 4).rounded()
        }
        let scaling = TemperatureScaling(temperature: 2.5)
        let evaluator = try ONNXEvaluator(decoded(model, scaling))
        let found = try evaluator.probabilities(ONNXEvaluator.Value([2, 3, side, side], pixels))

        let workspace = Workspace(model.network, capacity: 2)
        let statistics = model.description.statistics
        workspace.input.copy(
            from: Tensor(
                workspace.input.shape,
                pixels.enumerated().map { index, pixel in
                    let channel = index / (side * side) % 3
                    return (Float(pixel) - statistics.mean[channel]) / statistics.deviation[channel]
                }))
        let logits = try workspace.forward(.inference)
        let divisor = architecture.outlinesNuclei ? 1 : scaling.temperature
        let expected = try evaluator.softmax(
            ONNXEvaluator.Value(logits.shape.dimensions, logits.values.map { Double($0) / divisor }), axis: 1)
        #expect(found.dimensions == expected.dimensions)
        #expect(Set(expected.values.map { ($0 * 1000).rounded() }).count > 2, "\(expected.values.prefix(4)) are alike")
        let difference = zip(found.values, expected.values).map { abs($0 - $1) }.max() ?? .infinity
        #expect(difference < 2e-5, "\(difference)")
    }

    @Test func placesThatCannotBeWrittenAreErrors() throws {
        let model = try model(.compact)
        #expect(throws: FileError.self) {
            try model.writeONNX(to: folder.file("none/model.onnx"), .identity, version: "1")
        }
    }
}
