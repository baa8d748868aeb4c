import NeuralNetworks
import Tensors
import TestSupport
import Testing

struct AxisFeaturesTests {
    /// Random sequences of windows, compared with a simulation that marks every feature that depends on padding.
    @Test func featuresThatDependOnPaddingAreCounted() throws {
        var cases = [(steps: [SlidingWindow], pixels: Int)]()
        for seed in 0..<60 {
            let numbers = Formula.integers(seed: UInt64(seed), count: 12, below: 1000)
            let steps = (0..<1 + numbers[0] % 3).map { index -> SlidingWindow in
                let window = 1 + numbers[1 + 3 * index] % 5
                return SlidingWindow(
                    size: window, stride: 1 + numbers[2 + 3 * index] % 3,
                    padding: numbers[3 + 3 * index] % (window + 1))
            }
            cases.append((steps, 20 + numbers[11] % 17))
        }
        try sweep(cases) { item, _ in
            // Whether each feature depends on padding, directly or through another feature.
            func affected(_ pixels: Int) -> [Bool]? {
                var values = [Bool](repeating: false, count: pixels)
                for step in item.steps {
                    let edge = [Bool](repeating: true, count: step.padding)
                    let padded = edge + values + edge
                    if padded.count < step.size { return nil }
                    values = stride(from: 0, through: padded.count - step.size, by: step.stride).map {
                        padded[$0..<$0 + step.size].contains(true)
                    }
                }
                return values
            }
            var features: AxisFeatures? = AxisFeatures(pixels: item.pixels)
            for step in item.steps { features = features?.applying(step) }
            guard let expected = affected(item.pixels) else {
                try #require(features == nil)
                return
            }
            let found = try #require(features)
            try #require(found.length == expected.count)
            try #require(found.stride == item.steps.reduce(1) { $0 * $1.stride })
            if found.leading + found.trailing < found.length {
                try #require(found.leading == expected.firstIndex(of: false))
                try #require(found.trailing == expected.reversed().firstIndex(of: false))
            }
        }
    }
}

@Suite(.kernelTurns) struct SharingTests {
    /// LeNet-5 and the compact network, narrow, for small tiles.
    private func model(_ architecture: Architecture, tile: Int) throws -> Model {
        let model = try Model(
            ModelDescription(
                architecture: architecture, tileSize: tile, classes: ["a", "b", "c"],
                statistics: ChannelStatistics(mean: [120, 130, 140], deviation: [50, 60, 70])))
        try model.network.initialize(seed: 5)
        // Running statistics that are not the initial ones.
        for (name, tensor) in model.network.state.named where name.contains("running") {
            for index in 0..<tensor.count {
                tensor[index] =
                    Formula.values(seed: 7, count: tensor.count)[index] * 0.3 + (name.hasSuffix("var") ? 1 : 0)
            }
        }
        return model
    }

    private func logits(
        _ predictor: BlockPredictor, _ pixels: [UInt8], _ width: Int, _ height: Int, _ corners: [(x: Int, y: Int)]
    ) throws -> [Float] {
        var result = [Float]()
        try pixels.withUnsafeBytes { bytes in
            try predictor.add(BlockWindows(bytes: bytes, width: width, height: height, corners: corners)) {
                result.append(contentsOf: $0)
            }
        }
        return result
    }

    private struct Case: CustomStringConvertible {
        let architecture: Architecture
        let tile: Int
        let stride: Int
        let rows: Int
        let columns: Int
        /// Numbers of layers that can be shared.
        let depths: [Int]
        var description: String { "\(architecture), tile \(tile), stride \(stride), \(rows) x \(columns) windows" }
    }

    private static let cases: [Case] = {
        var cases = [Case]()
        for (stride, depths) in [
            (4, [1, 2, 3]), (8, [1, 2, 3]), (20, [1, 2, 3]), (64, [1, 2, 3]), (2, [1]), (6, [1]), (13, []),
        ] {
            for (rows, columns) in [(6, 5), (1, 12)] {
                cases.append(
                    Case(architecture: .lenet5, tile: 64, stride: stride, rows: rows, columns: columns, depths: depths))
            }
        }
        for tile in [63, 65, 66] {
            cases.append(Case(architecture: .lenet5, tile: tile, stride: 8, rows: 6, columns: 6, depths: [1, 2, 3]))
        }
        // More windows than one batch of the head.
        cases.append(Case(architecture: .lenet5, tile: 33, stride: 4, rows: 33, columns: 32, depths: [1, 2, 3]))
        // Every block halves the image. After the last one, features are 16 pixels apart.
        for (stride, depths) in [(8, [1, 4, 7]), (16, [1, 4, 7, 10]), (12, [1, 4]), (7, [])] as [(Int, [Int])] {
            cases.append(
                Case(architecture: .compact, tile: 128, stride: stride, rows: 4, columns: 6, depths: depths))
        }
        // Pooling with padding: its borders have no zeros.
        for (tile, stride) in [(64, 4), (65, 8)] {
            cases.append(
                Case(architecture: .resnet18, tile: tile, stride: stride, rows: 2, columns: 2, depths: [1, 2, 4, 6]))
        }
        return cases
    }()

