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

    @Test("architectures have fixed point, or say what is missing", arguments: Architecture.allCases)
    func architectures(_ architecture: Architecture) throws {
        var model = try model(architecture)
        let names = model.network.layerNames
        model.description.fixedPoint = FixedPointRecord(ranges: .init(uniqueKeysWithValues: names.map { ($0, 1) }))
        guard !architecture.hasFixedPoint else {
            _ = try Predictor(model, batchSize: 1, precision: .int16)
            return
        }
        let missing = ["lenet5": "conv1", "resnet18": "maxpool"][architecture.rawValue] ?? ""
        #expect {
            try Predictor(model, batchSize: 1, precision: .int16)
        } throws: {
            "\($0)" == "\(missing): no kernel in 16-bit fixed point"
        }
    }

    /// Only values between convolutions have ranges: the last convolution's outputs and those after it are floats.
    @Test func tilesAreClassifiedInFixedPoint() throws {
        let model = try model(.compact).withRanges(in: Self.bytes, Self.windows)
        let ranges = try #require(model.description.fixedPoint).ranges
        #expect(ranges.keys.contains("layer2.0.conv2") && ranges.keys.contains("layer3.0.downsample.0"))
        #expect(!ranges.keys.contains("layer3.0.conv2") && !ranges.keys.contains("pool") && ranges.count == 9)
        func logits(_ precision: Precision) throws -> [Float] {
            let predictor = try Predictor(model, batchSize: 3, precision: precision)
            return try Self.bytes.withUnsafeBytes { try predictor.logits($0, Self.windows) }
        }
        let (fixed, floats) = (try logits(.int16), try logits(.float32))
        try compare("logits", fixed, floats.map(Double.init), Tolerance(absolute: 2e-3 * floats.largestMagnitude))
        #expect(fixed != floats, "both are computed with floats")
    }
}
