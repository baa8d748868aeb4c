import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// A slide in memory, with regions that cannot be decoded and regions without pixels.
final class ArrayBlocks: BlockReader {
    let path: FilePath = "memory"
    let geometry: ImageGeometry
    var unreadable = [PixelRegion]()
    var clear = [PixelRegion]()
    /// Number of pixels read so far.
    private(set) var pixelsRead = 0
    var decodedPixels: Int { pixelsRead }
    /// Thrown by the next reads.
    var failure: FileError?
    private let pixels: [UInt8]

    init(width: Int, height: Int, pixels: [UInt8]) {
        geometry = ImageGeometry(width: width, height: height)
        self.pixels = pixels
    }

    func read(_ region: PixelRegion, into block: PixelBlock, threads: Int) throws(FileError) {
        if let failure { throw failure }
        precondition(region.x >= 0 && region.y >= 0 && region.right <= width && region.bottom <= height)
        pixelsRead += region.width * region.height
        block.begin(region)
        var colors = [UInt32]()
        for y in region.y..<region.bottom {
            for x in region.x..<region.right {
                let point = PixelRegion(x: x, y: y, width: 1, height: 1)
                let place = (y * width + x) * 3
                let color = (0..<3).reduce(0xFF) { $0 << 8 | UInt32(pixels[place + $1]) }
                colors.append(clear.contains { $0.intersects(point) } ? 0 : color)
            }
        }
        block.compose(region, colors.span, background: 0xFFFFFF)
        for part in unreadable where part.intersects(region) {
            block.markUnreadable(part.intersection(region), FileError(path, .malformed, "no"))
        }
    }
}

@Suite(.kernelTurns) struct BlockTests {
    private static let tile = 32

    private func model(tile: Int) throws -> Model {
        let model = try Model(
            ModelDescription(
                architecture: .lenet5, tileSize: tile, classes: ["NO_NUCLEUS", "NUCLEI"],
                statistics: ChannelStatistics(mean: [120, 130, 140], deviation: [50, 60, 70])))
        try model.network.initialize(seed: 3)
        return model
    }

    private func pixels(_ width: Int, _ height: Int) -> [UInt8] {
        (0..<width * height * 3).map { UInt8(Formula.bits(5, $0 / 3 / 9) >> 57) + UInt8(Formula.bits(6, $0) >> 57) }
    }

    private func predictor(
        stride: Int, block: Int, tile: Int = Self.tile, sharing: SharingChoice = .automatic
    ) throws -> WindowPredictor {
        var settings = MaskSettings()
        settings.stride = stride
        return try WindowPredictor(
            maskModels(model(tile: tile)), settings: settings, batchSize: 7, sharing: sharing, largestBlock: block)
    }

    @Test func plansCoverEveryWindowOnce() throws {
        var cases = [(width: Int, height: Int, stride: Int, block: Int, phase: Int)]()
        for (width, height) in [(32, 32), (33, 200), (257, 31 + 32), (500, 96)] {
            for stride in [4, 13, 16, 32] {
                for block in [32, 64, 100, 1000] {
                    for phase in [1, 4] { cases.append((width, height, stride, block, phase)) }
                }
            }
        }
        try sweep(cases) { item, _ in
            let grid = WindowGrid(
                width: item.width, height: item.height, tile: Self.tile, stride: item.stride, edges: .clamp)
            let phase = item.stride % item.phase == 0 ? item.phase : 1
            let plan = BlockPlan(grid, largestWidth: item.block, largestHeight: item.block, phase: phase)
            var seen = Set<[Int]>()
            for index in 0..<plan.count {
                let block = plan[index]
                let region = WindowBlock.region(block.rows, block.columns, of: grid)
                try #require(region.right <= item.width && region.bottom <= item.height)
                try #require(region.width <= max(item.block, Self.tile) && region.height <= max(item.block, Self.tile))
                for row in block.rows {
                    for column in block.columns {
                        try #require(seen.insert([row, column]).inserted, "window \(row), \(column) twice")
                        try #require((grid.rows.starts[row] - region.y) % phase == 0)
                        try #require((grid.columns.starts[column] - region.x) % phase == 0)
                    }
                }
            }
            try #require(seen.count == grid.count)
        }
    }

    @Test func blocksOfAnySizeGiveTheSameProbabilities() throws {
        for (width, height) in [(200, 150), (32, 300), (20, 90), (131, 33)] {
            let pixels = pixels(width, height)
            let whole = try predictor(stride: 13, block: 10_000)
            let expected = try whole.predict(ArrayReader(width: width, height: height, pixels: pixels)).windows
            for block in [1, 32, 50, 77, 128] {
                let predictor = try predictor(stride: 13, block: block)
                let rows = try predictor.predict(ArrayReader(width: width, height: height, pixels: pixels)).windows
                let reader = ArrayBlocks(width: width, height: height, pixels: pixels)
                let blocks = try predictor.predict(reader).windows
                for other in [rows, blocks] {
                    try compare(
                        "\(width)x\(height) in blocks of \(block)", Array(other.values), Array(expected.values),
                        Tolerance(absolute: 1e-6))
                }
            }
        }
    }

