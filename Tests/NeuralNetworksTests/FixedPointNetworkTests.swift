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
}
