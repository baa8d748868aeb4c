import NeuralNetworks
import Tensors
import TestSupport
import Testing

extension Model {
    /// This model with a record of the ranges of its values in windows of pixels.
    func withRanges(in bytes: [UInt8], _ windows: PixelWindows) throws -> Model {
        var model = self
        let recorder = try RangeRecorder(model, batchSize: 2)
        try bytes.withUnsafeBytes { try recorder.add($0, windows) }
        model.description.fixedPoint = FixedPointRecord(ranges: recorder.ranges)
        return model
    }
}

@Suite(.kernelTurns) struct FixedPointNetworkTests {
    private static let side = 96

    private func model(_ architecture: Architecture) throws -> Model {
        let model = try Model(
            ModelDescription(
                architecture: architecture, tileSize: Self.side, classes: ["a", "b"],
                statistics: ChannelStatistics(mean: [120, 130, 140], deviation: [50, 60, 70])))
        try model.network.initialize(seed: 5)
        return model
    }

    private static let bytes = Formula.integers(seed: 8, count: 5 * side * side * 3, below: 256).map { UInt8($0) }
    private static let windows = PixelWindows(
        height: side, width: side, rowStride: 3 * side, offsets: (0..<5).map { Int64($0 * side * side * 3) })

    @Test("architectures have fixed point, or say that they have none", arguments: Architecture.allCases)
    func architectures(_ architecture: Architecture) throws {
        var model = try model(architecture)
        let names = model.network.layerNames
        model.description.fixedPoint = FixedPointRecord(ranges: .init(uniqueKeysWithValues: names.map { ($0, 1) }))
        guard !architecture.hasFixedPoint else {
            _ = try Predictor(model, batchSize: 1, precision: .int16)
            return
        }
        #expect {
            try Predictor(model, batchSize: 1, precision: .int16)
        } throws: {
            "\($0)" == "no layer of the network has a kernel in 16-bit fixed point"
        }
    }

    /// Values between convolutions have ranges, or the input of a large dense layer. Others are floats.
    @Test(arguments: [Architecture.compact, .lenet5])
    func tilesAreClassifiedInFixedPoint(_ architecture: Architecture) throws {
        let model = try model(architecture).withRanges(in: Self.bytes, Self.windows)
        let ranges = try #require(model.description.fixedPoint).ranges
        let blocks = (1...3).flatMap { layer in
            ["conv1", "conv2", "downsample.0"].map { "layer\(layer).0.\($0)" }
        }
        let ofCompact = ["conv1"] + blocks.filter { $0 != "layer3.0.conv2" }
        #expect(ranges.keys.sorted() == (architecture == .lenet5 ? ["conv3"] : ofCompact))
        func logits(_ precision: Precision) throws -> [Float] {
            let predictor = try Predictor(model, batchSize: 3, precision: precision)
            return try Self.bytes.withUnsafeBytes { try predictor.logits($0, Self.windows) }
        }
        let (fixed, floats) = (try logits(.int16), try logits(.float32))
        try compare("logits", fixed, floats.map(Double.init), Tolerance(absolute: 2e-3 * floats.largestMagnitude))
        #expect(fixed != floats, "both are computed with floats")
    }

    /// Convolutions compute with floats where another layer would read or make integers, or a kernel is missing.
    @Test func graphsThatMixIntegersAndFloatsHaveNone() throws {
        func convolution(_ name: String, stride: Int = 1, pooling: Convolution.Pooling = .none) -> ConvolutionLayer {
            ConvolutionLayer(name, filters: 4, kernel: 3, stride: stride, padding: 1, relu: true, pooling: pooling)
        }
        func graph(_ build: (inout Graph) -> Void) -> Graph {
            var graph = Graph()
            build(&graph)
            graph.append(GlobalPoolingLayer("pool"))
            graph.append(LinearLayer("fc", outputs: 2))
            return graph
        }
        let sum = graph {
            let fine = $0.append(convolution("a"))
            let coarse = $0.append(convolution("b", stride: 2))
            $0.append(UpsampleAddLayer("sum"), reading: [fine, coarse])
        }
        let dropped = graph {
            let first = $0.append(convolution("a"))
            let second = $0.append(convolution("b"))
            let dropped = $0.append(DropoutLayer("dropout", probability: 0.5, stream: 1), reading: [first])
            $0.append(AddReLULayer("sum"), reading: [second, dropped])
        }
        let pooled = graph {
            $0.append(convolution("a"))
            $0.append(convolution("b", pooling: .maximum))
        }
        let all = Dictionary(uniqueKeysWithValues: ["a", "b", "sum", "dropout", "pool"].map { ($0, Float(1)) })
        for graph in [sum, dropped, pooled] {
            let network = try Network(graph, inputShape: [3, 16, 16])
            #expect(network.fixedPointLayers.isEmpty)
            #expect(throws: LayerError.self) { try network.fixedPoint(ranges: all, inputScale: 1) }
        }
        let plain = graph {
            $0.append(convolution("a", pooling: .maximum))
            $0.append(DropoutLayer("dropout", probability: 0.5, stream: 1))
            $0.append(convolution("b"))
        }
        let network = try Network(plain, inputShape: [3, 16, 16])
        #expect(network.fixedPointLayers == [0])
        #expect(try network.fixedPoint(ranges: all, inputScale: 1).layerNames == ["a", "b", "pool", "fc"])
        network.state.tensors[0][5] = .infinity
        #expect {
            try network.fixedPoint(ranges: all, inputScale: 1)
        } throws: {
            "\($0)" == "a: its weights and ranges do not fit 16-bit fixed point"
        }
    }
}
