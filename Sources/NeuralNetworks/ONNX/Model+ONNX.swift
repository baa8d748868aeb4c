import Foundations
import Tensors

extension Model {
    /// Name of the input of an ONNX file: RGB pixels of 0 to 255, as floats in the order samples, channels, rows, columns.
    package static let onnxInput = "image"
    /// Name of its output: probabilities of classes, which are those of the tile or, for a network that outlines nuclei,
    /// of each pixel (`PixelClass`).
    package static let onnxOutput = "probabilities"

    /// Writes the network as an ONNX file, with the normalization of pixels before it and, after it, the temperature of the
    /// calibration and softmax. Batches may have any size; images of a network that outlines nuclei too, if their sides are
    /// multiples of 8. Throws `FileError`.
    package func writeONNX(to path: FilePath, _ scaling: TemperatureScaling, version: String) throws {
        let plan = network.plan
        var graph = ONNXGraph()
        let statistics = description.statistics
        let mean = graph.constant("mean", statistics.mean, [1, 3, 1, 1])
        let deviation = graph.constant("deviation", statistics.deviation, [1, 3, 1, 1])
        let centered = graph.add("Sub", [Self.onnxInput, mean], as: "centered")
        var names = Graph.PerValue([graph.add("Div", [centered, deviation], as: "normalized")])
        for (index, node) in plan.graph.nodes.enumerated() {
            let state = (Array(plan.parameterRanges[index]) + plan.bufferRanges[index]).map { place in
                graph.constant(plan.stateLayout.names[place], network.state.tensors[place])
            }
            names.append(
                node.layer.addOperations(
                    to: &graph, node.inputs.map { names[$0] }, state: state, inputs: plan.inputShapes(of: index)))
        }
        var logits = names[plan.graph.output]
        let outlinesNuclei = description.architecture.outlinesNuclei
        // A calibration is of tiles.
        if !outlinesNuclei, scaling != .identity {
            let temperature = graph.constant("temperature", [Float(scaling.temperature)], [1])
            logits = graph.add("Div", [logits, temperature], as: "calibrated")
        }
        _ = graph.add("Softmax", [logits], as: Self.onnxOutput, [("axis", .int(1))])

        let side = ONNXGraph.Length.fixed(description.tileSize)
        let sides: [ONNXGraph.Length] = outlinesNuclei ? [.named("height"), .named("width")] : [side, side]
        let message = graph.message(
            description.architecture.rawValue, input: (Self.onnxInput, [.named("batch"), .fixed(3)] + sides),
            output: (
                Self.onnxOutput,
                outlinesNuclei
                    ? [.named("batch"), .fixed(PixelClass.allCases.count)] + sides
                    : [.named("batch"), .fixed(description.classes.count)]
            ))
        let content = try modelMessage(message, version: version)
        // Messages of protobuf have less than 2 GiB.
        guard content.byteCount <= Int(Int32.max) else {
            throw FileError(
                path, .unwritable,
                "expected a model of less than 2 GiB, which is the limit of ONNX files, found "
                    + "\(content.byteCount) bytes to write")
        }
        let file = try AtomicFile(path)
        try content.write(to: file)
        try file.commit()
    }

    private func modelMessage(_ graph: ProtobufMessage, version: String) throws -> ProtobufMessage {
        var operators = ProtobufMessage()
        operators.add(1, "")
        operators.add(2, 17)
        var model = ProtobufMessage()
        model.add(1, 8)
        model.add(2, "nuclei")
        model.add(3, version)
        model.add(7, graph)
        model.add(8, operators)
        let classes =
            description.architecture.outlinesNuclei ? PixelClass.allCases.map { "\($0)" } : description.classes
        for (key, value) in [
            ("classes", try JSON.text(classes)), ("micronsPerPixel", description.micronsPerPixel.map { "\($0)" } ?? ""),
        ] where !value.isEmpty {
            var property = ProtobufMessage()
            property.add(1, key)
            property.add(2, value)
            model.add(14, property)
        }
        return model
    }
}
