import Glibc
import Testing

/// Computes an ONNX file in double precision, by the definitions of its operations
/// (https://onnx.ai/onnx/operators), with the attributes that the file states.
struct ONNXEvaluator {
    /// A row-major array.
    struct Value {
        let dimensions: [Int]
        var values: [Double]

        init(_ dimensions: [Int], _ values: [Double]) {
            precondition(values.count == dimensions.reduce(1, *))
            (self.dimensions, self.values) = (dimensions, values)
        }

        init(_ dimensions: [Int], _ value: (Int) -> Double) {
            self.init(dimensions, (0..<dimensions.reduce(1, *)).map(value))
        }

        /// The planes of a batch of images: channels of all samples.
        var planes: Int { dimensions[0] * dimensions[1] }
        var height: Int { dimensions[2] }
        var width: Int { dimensions[3] }
    }

    /// An operation with its attributes by name.
    private struct Node {
        let operation: String
        let inputs: [String]
        let output: String
        private let attributes: [String: DecodedMessage]

        init(_ message: DecodedMessage) throws {
            operation = try #require(message.texts(4).first)
            (inputs, output) = (message.texts(1), try #require(message.texts(2).first))
            attributes = Dictionary(uniqueKeysWithValues: try message.messages(5).map { ($0.texts(1)[0], $0) })
        }

        func ints(_ name: String, default usual: [Int]) -> [Int] {
            attributes[name]?.numbers[8]?.map { Int($0) } ?? usual
        }
        func int(_ name: String) throws -> Int { Int(try #require(attributes[name]?.numbers[3]?.first)) }
        func float(_ name: String) throws -> Double {
            Double(Float(bitPattern: UInt32(try #require(attributes[name]?.numbers[2]?.first))))
        }
        func text(_ name: String) -> String? { attributes[name]?.texts(4).first }
    }

    private let nodes: [Node]
    private let constants: [String: Value]
    private let (input, output): (String, String)

    init(_ file: DecodedMessage) throws {
        let graph = try file.messages(7)[0]
        nodes = try graph.messages(1).map(Node.init)
        constants = Dictionary(
            uniqueKeysWithValues: try graph.messages(5).map { constant in
                let bytes = try #require(constant.bytes[9]?.first)
                let values = stride(from: 0, to: bytes.count, by: 4).map { start in
                    Double(Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }))
                }
                return (constant.texts(8)[0], Value((constant.numbers[1] ?? []).map { Int($0) }, values))
            })
        (input, output) = (try graph.messages(11)[0].texts(1)[0], try graph.messages(12)[0].texts(1)[0])
    }

    /// The output of the graph for a batch of images.
    func probabilities(_ images: Value) throws -> Value {
        var known = constants
        known[input] = images
        for node in nodes {
            known[node.output] = try value(of: node, node.inputs.compactMap { known[$0] })
        }
        return try #require(known[output])
    }

    private func value(of node: Node, _ x: [Value]) throws -> Value {
        switch node.operation {
        case "Sub": broadcast(x[0], x[1], -)
        case "Div": broadcast(x[0], x[1], /)
        case "Add": broadcast(x[0], x[1], +)
        case "Relu": Value(x[0].dimensions, x[0].values.map { max($0, 0) })
        case "Conv": convolution(node, x)
        case "BatchNormalization": try normalization(node, x)
        case "AveragePool": pooled(node, x[0]) { $0.reduce(0, +) / Double($0.count) }
        case "MaxPool": pooled(node, x[0]) { $0.max()! }
        case "GlobalAveragePool": global(x[0]) { $0.reduce(0, +) / Double($0.count) }
        case "GlobalMaxPool": global(x[0]) { $0.max()! }
        case "Concat": try concatenation(node, x)
        case "Flatten": try flattened(node, x[0])
        case "Gemm": try product(node, x)
        case "Resize": try enlarged(node, x)
        case "DepthToSpace": try shuffled(node, x[0])
        case "Softmax": try softmax(x[0], axis: node.int("axis"))
        default: throw UnknownOperation(name: node.operation)
        }
    }

    private struct UnknownOperation: Error { let name: String }

    /// Combines elements, those of `b` repeated along dimensions of length 1, aligned at the last dimension.
    private func broadcast(_ a: Value, _ b: Value, _ combine: (Double, Double) -> Double) -> Value {
        let lengths = [Int](repeating: 1, count: a.dimensions.count - b.dimensions.count) + b.dimensions
        return Value(a.dimensions) { index in
            var (rest, place, step) = (index, 0, 1)
            for (length, other) in zip(a.dimensions, lengths).reversed() {
                if other > 1 { place += rest % length * step }
                rest /= length
                step *= other
            }
            return combine(a.values[index], b.values[place])
        }
    }

    /// The length of outputs and the places of a window along one axis.
    private func windows(_ length: Int, _ kernel: Int, _ stride: Int, _ leading: Int, _ trailing: Int) -> [Range<Int>] {
        let count = (length + leading + trailing - kernel) / stride + 1
        return (0..<count).map { $0 * stride - leading..<$0 * stride - leading + kernel }
    }

    private func axes(_ node: Node, _ x: Value, kernel: [Int]) -> (rows: [Range<Int>], columns: [Range<Int>]) {
        let strides = node.ints("strides", default: [1, 1])
        let pads = node.ints("pads", default: [0, 0, 0, 0])
        return (
            windows(x.height, kernel[0], strides[0], pads[0], pads[2]),
            windows(x.width, kernel[1], strides[1], pads[1], pads[3])
        )
    }

    private func convolution(_ node: Node, _ x: [Value]) -> Value {
        let (image, weights) = (x[0], x[1])
        let (filters, channels, kernel) = (
            weights.dimensions[0], weights.dimensions[1], Array(weights.dimensions[2...])
        )
        precondition(kernel == node.ints("kernel_shape", default: kernel) && channels == image.dimensions[1])
        let (rows, columns) = axes(node, image, kernel: kernel)
        let (height, width) = (image.height, image.width)
        var y = Value([image.dimensions[0], filters, rows.count, columns.count]) { _ in 0 }
        var place = 0
        for sample in 0..<image.dimensions[0] {
            for filter in 0..<filters {
                for row in rows {
                    for column in columns {
                        var sum = x.count > 2 ? x[2].values[filter] : 0
                        for channel in 0..<channels {
                            let plane = (sample * channels + channel) * height
                            let weight = (filter * channels + channel) * kernel[0]
                            for r in row.clamped(to: 0..<height) {
                                let pixel = (plane + r) * width
                                let tap = (weight + r - row.lowerBound) * kernel[1] - column.lowerBound
                                for c in column.clamped(to: 0..<width) {
                                    sum += image.values[pixel + c] * weights.values[tap + c]
                                }
                            }
                        }
                        y.values[place] = sum
                        place += 1
                    }
                }
            }
        }
        return y
    }

    private func normalization(_ node: Node, _ x: [Value]) throws -> Value {
        let epsilon = try node.float("epsilon")
        let (image, size) = (x[0], x[0].height * x[0].width)
        return Value(image.dimensions) { index in
            let channel = index / size % image.dimensions[1]
            let (scale, bias, mean, variance) = (
                x[1].values[channel], x[2].values[channel], x[3].values[channel], x[4].values[channel]
            )
            return (image.values[index] - mean) / (variance + epsilon).squareRoot() * scale + bias
        }
    }

    /// Summarizes windows without the padding around the image.
    private func pooled(_ node: Node, _ x: Value, _ summary: ([Double]) -> Double) -> Value {
        let (rows, columns) = axes(node, x, kernel: node.ints("kernel_shape", default: []))
        var values = [Double]()
        for plane in 0..<x.planes {
            for row in rows {
                for column in columns {
                    let pixels = row.clamped(to: 0..<x.height).flatMap { r in
                        let start = (plane * x.height + r) * x.width
                        return column.clamped(to: 0..<x.width).map { x.values[start + $0] }
                    }
                    values.append(summary(pixels))
                }
            }
        }
        return Value([x.dimensions[0], x.dimensions[1], rows.count, columns.count], values)
    }

    private func global(_ x: Value, _ summary: (ArraySlice<Double>) -> Double) -> Value {
        let size = x.height * x.width
        return Value([x.dimensions[0], x.dimensions[1], 1, 1]) { summary(x.values[$0 * size..<($0 + 1) * size]) }
    }

    /// Joins channels.
    private func concatenation(_ node: Node, _ x: [Value]) throws -> Value {
        try #require(node.int("axis") == 1)
        let samples = x[0].dimensions[0]
        let values = (0..<samples).flatMap { sample in
            x.flatMap { part in
                let size = part.values.count / samples
                return part.values[sample * size..<(sample + 1) * size]
            }
        }
        return Value([samples, x.reduce(0) { $0 + $1.dimensions[1] }] + x[0].dimensions[2...], values)
    }

    private func flattened(_ node: Node, _ x: Value) throws -> Value {
        try #require(node.int("axis") == 1)
        return Value([x.dimensions[0], x.values.count / x.dimensions[0]], x.values)
    }

    private func product(_ node: Node, _ x: [Value]) throws -> Value {
        try #require(node.int("transB") == 1)
        let (outputs, inputs) = (x[1].dimensions[0], x[1].dimensions[1])
        return Value([x[0].dimensions[0], outputs]) { index in
            let (sample, output) = (index / outputs, index % outputs)
            return (0..<inputs).reduce(x[2].values[output]) {
                $0 + x[0].values[sample * inputs + $1] * x[1].values[output * inputs + $1]
            }
        }
    }

    /// Repeats pixels: nearest neighbors, `floor(place / scale)`.
    private func enlarged(_ node: Node, _ x: [Value]) throws -> Value {
        try #require(
            node.text("mode") == "nearest" && node.text("coordinate_transformation_mode") == "asymmetric"
                && node.text("nearest_mode") == "floor")
        let scales = x[1].values
        let (image, old) = (x[0], x[0].dimensions)
        let new = zip(old, scales).map { Int(Double($0) * $1) }
        try #require(new[..<2] == old[..<2])
        return Value(new) { index in
            let (plane, row, column) = (index / (new[2] * new[3]), index / new[3] % new[2], index % new[3])
            let (r, c) = (Int(Double(row) / scales[2]), Int(Double(column) / scales[3]))
            return image.values[(plane * old[2] + r) * old[3] + c]
        }
    }

    /// Channels c, by, bx become pixels (by, bx) of blocks of channel c.
    private func shuffled(_ node: Node, _ x: Value) throws -> Value {
        try #require(node.text("mode") == "CRD")
        let block = try node.int("blocksize")
        let (channels, height, width) = (x.dimensions[1] / (block * block), x.height * block, x.width * block)
        return Value([x.dimensions[0], channels, height, width]) { index in
            let (plane, row, column) = (index / (height * width), index / width % height, index % width)
            let (sample, channel) = (plane / channels, plane % channels)
            let source = sample * x.dimensions[1] + (channel * block + row % block) * block + column % block
            return x.values[(source * x.height + row / block) * x.width + column / block]
        }
    }

    /// The exponentials of values divided by their sum along an axis.
    func softmax(_ x: Value, axis: Int) throws -> Value {
        let count = x.dimensions[axis]
        let step = x.dimensions[(axis + 1)...].reduce(1, *)
        return Value(x.dimensions) { index in
            let first = index - index / step % count * step
            let exponentials = (0..<count).map { exp(x.values[first + $0 * step] - x.values[index]) }
            return 1 / exponentials.reduce(0, +)
        }
    }
}
