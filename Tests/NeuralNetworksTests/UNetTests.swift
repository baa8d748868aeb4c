import Foundations
import NeuralNetworks
import Tensors
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A narrow U-Net with random weights and running statistics.
private func narrowModel(seed: UInt64 = 3) throws -> Model {
    let description = ModelDescription(
        architecture: .unet, tileSize: 64, classes: ["NO_NUCLEUS", "NUCLEI"],
        statistics: ChannelStatistics(mean: [120, 110, 130], deviation: [40, 50, 60]))
    let model = try Model(description)
    try model.network.initialize(seed: seed)
    let workspace = Workspace(model.network, capacity: 2, supportsBackward: true)
    workspace.input.copy(from: Tensor(workspace.input.shape, Formula.values(seed: 4, count: workspace.input.count)))
    _ = try workspace.forward(.training(seed: 1))
    return model
}

private struct Picture {
    let width: Int
    let height: Int
    let bytes: [UInt8]

    static func random(width: Int, height: Int) -> Picture {
        let bytes = Formula.integers(seed: 9, count: width * height * 3, below: 256).map { UInt8($0) }
        return Picture(width: width, height: height, bytes: bytes)
    }

    func part(x: Int, y: Int, width: Int, height: Int) -> Picture {
        var rows = [UInt8]()
        for row in y..<y + height {
            let start = (row * self.width + x) * 3
            rows += bytes[start..<start + width * 3]
        }
        return Picture(width: width, height: height, bytes: rows)
    }

    func probabilities(
        _ predictor: PixelPredictor
    ) throws -> (interior: [Float], nucleus: [Float], deviation: [Float]?) {
        let result = PixelProbabilities()
        try bytes.withUnsafeBytes { try predictor.predict($0, width: width, height: height, into: result) }
        return (result.interior.values, result.nucleus.values, result.deviation?.values)
    }
}

extension Picture {
    /// Means of the density of hematoxylin over 3 x 3 pixels.
    fileprivate var smoothedDensities: [Double] {
        let stain = StainDensity(of: .hematoxylin)
        func density(_ x: Int, _ y: Int) -> Double {
            let place = 3 * (y * width + x)
            return Double(stain.density(red: bytes[place], green: bytes[place + 1], blue: bytes[place + 2]))
        }
        return (0..<height).flatMap { y in
            (0..<width).map { x in
                let (rows, columns) = (max(y - 1, 0)...min(y + 1, height - 1), max(x - 1, 0)...min(x + 1, width - 1))
                let sum = rows.reduce(0.0) { sum, row in columns.reduce(sum) { $0 + density($1, row) } }
                return sum / Double(rows.count * columns.count)
            }
        }
    }
}

@Suite(.kernelTurns) struct UNetTests {
    /// Probabilities of mirror images are averaged where they belong.
    @Test func flipsAreAveraged() throws {
        let model = try Model(
            ModelDescription(
                architecture: .unet, tileSize: 128, classes: ["NO_NUCLEUS", "NUCLEI"],
                statistics: ChannelStatistics(mean: [128, 128, 128], deviation: [64, 64, 64])))
        try model.network.initialize(seed: 5)
        let (width, height) = (48, 32)
        let picture = Picture.random(width: width, height: height)
        /// The pixel of the mirror image that shows pixel `place`.
        func mirrored(_ place: Int, _ flip: Int) -> Int {
            let (y, x) = place.quotientAndRemainder(dividingBy: width)
            return (flip & 1 == 0 ? y : height - 1 - y) * width + (flip & 2 == 0 ? x : width - 1 - x)
        }
        let plain = try PixelPredictor([model])
        var expected = (interior: [Float](repeating: 0, count: width * height), nucleus: [Float]())
        expected.nucleus = expected.interior
        for flip in 0..<4 {
            let bytes = (0..<width * height).flatMap { place in
                (0..<3).map { picture.bytes[3 * mirrored(place, flip) + $0] }
            }
            let found = try Picture(width: width, height: height, bytes: bytes).probabilities(plain)
            for place in 0..<width * height {
                expected.interior[place] += found.interior[mirrored(place, flip)] / 4
                expected.nucleus[place] += found.nucleus[mirrored(place, flip)] / 4
            }
        }
        let found = try picture.probabilities(PixelPredictor([model], averagingFlips: true))
        try compare("interior", found.interior, expected.interior, Tolerance(absolute: 1e-6))
        try compare("nucleus", found.nucleus, expected.nucleus, Tolerance(absolute: 1e-6))
        // The network itself depends on the direction.
        #expect(try picture.probabilities(plain).interior != found.interior)
    }