    /// Includes last rows and columns of windows that are moved back to the edge, off the stride of the others.
    @Test func sharedFeaturesGiveThePlainProbabilities() throws {
        for (width, height) in [(200, 150), (201, 151), (64, 300), (40, 90), (131, 66)] {
            let pixels = pixels(width, height)
            for (stride, layers) in [(16, 3), (4, 3), (8, 2), (32, 3), (6, 1)] {
                let plain = try predictor(stride: stride, block: 130, tile: 64, sharing: .none)
                let reader = ArrayBlocks(width: width, height: height, pixels: pixels)
                let prediction = try plain.predict(reader)
                let expected = prediction.windows
                #expect(prediction.sharing == nil)
                #expect(prediction.seconds.computing > 0 && prediction.seconds.reading > 0)
                let shared = try predictor(stride: stride, block: 130, tile: 64, sharing: .layers(layers))
                let tissue = TissueMap(
                    imageWidth: width, imageHeight: height, width: 4, height: 4,
                    isTissue: (0..<16).map { Formula.bits(8, $0) % 3 == 0 })
                for tissue in [nil, tissue] {
                    let prediction = try shared.predict(reader, tissue: tissue)
                    let found = prediction.windows
                    #expect(prediction.sharing?.trunk == layers)
                    let windows = (0..<found.grid.count).filter { found.store.state($0) == .predicted }
                    #expect(windows.count == (tissue == nil ? found.grid.count : windows.count))
                    try compare(
                        "\(width)x\(height), stride \(stride)", windows.map { found.store.probability($0) },
                        windows.map { expected.store.probability($0) }, Tolerance(absolute: 1e-6))
                }
            }
        }
    }

    @Test func windowsWithoutPredictionAreCountedByState() throws {
        let (width, height) = (256, 192)
        let reader = ArrayBlocks(width: width, height: height, pixels: pixels(width, height))
        reader.unreadable = [PixelRegion(x: 70, y: 40, width: 1, height: 1)]
        reader.clear = [PixelRegion(x: 128, y: 0, width: 128, height: 64)]
        // No tissue in the lower half.
        let tissue = TissueMap(
            imageWidth: width, imageHeight: height, width: 2, height: 2, isTissue: [true, true, false, false])
        let predictor = try predictor(stride: 16, block: 96)
        let plain = try predictor.predict(
            ArrayReader(width: width, height: height, pixels: pixels(width, height))
        ).windows
        let observer = RecordingObserver()
        let result = try predictor.predict(reader, tissue: tissue, observer).windows
        let reports = observer.windowsDone
        #expect(reports.last == result.grid.count && reports == reports.sorted())
        var counts = [WindowState: Int]()
        for window in 0..<result.grid.count {
            let region = result.region(of: window)
            let expected: WindowState =
                if region.y >= 96 { .background } else if region.intersects(reader.unreadable[0]) {
                    .unreadable
                } else if region.x >= 128 && region.bottom <= 64 { .outside } else { .predicted }
            counts[expected, default: 0] += 1
            #expect(result.store.state(window) == expected, "window at \(region.x), \(region.y)")
            if expected == .predicted, !reader.clear[0].intersects(region) {
                #expect((result.store.probability(window) - plain.store.probability(window)).magnitude < 1e-6)
            }
        }
        #expect(counts.count == 4)
        #expect(result.counts().filter { $0.value > 0 } == counts)

        let writer = ArrayWriter(width: width, height: height, channels: 1)
        let summary = try predictor.writeMask(result, width: width, height: height, tissue: tissue, to: writer)
        #expect(
            summary.nuclei + summary.noNuclei + summary.blank.total == width * height && summary.blank.uncovered == 0)
        // Windows with tissue extend to row 112, but the tissue ends at row 96.
        #expect(summary.blank.background == width * (height - 96) && summary.processed == width * 96)
        // Cells that only unreadable windows cover: 64 ... 80, 32 ... 48.
        #expect(summary.blank.unreadable == 16 * 16)
        #expect(summary.blank.outside == (256 - 144) * 48, "predicted windows reach 16 pixels into it")
        #expect(writer.pixels[96 * width..<height * width].allSatisfy { $0 == 0 })
    }

    @Test func onlyPredictedWindowsAreAveraged() {
        let grid = WindowGrid(width: 48, height: 32, tile: 32, stride: 16, edges: .clamp)
        let result = ProbabilityGrid(grid)
        let field = ProbabilityField(result, blend: .uniform, width: 48, height: 32)
        result.store.setProbability(0, 0.5)
        result.store.setState(1, .background)
        #expect(field.contents(ofRow: 0) == [.average(0.5), .average(0.5), .background])
        result.store.setState(1, .unreadable)
        #expect(field.contents(ofRow: 0) == [.average(0.5), .average(0.5), .unreadable])
        result.store.setState(1, .outside)
        #expect(field.contents(ofRow: 0) == [.average(0.5), .average(0.5), .outside])
        #expect(field.averages(ofRow: 0) == [0.5, 0.5, nil])
    }

    @Test func onlyNeededPixelsAreRead() throws {
        let (width, height) = (320, 320)
        let reader = ArrayBlocks(width: width, height: height, pixels: pixels(width, height))
        var isTissue = [Bool](repeating: false, count: 100)
        isTissue[55] = true
        let tissue = TissueMap(imageWidth: width, imageHeight: height, width: 10, height: 10, isTissue: isTissue)
        let result = try predictor(stride: 32, block: 96).predict(reader, tissue: tissue).windows
        #expect(result.counts()[.predicted] == 1 && reader.pixelsRead == 32 * 32)
    }

    @Test func errorsOfTheReaderAreThrown() throws {
        let reader = ArrayBlocks(width: 64, height: 64, pixels: pixels(64, 64))
        reader.failure = FileError("memory", .unreadable, "gone")
        let predictor = try predictor(stride: 32, block: 32)
        #expect(throws: FileError("memory", .unreadable, "gone")) { _ = try predictor.predict(reader) }
    }
}
