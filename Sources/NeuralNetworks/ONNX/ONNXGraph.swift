import Foundations
import Tensors

/// A graph of ONNX operations in the order in which they run, with their constants.
///
/// Field numbers are those of onnx.proto3 of ONNX 1.12 (https://github.com/onnx/onnx). Operations are those of version 17
/// of the operator set.
package struct ONNXGraph {
    enum Attribute {
        case int(Int)
        case ints([Int])
        case float(Float)
        case string(String)
    }

    /// Length of a dimension: a number or, where any is possible, a name.
    enum Length {
        case fixed(Int)
        case named(String)
    }

    private static let floatType = 1

    private var nodes = ProtobufMessage()
    private var constants = [String: ProtobufMessage]()
    private var order = [String]()

    /// Adds an operation and returns the name of its output, which is that of the operation.
    mutating func add(
        _ operation: String, _ inputs: [String], as name: String, _ attributes: [(String, Attribute)] = []
    ) -> String {
        var node = ProtobufMessage()
        for input in inputs { node.add(1, input) }
        node.add(2, name)
        node.add(3, name)
        node.add(4, operation)
        for (name, value) in attributes { node.add(5, Self.message(name, value)) }
        nodes.add(1, node)
        return name
    }

    /// Adds a constant, unless there is one of this name, and returns its name.
    mutating func constant(_ name: String, _ tensor: Tensor) -> String {
        if constants[name] == nil {
            var message = ProtobufMessage()
            for length in tensor.shape.dimensions { message.add(1, length) }
            message.add(2, Self.floatType)
            message.add(8, name)
            message.add(9, tensor)
            constants[name] = message
            order.append(name)
        }
        return name
    }

    mutating func constant(_ name: String, _ values: [Float], _ shape: Shape) -> String {
        constant(name, Tensor(shape, values))
    }

    /// The graph as a message, with inputs and outputs of floats.
    func message(
        _ name: String, input: (name: String, shape: [Length]), output: (name: String, shape: [Length])
    ) -> ProtobufMessage {
        var graph = nodes
        graph.add(2, name)
        for name in order { graph.add(5, constants[name]!) }
        graph.add(11, Self.message(input.name, input.shape))
        graph.add(12, Self.message(output.name, output.shape))
        return graph
    }

    private static func message(_ name: String, _ value: Attribute) -> ProtobufMessage {
        var message = ProtobufMessage()
        message.add(1, name)
        // The last field is the type of the value.
        switch value {
        case .float(let number):
            message.add(2, number)
            message.add(20, 1)
        case .int(let number):
            message.add(3, number)
            message.add(20, 2)
        case .string(let text):
            message.add(4, text)
            message.add(20, 3)
        case .ints(let numbers):
            for number in numbers { message.add(8, number) }
            message.add(20, 7)
        }
        return message
    }

    private static func message(_ name: String, _ lengths: [Length]) -> ProtobufMessage {
        var (shape, tensor, type, value) = (
            ProtobufMessage(), ProtobufMessage(), ProtobufMessage(), ProtobufMessage()
        )
        for length in lengths {
            var dimension = ProtobufMessage()
            switch length {
            case .fixed(let count): dimension.add(1, count)
            case .named(let name): dimension.add(2, name)
            }
            shape.add(1, dimension)
        }
        tensor.add(1, floatType)
        tensor.add(2, shape)
        type.add(1, tensor)
        value.add(1, name)
        value.add(2, type)
        return value
    }
}
