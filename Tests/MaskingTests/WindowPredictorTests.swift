import Foundation
import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct WindowPredictorTests {
    private static let tile = 32

    private func model(classes: [String] = ["NO_NUCLEUS", "NUCLEI"]) throws -> Model {
        let model = try Model(
            ModelDescription(
                architecture: .lenet5, tileSize: Self.tile, classes: classes,
                statistics: ChannelStatistics(mean: [120, 130, 140], deviation: [50, 60, 70])))
        try model.network.initialize(seed: 11)
        return model
    }

    private func image(_ width: Int, _ height: Int, seed: UInt64) -> [UInt8] {
        // Patches of different brightness, so that windows differ by more than noise.
        (0..<width * height * 3).map { index in
            let (x, y) = (index / 3 % width, index / 3 / width)
            let patch = Formula.bits(seed, y / 16 * 64 + x / 16) >> 57
            return UInt8(patch + Formula.bits(seed + 1, index) >> 57)
        }
    }

    /// Mirrors an image to at least a tile, pixel by pixel.
    private func padded(_ pixels: [UInt8], _ width: Int, _ height: Int) -> (pixels: [UInt8], width: Int, height: Int) {
        func mirror(_ index: Int, _ count: Int) -> Int {
            // Forward, then backward, without repeating the ends.
            let turn = Array(0..<count) + (1..<max(1, count - 1)).reversed()
            return turn[index % turn.count]
        }
        let (w, h) = (max(width, Self.tile), max(height, Self.tile))
        var result = [UInt8]()
        for y in 0..<h {
            for x in 0..<w {
                let source = (mirror(y, height) * width + mirror(x, width)) * 3
                result += pixels[source..<source + 3]
            }
        }
        return (result, w, h)
    }

    /// Mean probability at every pixel of the image, window by window and pixel by pixel.
    private func naive(
        _ model: Model, _ source: [UInt8], _ width: Int, _ height: Int, _ settings: MaskSettings
    ) throws -> [Double] {
        let (pixels, w, h) = padded(source, width, height)
        let predictor = try Predictor(model, batchSize: 1)
        func starts(_ length: Int) -> [Int] {
            var result = Array(stride(from: 0, through: length - Self.tile, by: settings.stride))
            if settings.edges == .clamp, result.last! != length - Self.tile { result.append(length - Self.tile) }
            return result
        }
        var sums = [Double](repeating: 0, count: w * h)
        var counts = [Double](repeating: 0, count: w * h)
        for y in starts(h) {
            for x in starts(w) {
                let window = PixelWindows(
                    height: Self.tile, width: Self.tile, rowStride: w * 3, offsets: [Int64((y * w + x) * 3)])
                let logits = try pixels.withUnsafeBytes { try predictor.logits($0, window) }
                let share = 1 / (1 + exp(Double(logits[0]) - Double(logits[1])))
                for pixelY in y..<y + Self.tile {
                    for pixelX in x..<x + Self.tile {
                        sums[pixelY * w + pixelX] += share
                        counts[pixelY * w + pixelX] += 1
                    }
                }
            }
        }
        return (0..<width * height).map { index in
            let place = index / width * w + index % width
            return counts[place] == 0 ? .nan : sums[place] / counts[place]
        }
    }

    private struct Case: CustomStringConvertible {
        let width: Int
        let height: Int
        let stride: Int
        let edges: EdgeRule
        var description: String { "\(width)x\(height), stride \(stride), edges \(edges)" }
    }

    @Test func masksEqualThoseOfAPixelByPixelAverage() throws {
        let model = try model()
        var cases = [Case]()
        for edges in EdgeRule.allCases {
            for (width, height) in [(32, 32), (33, 32), (77, 90), (128, 41), (20, 50), (50, 20), (1, 1), (9, 31)] {
                for stride in [8, 13, 32] {
                    cases.append(Case(width: width, height: height, stride: stride, edges: edges))
                }
            }
        }
        try sweep(cases) { item, seed in
            let pixels = image(item.width, item.height, seed: seed)
            var settings = MaskSettings()
            settings.stride = item.stride
            settings.edges = item.edges
            let expected = try naive(model, pixels, item.width, item.height, settings)
            let covered = expected.filter { !$0.isNaN }.sorted()
            settings.threshold = covered[covered.count / 2]
            let predictor = try WindowPredictor(maskModels(model), settings: settings, batchSize: 3)
            let reader = ArrayReader(width: item.width, height: item.height, pixels: pixels)
            let observer = RecordingObserver()
            let windows = try predictor.predict(reader, observer).windows
            let reports = observer.windowsDone
            try #require(reports.last == windows.grid.count && reports == reports.sorted())
            let writer = ArrayWriter(width: item.width, height: item.height, channels: 1)
            let summary = try predictor.writeMask(windows, width: item.width, height: item.height, to: writer)
            try #require(writer.isFinished && writer.pixels.count == item.width * item.height)
            for (index, average) in expected.enumerated() {
                // Rounding decides at the threshold.
                if (average - settings.threshold).magnitude < 1e-6 { continue }
                try #require(
                    writer.pixels[index] == (average > settings.threshold ? 255 : 0),
                    "pixel \(index): \(average) against \(settings.threshold)")
            }
            try #require(summary.nuclei == writer.pixels.count { $0 == 255 })
            try #require(summary.blank.uncovered == expected.count { $0.isNaN })
            try #require(summary.nuclei + summary.noNuclei + summary.blank.uncovered == expected.count)
        }
    }

    @Test func aThresholdOfOneIsBlackAndBelowZeroIsWhite() throws {
        for (threshold, color) in [(1.0, UInt8(0)), (-0.1, UInt8(255))] {
            var settings = MaskSettings()
            settings.stride = 16
            settings.threshold = threshold
            let predictor = try WindowPredictor(maskModels(model()), settings: settings, batchSize: 4)
            let reader = ArrayReader(width: 48, height: 40, pixels: image(48, 40, seed: 1))
            let writer = ArrayWriter(width: 48, height: 40, channels: 1)
            _ = try predictor.writeMask(predictor.predict(reader).windows, width: 48, height: 40, to: writer)
            #expect(writer.pixels.allSatisfy { $0 == color })
        }
    }

    /// Windows have the probabilities that evaluation computes.
    @Test func probabilitiesAreCalibrated() throws {
        let pixels = image(64, 48, seed: 4)
        var settings = MaskSettings()
        settings.stride = 16
        var model = try model()
        func values() throws -> [Float] {
            let predictor = try WindowPredictor(maskModels(model), settings: settings, batchSize: 4)
            return Array(
                try predictor.predict(ArrayReader(width: 64, height: 48, pixels: pixels)).windows.values)
        }
        let plain = try values()
        for temperature in [0.25, 1, 4] {
            let scaling = TemperatureScaling(temperature: temperature)
            model.records[Calibration.key] = try JSON.text(Calibration(scaling, fittedOn: "validation", tiles: 9))
            for (found, value) in zip(try values(), plain) {
                let logOdds = Float(log(Double(value) / (1 - Double(value))))
                let expected = scaling.probabilities([0, logOdds], classes: 2)[1]
                try #require(abs(Double(found) - expected) < 1e-5, "temperature \(temperature)")
            }
        }
        model.records[Calibration.key] = #"{"temperature":0,"fittedOn":"test","tiles":9}"#
        let error = #expect(throws: FileError.self) { _ = try values() }
        #expect(error?.problem.hasPrefix("expected a calibration with a temperature") == true)
    }

    @Test func modelsWithoutNucleiAreRefused() throws {
        let model = try model(classes: ["CAT", "DOG"])
        let error = #expect(throws: (any Error).self) {
            _ = try WindowPredictor(maskModels(model), settings: MaskSettings(), batchSize: 1)
        }
        #expect("\(error!)" == "model0: expected a model with a class NUCLEI, found CAT, DOG")
    }

    @Test func cancelingThrowsTheErrorOfTheObserver() throws {
        struct Stop: Error {}
        var settings = MaskSettings()
        settings.stride = 32
        let predictor = try WindowPredictor(maskModels(model()), settings: settings, batchSize: 1)
        let reader = ArrayReader(width: 64, height: 64, pixels: image(64, 64, seed: 1))
        #expect(throws: Stop.self) { _ = try predictor.predict(reader, RecordingObserver { _ in throw Stop() }) }
    }

    /// Each window has the mean and the standard deviation of what the models say alone.
    @Test func ensemblesAverageCalibratedProbabilities() throws {
        let pixels = image(80, 64, seed: 4)
        var settings = MaskSettings()
        settings.stride = 16
        func predict(_ models: MaskModels) throws -> ProbabilityGrid {
            let predictor = try WindowPredictor(models, settings: settings, batchSize: 4)
            return try predictor.predict(ArrayReader(width: 80, height: 64, pixels: pixels)).windows
        }
        var second = try smallModel(seed: 8)
        second.records[Calibration.key] = try JSON.text(
            Calibration(TemperatureScaling(temperature: 0.25), fittedOn: "validation", tiles: 9))
        let models = [try smallModel(seed: 3), second, try smallModel(seed: 11)]
        let alone = try models.map { Array(try predict(maskModels($0)).values) }
        let found = try predict(maskModels(models[0], models[1], models[2]))
        var spread: Float = 0
        for window in 0..<found.grid.count {
            let values = alone.map { Double($0[window]) }
            let mean = values.reduce(0, +) / 3
            let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 3).squareRoot()
            try #require(abs(Double(found.store.probability(window)) - mean) < 1e-6)
            try #require(abs(Double(found.store.deviation(window)) - deviation) < 1e-6)
            spread = max(spread, found.store.deviation(window))
        }
        #expect(spread > 0.02, "the models are too similar for this test")
        #expect(try !predict(maskModels(models[0])).store.hasDeviations)
    }

    @Test func ensemblesAreOfModelsForTheSame() throws {
        let error = #expect(throws: FileError.self) { try maskModels(smallModel(), darknessOutliner()) }
        #expect(
            error?.description == "model1: expected a model that classifies windows of 32 pixels at an unknown "
                + "resolution, like model0, found a model that outlines nuclei at 0.5 microns per pixel")
        let twice = #expect(throws: FileError.self) {
            let model = try smallModel()
            _ = try MaskModels(["a", "b"].map { try MaskModel(model, path: $0, sha256: "0") })
        }
        #expect(twice?.description == "b: expected different models, found the same model twice")
    }
}
