import FoundationEssentials
import Foundations
import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// A message in the wire format of Protocol Buffers, decoded without a schema.
private struct DecodedMessage {
    /// Values by field: numbers, or the bytes of texts and messages.
    private(set) var numbers = [Int: [UInt64]]()
    private(set) var bytes = [Int: [[UInt8]]]()

    /// Nil where the bytes do not end with a field.
    init?(_ all: [UInt8]) {
        var rest = all[...]
        func varint() -> UInt64? {
            var (value, shift) = (UInt64(0), UInt64(0))
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
        while !rest.isEmpty {
            guard let tag = varint() else { return nil }
            let field = Int(tag >> 3)
            switch tag & 7 {
            case 0:
                guard let value = varint() else { return nil }
                numbers[field, default: []].append(value)
            case 2:
                guard let count = varint().map(Int.init), count <= rest.count else { return nil }
                bytes[field, default: []].append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            case 5:
                guard rest.count >= 4 else { return nil }
                numbers[field, default: []].append(rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt64($1) })
                rest = rest.dropFirst(4)
            default: return nil
            }
        }
    }

    func texts(_ field: Int) -> [String] { (bytes[field] ?? []).map { String(decoding: $0, as: UTF8.self) } }
    func messages(_ field: Int) throws -> [DecodedMessage] {
        try (bytes[field] ?? []).map { try #require(DecodedMessage($0)) }
    }
}

/// Models as ONNX files. Programs that run them are compared by `tools/check-onnx.py`.
@Suite(.kernelTurns) struct ONNXTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func model(_ architecture: Architecture) throws -> Model {
        let description = ModelDescription(
            architecture: architecture, tileSize: architecture.tileSize, classes: ["NO_NUCLEUS", "NUCLEI"],
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

    @Test func placesThatCannotBeWrittenAreErrors() throws {
        let model = try model(.compact)
        #expect(throws: FileError.self) {
            try model.writeONNX(to: folder.file("none/model.onnx"), .identity, version: "1")
        }
    }
}