    @Test func paddingOfPoolingIsNeverTheMaximum() {
        let pooling = PoolingLayer("pool", .maximum, window: 3, stride: 2, padding: 1)
        #expect(
            pooling.slidingWindows == [SlidingWindow(size: 3, stride: 2, padding: 1, paddingValue: -.infinity)])
        #expect(pooling.borderVariant(sideBySide: true).slidingWindows[0].padding == 0)
    }

    @Test func sharedWindowsHaveTheLogitsOfIndependentOnes() throws {
        try sweep(Self.cases) { item, seed in
            let model = try model(item.architecture, tile: item.tile)
            let independent = try BlockPredictor(model, batchSize: 4, windowStride: item.stride, sharing: .none)
            let (width, height) = (
                item.tile + (item.columns - 1) * item.stride, item.tile + (item.rows - 1) * item.stride
            )
            let pixels = Formula.integers(seed: seed, count: width * height * 3, below: 256).map { UInt8($0) }
            let all = (0..<item.rows).flatMap { row in
                (0..<item.columns).map { (x: $0 * item.stride, y: row * item.stride) }
            }
            // All windows, and two thirds of them.
            let choices = [all, all.enumerated().filter { $0.offset % 3 != 1 }.map(\.element)]
            let expected = try choices.map { try logits(independent, pixels, width, height, $0) }
            var depths = [Int]()
            for depth in 0...12 {
                let shared = try BlockPredictor(
                    model, batchSize: 4, windowStride: item.stride, sharing: .layers(depth))
                guard let plan = shared.sharing else { continue }
                try #require(plan.trunk == depth && item.stride % plan.stride == 0)
                depths.append(depth)
                for (corners, expected) in zip(choices, expected) {
                    let found = try logits(shared, pixels, width, height, corners)
                    let scale = item.architecture == .resnet18 ? 3 * max(1, expected.largestMagnitude) : 1
                    try compare(
                        "logits with \(depth) layers", found, expected,
                        Tolerance(absolute: 2e-6 * scale, relative: 2e-6))
                    try #require(found.count == 3 * corners.count)
                }
            }
            try #require(depths == item.depths)
        }
    }

    /// Results of integers do not depend on the algorithm, so that sharing changes nothing. The convolutions of LeNet-5
    /// compute with floats.
    @Test func sharedWindowsHaveTheBitsOfIndependentOnesInFixedPoint() throws {
        // Tiles of LeNet-5 that are large enough for its dense layer to count.
        let lenet = Case(architecture: .lenet5, tile: 96, stride: 8, rows: 3, columns: 4, depths: [1, 2, 3])
        try sweep(Self.cases.filter { $0.architecture == .compact } + [lenet], seed: 40) { item, seed in
            let (width, height) = (
                item.tile + (item.columns - 1) * item.stride, item.tile + (item.rows - 1) * item.stride
            )
            let pixels = Formula.integers(seed: seed, count: width * height * 3, below: 256).map { UInt8($0) }
            let corners = (0..<item.rows * item.columns).filter { $0 % 5 != 2 }.map {
                (x: $0 % item.columns * item.stride, y: $0 / item.columns * item.stride)
            }
            let model = try model(item.architecture, tile: item.tile).withRanges(
                in: pixels,
                PixelWindows(height: item.tile, width: item.tile, rowStride: 3 * width, offsets: [0]))
            func predictor(_ sharing: SharingChoice) throws -> BlockPredictor {
                try BlockPredictor(
                    model, batchSize: 4, windowStride: item.stride, sharing: sharing, precision: .int16)
            }
            let expected = try logits(predictor(.none), pixels, width, height, corners)
            for depth in item.depths {
                let shared = try predictor(.layers(depth))
                try #require(shared.sharing?.trunk == depth)
                let found = try logits(shared, pixels, width, height, corners)
                if item.architecture == .compact {
                    try compareBits("logits", found, expected)
                } else {
                    try compare("logits", found, expected, Tolerance(absolute: 2e-4 * expected.largestMagnitude))
                }
            }
        }
    }

    /// Without padding, windows share all features and need no borders.
    @Test func networksWithoutPaddingHaveNoBorders() throws {
        let layers: [any Layer] = [
            ConvolutionLayer("a", filters: 8, kernel: 5, relu: true, pooling: .maximum),
            ConvolutionLayer("b", filters: 12, kernel: 3, stride: 2), LinearLayer("c", outputs: 2),
        ]
        let network = try Network(layers, inputShape: [3, 41, 41])
        let plan = try #require(SharingPlan(network, windowStride: 8))
        #expect(plan.trunk == 2 && plan.stride == 4 && plan.axes.allSatisfy { $0.leading + $0.trailing == 0 })
    }

    @Test func theStrideDeterminesTheDepthOfTheTrunk() throws {
        func plan(_ architecture: Architecture, _ stride: Int) throws -> SharingPlan? {
            let description = ModelDescription(
                architecture: architecture, tileSize: 256, classes: ["a", "b"],
                statistics: ChannelStatistics(mean: [1, 1, 1], deviation: [1, 1, 1]))
            return SharingPlan(try Model(description).network.folded(), windowStride: stride)
        }
        for stride in [128, 64, 4] {
            let found = try #require(try plan(.lenet5, stride))
            #expect(found.trunk == 3 && found.stride == 4)
            #expect(found.axes.map(\.length) == [256, 128, 62, 58] && found.axes.map(\.leading) == [0, 1, 1, 1])
        }
        #expect(try plan(.lenet5, 255) == nil && plan(.lenet5, 256) == nil)
        #expect(try plan(.lenet5, 66)?.stride == 2)
        let compact = try #require(try plan(.compact, 64))
        #expect(compact.axes.last?.leading == 3)
    }
}