    @Test func ensemblesAverageProbabilities() throws {
        let (width, height) = (96, 64)
        let picture = Picture.random(width: width, height: height)
        let models = try [3, 4, 5].map { try narrowModel(seed: $0) }
        let alone = try models.map { try picture.probabilities(PixelPredictor([$0])) }
        func mean(_ value: ([Float], [Float]) -> [Float]) -> [Double] {
            let values = alone.map { value($0.interior, $0.nucleus) }
            return (0..<width * height).map { pixel in values.reduce(0) { $0 + Double($1[pixel]) } / 3 }
        }
        let nuclei = mean { _, nucleus in nucleus }
        let squares = mean { _, nucleus in nucleus.map { $0 * $0 } }
        let predictor = try PixelPredictor(models)
        // The memory of one size is used again for another.
        for _ in 0..<2 {
            let found = try picture.probabilities(predictor)
            try compare("interior", found.interior, mean { interior, _ in interior }, Tolerance(absolute: 1e-6))
            try compare("nucleus", found.nucleus, mean { _, nucleus in nucleus }, Tolerance(absolute: 1e-6))
            let deviation = found.deviation
            let expected = zip(squares, nuclei).map { max(0, $0 - $1 * $1).squareRoot() }
            try compare("deviation", #require(deviation), expected, Tolerance(absolute: 1e-3))
            #expect(expected.max()! > 0.05, "the models are too similar for this test")
            _ = try picture.part(x: 0, y: 0, width: 32, height: 32).probabilities(predictor)
        }
        let twins = try PixelPredictor([models[0], models[0]])
        #expect(try picture.probabilities(twins).deviation?.allSatisfy { $0 == 0 } == true)
        #expect(try picture.probabilities(PixelPredictor([models[0]])).deviation == nil)
        let flipped = try picture.probabilities(PixelPredictor([models[0], models[0]], averagingFlips: true))
        try compareBits(
            "flips", flipped.interior,
            try picture.probabilities(PixelPredictor([models[0]], averagingFlips: true)).interior)
    }

    @Test func hasTheStatedSize() throws {
        let plan = try NetworkPlan(Architecture.unet.graph(classes: 2, dropout: 0), inputShape: [3, 128, 128])
        #expect(plan.shapes[plan.graph.output] == [3, 128, 128])
        #expect(plan.layout.parameterCount < 500_000)
    }

    @Test(arguments: [(2, 2), (6, 14), (38, 64)]) func acceptsImagesOfAnyEvenSize(height: Int, width: Int) throws {
        let graph = Architecture.unetGraph(widths: [2, 3, 4, 5], dropout: 0)
        let network = try Network(graph, inputShape: [3, height, width])
        #expect(network.outputShape == [3, height, width])
        let workspace = Workspace(network, capacity: 1)
        _ = try workspace.forward(.inference)
    }

    /// Blocks of a slide are computed with a margin, so that its division into blocks has no effect.
    @Test func resultsFarFromTheEdgesDoNotDependOnTheRectangle() throws {
        let predictor = try PixelPredictor([narrowModel()])
        let picture = Picture.random(width: 256, height: 224)
        let whole = try picture.probabilities(predictor)
        let (x, y, width, height, margin) = (64, 32, 160, 136, 48)
        let part = try picture.part(x: x, y: y, width: width, height: height).probabilities(predictor)
        for row in margin..<height - margin {
            let own = row * width + margin..<row * width + width - margin
            let other = (y + row) * picture.width + x + margin..<(y + row) * picture.width + x + width - margin
            try compare(
                "interior, row \(row)", Array(part.interior[own]), whole.interior[other].map(Double.init),
                Tolerance(absolute: 1e-5))
            try compare(
                "nucleus, row \(row)", Array(part.nucleus[own]), whole.nucleus[other].map(Double.init),
                Tolerance(absolute: 1e-5))
        }
        // Without a margin they do: the test can fail.
        #expect((part.interior[0] - whole.interior[y * picture.width + x]).magnitude > 1e-5)
    }

    @Test func rectanglesOfChangingSizeGiveTheSameResults() throws {
        let picture = Picture.random(width: 96, height: 64)
        let expected = try picture.probabilities(PixelPredictor([narrowModel()]))
        let predictor = try PixelPredictor([narrowModel()])
        for (width, height) in [(96, 64), (32, 32), (96, 40), (96, 64)] {
            let part = picture.part(x: 0, y: 0, width: width, height: height)
            let found = try part.probabilities(predictor)
            if (width, height) == (96, 64) {
                try compareBits("interior", found.interior, expected.interior)
                try compareBits("nucleus", found.nucleus, expected.nucleus)
            }
        }
    }

    /// The network in fixed point gives nearly the same probabilities, and exactly the same ones in every rectangle.
    @Test func fixedPointIsCloseToFloatsAndIndependentOfTheRectangle() throws {
        let picture = Picture.random(width: 256, height: 224)
        let model = try withRanges(narrowModel(), from: picture)
        let expected = try picture.probabilities(PixelPredictor([model]))
        let predictor = try PixelPredictor([model], precision: .int16)
        let found = try picture.probabilities(predictor)
        try compare("interior", found.interior, expected.interior.map(Double.init), Tolerance(absolute: 0.01))
        try compare("nucleus", found.nucleus, expected.nucleus.map(Double.init), Tolerance(absolute: 0.01))
        #expect(found.nucleus != expected.nucleus, "both are computed with floats")
        for instructions in InstructionSet.allCases {
            guard (try? Kernels.setInstructions(instructions)) != nil else { continue }
            defer { try? Kernels.setInstructions(.any) }
            let same = try picture.probabilities(PixelPredictor([model], precision: .int16))
            try compareBits("\(instructions)", same.nucleus, found.nucleus)
            try compareBits("\(instructions)", same.interior, found.interior)
        }
        // Any multiple of 8 pixels, the coarsest level's stride, will do.
        let (x, y, width, height, margin) = (56, 40, 152, 136, 48)
        let part = try picture.part(x: x, y: y, width: width, height: height).probabilities(predictor)
        for row in margin..<height - margin {
            let start = (y + row) * picture.width + x
            try compareBits(
                "nucleus, row \(row)", Array(part.nucleus[row * width + margin..<(row + 1) * width - margin]),
                Array(found.nucleus[start + margin..<start + width - margin]))
        }
    }

    /// Values may be up to twice as large as those that were recorded; larger ones are cut off.
    @Test func fixedPointToleratesValuesBeyondItsRanges() throws {
        let picture = Picture.random(width: 64, height: 64)
        let recorded = try withRanges(narrowModel(), from: picture)
        let expected = try picture.probabilities(PixelPredictor([recorded])).nucleus
        func largestChange(rangesDividedBy factor: Float) throws -> Float {
            var model = recorded
            model.description.fixedPoint!.ranges = model.description.fixedPoint!.ranges.mapValues { $0 / factor }
            let found = try picture.probabilities(PixelPredictor([model], precision: .int16)).nucleus
            return zip(found, expected).map { abs($0 - $1) }.max()!
        }
        #expect(try largestChange(rangesDividedBy: 2) < 0.01)
        #expect(try largestChange(rangesDividedBy: 8) > 0.01)
        // Integers that wrapped around would make ones of zeros.
        #expect(try largestChange(rangesDividedBy: 3) < 0.2)
    }

    @Test func fixedPointNeedsRanges() throws {
        var model = try withRanges(narrowModel(), from: Picture.random(width: 64, height: 64))
        model.description.fixedPoint!.ranges["decoder0.add"] = nil
        #expect {
            try PixelPredictor([model], precision: .int16)
        } throws: {
            "\($0)" == "decoder0.add: no range of its output is recorded"
        }
        model.description.fixedPoint = nil
        #expect {
            try PixelPredictor([model], precision: .int16)
        } throws: {
            "\($0)" == "the model does not record the ranges of its values"
        }
    }

    @Test func tilesAreScoredInFixedPoint() throws {
        let picture = Picture.random(width: 64, height: 64)
        let model = try withRanges(narrowModel(), from: picture)
        func logits(_ precision: Precision) throws -> [Float] {
            try picture.bytes.withUnsafeBytes {
                try Predictor(model, batchSize: 2, precision: precision).logits(
                    $0, PixelWindows(height: 64, width: 64, rowStride: 192, offsets: [0, 0, 0]))
            }
        }
        let (fixed, floats) = (try logits(.int16), try logits(.float32))
        try compare("logits", fixed, floats.map(Double.init), Tolerance(absolute: 0.02))
        #expect(fixed != floats, "both are computed with floats")
    }

    /// Fixed point is chosen for models that record that nothing changes.
    @Test func precisionFollowsTheRecord() throws {
        var models = try [narrowModel(), narrowModel(seed: 4)]
        #expect(Precision.best(for: models) == .float32)
        let ranges = ["layer": Float(1)]
        func record(_ found: [Double]) -> FixedPointRecord {
            FixedPointRecord(ranges: ranges, expected: [0.2, 0.8, 0.505, 0.495], found: found, classes: 2)
        }
        let cases = [
            ([0.2, 0.8, 0.505, 0.495], 0, true), ([0.205, 0.795, 0.505, 0.495], 0, true),
            ([0.22, 0.78, 0.505, 0.495], 0, false), ([0.2, 0.8, 0.499, 0.501], 1, false),
        ]
        for (found, changed, isFaithful) in cases {
            let record = record(found)
            #expect(record.tiles == 2 && record.changedDecisions == changed && record.isFaithful == isFaithful)
            models[0].description.fixedPoint = record
            #expect(Precision.best(for: models) == .float32, "the other model has no record")
            let fastest = FixedPointConvolution.isFast ? Precision.int16 : .float32
            #expect(Precision.best(for: [models[0]]) == (isFaithful ? fastest : .float32))
        }
        #expect(!FixedPointRecord(ranges: ranges).isFaithful, "nothing was compared")
    }

    private func withRanges(_ model: Model, from picture: Picture) throws -> Model {
        try model.withRanges(
            in: picture.bytes,
            PixelWindows(
                height: 64, width: 64, rowStride: 3 * picture.width, offsets: [0, Int64(3 * (picture.width - 64)), 0]))
    }

    @Test func scoresOfTilesAreThoseOfTheirPixels() throws {
        let model = try narrowModel()
        let picture = Picture.random(width: 64, height: 64)
        let pixels = try picture.probabilities(PixelPredictor([model]))
        // Pixels without hematoxylin are background.
        let densities = picture.smoothedDensities
        let pale = densities.count { $0 < Double(StainDensity.leastInNuclei) }
        #expect(pale > 100 && pale < densities.count - 100)
        let nuclei = zip(pixels.nucleus, densities).map {
            $1 < Double(StainDensity.leastInNuclei) ? 0 : Double($0)
        }
        let score = Naive.meanOfTop(nuclei, PixelLoss.scoredPixels)
        let logits = try picture.bytes.withUnsafeBytes {
            try Predictor(model, batchSize: 3).logits(
                $0, PixelWindows(height: 64, width: 64, rowStride: 192, offsets: [0, 0]))
        }
        #expect(logits.count == 4 && logits[0] == 0 && logits[2] == 0 && logits[1] == logits[3])
        try compare("logit", [logits[1]], [log(score / (1 - score))], Tolerance(absolute: 1e-3))
    }

    @Test func fittedScoresFollowFromTheFitOfTheFile() throws {
        var model = try narrowModel()
        let picture = Picture.random(width: 64, height: 64)
        func logit() throws -> Float {
            let folder = try TemporaryFolder()
            try model.write(to: folder.path.appending("m.safetensors"))
            let read = try Model(path: folder.path.appending("m.safetensors"))
            return try picture.bytes.withUnsafeBytes {
                try Predictor(read, batchSize: 1).logits(
                    $0, PixelWindows(height: 64, width: 64, rowStride: 192, offsets: [0]))[1]
            }
        }
        let plain = try logit()
        model.description.tileScoreFit = TileScoreFit(slope: 0.5, offset: -2)
        #expect(try logit() == Float(0.5 * Double(plain) - 2))
        #expect(TileScoreFit(slope: 0, offset: 1) == nil && TileScoreFit(slope: 1, offset: .infinity) == nil)
    }
}
