import Foundations
import Imaging
import NeuralNetworks
import Tensors

/// How windows are laid and judged.
package struct MaskSettings: Codable, Equatable, Sendable {
    /// Pixels from one window to the next, 1 ... tile.
    package var stride = 128
    /// A pixel is white where its mean probability of nuclei is above this.
    package var threshold = 0.5
    package var edges = EdgeRule.clamp
    package var blend = Blend.uniform

    package init() {}
}

/// What came out of masking one image.
package struct MaskSummary: Sendable {
    package var width: Int
    package var height: Int
    package var windows: Int
    /// Pixels by what the mask says of them; together all pixels of the image.
    package var nuclei = 0
    package var noNuclei = 0
    /// Black as well.
    package var blank = BlankPixels()

    package var coverage: Double { Double(nuclei) / (Double(width) * Double(height)) }
}

/// Seconds of predicting the windows of an image.
package struct PredictionSeconds: Codable, Sendable {
    /// Blocks were read, on a thread beside the others.
    package var reading = 0.0
    /// Nothing was computed, because a block was not there yet.
    package var waiting = 0.0
    /// The network was applied to blocks.
    package var computing = 0.0
}

/// Slides a model over images and writes what it finds.
package final class Masker {
    package static let nucleiClass = "NUCLEI"

    let model: Model
    private let batchSize: Int
    let settings: MaskSettings
    private let nucleiIndex: Int
    /// Pixels that a side of a block may have: 16 MB a block, and little that is decoded twice.
    package var largestBlock = 2304
    /// Whether windows share the features of a block.
    package var sharing = SharingChoice.automatic
    /// Windows of the image that was looked at last that were computed, not found in a journal.
    package private(set) var computed = 0
    /// How the windows of the image that was looked at last shared features; nil when they did not.
    package private(set) var sharingPlan: SharingPlan?
    /// Where the time went for the image that was looked at last.
    package private(set) var seconds = PredictionSeconds()

    /// Throws when the model has no class of nuclei.
    package init(_ model: Model, path: FilePath, batchSize: Int, settings: MaskSettings) throws(FileError) {
        guard let index = model.description.classes.firstIndex(of: Self.nucleiClass) else {
            throw FileError(
                path, expected: "a model with a class \(Self.nucleiClass)",
                found: model.description.classes.joined(separator: ", "))
        }
        nucleiIndex = index
        self.model = model
        self.batchSize = batchSize
        self.settings = settings
    }

    var tile: Int { model.description.tileSize }

    /// The windows that an image gets. Throws when they, or the rows of pixels that an image in rows needs, are more than
    /// memory is meant for.
    package func grid(for reader: any BlockReader) throws(FileError) -> WindowGrid {
        let (width, height) = (max(reader.width, tile), max(reader.height, tile))
        let (columns, rows) = (width / settings.stride + 1, height / settings.stride + 1)
        guard columns <= Self.largestWindowCount / rows else {
            throw FileError(
                reader.path, expected: "at most \(Self.largestWindowCount) windows, as a larger stride makes",
                found: "\(columns) x \(rows)")
        }
        guard !reader.isSequential || width <= Self.largestBandInBytes / (tile * 3) else {
            throw FileError(
                reader.path, expected: "at most \(Self.largestBandInBytes / (tile * 3)) pixels a row", found: "\(width)"
            )
        }
        guard Double(tile) * reader.pixelsRead <= Self.largestWindowSide else {
            throw FileError(
                reader.path,
                expected: "a resolution of which a window is at most \(Int(Self.largestWindowSide)) pixels a side",
                found: "\(Int(Double(tile) * reader.pixelsRead)): a --level of coarser pixels is wanted")
        }
        return WindowGrid(
            width: width, height: height, tile: tile, stride: settings.stride, edges: settings.edges,
            columnScale: .init(image: reader.imageWidth, laid: reader.width),
            rowScale: .init(image: reader.imageHeight, laid: reader.height))
    }

    /// 1.3 GB of probabilities.
    private static let largestWindowCount = 1 << 28
    /// Rows of pixels under one row of windows.
    private static let largestBandInBytes = 3 << 30
    /// Pixels of the image, before resampling; 200 MB.
    private static let largestWindowSide = 8192.0

    /// Whether an image of some size is smaller than a tile, and has to be padded.
    package func pads(width: Int, height: Int) -> Bool { width < tile || height < tile }

    /// Probabilities of nuclei in all windows of an image, which is read block by block while the block before is
    /// computed. Windows without tissue, where a map of it is given, are not computed, nor are those that the image has no
    /// pixels for or that could not be decoded. `afterBatch` is told how many windows have been done; it may throw to
    /// stop.
    ///
    /// `openJournal` gets in words what the values depend on beside the image and the model, and how many windows and blocks
    /// there are. Blocks that its journal has complete are not computed again.
    package func probabilities(
        _ reader: any BlockReader, tissue: TissueMap? = nil,
        openJournal: ((_ layout: String, _ windows: Int, _ blocks: Int) throws -> Journal)? = nil,
        afterBatch: (Int) throws -> Void
    ) throws -> ProbabilityGrid {
        let grid = try grid(for: reader)
        let tissue = tissue?.scaled(width: reader.width, height: reader.height)
        let predictor = try predictor(largestBatch: grid.count)
        (sharingPlan, computed, seconds) = (predictor.sharing, 0, PredictionSeconds())
        let side = largestSide(predictor.sharing, reader.pixelsRead)
        let plan = blocks(of: grid, reader, predictor.sharing)
        let journal = try openJournal?(layout(reader, side: side, tissue), grid.count, plan.count)
        let result = ProbabilityGrid(grid, journal?.store ?? WindowStore(count: grid.count))
        if let journal { result.keepCompleteBlocks(of: journal, plan) }
        var jobs = [(index: Int, block: WindowBlock, region: PixelRegion)]()
        var done = 0
        for index in 0..<plan.count {
            let block = plan[index]
            done += result.markBackground(in: block, tissue)
            if let region = result.pendingRegion(of: block, asHighAsBlock: reader.isSequential) {
                jobs.append((index, block, region))
            }
        }
        let classes = model.description.classes.count
        let stream = BlockStream(reader, jobs.map(\.region))
        defer { (seconds.reading, seconds.waiting) = (stream.secondsReading, stream.secondsWaiting) }
        try stream.forEachBlock { index, pixels in
            let windows = result.pendingWindows(of: jobs[index].block)
            let waiting = result.markMissing(windows, in: pixels)
            done += windows.count - waiting.count
            var next = 0
            let block = BlockWindows(
                bytes: pixels.bytes, width: pixels.region.width, height: pixels.region.height,
                corners: waiting.map { window in
                    let region = result.region(of: window)
                    return (region.x - pixels.region.x, region.y - pixels.region.y)
                })
            let start = ContinuousClock.now
            try predictor.add(block) { logits in
                let rows = Tensor([logits.count / classes, classes], logits)
                try Kernels.softmax(rows, rows)
                for row in 0..<rows.shape[0] {
                    result.store.setProbability(waiting[next], rows[row * classes + nucleiIndex])
                    next += 1
                }
                try afterBatch(done + next)
            }
            seconds.computing += (ContinuousClock.now - start) / .seconds(1)
            done += waiting.count
            computed += waiting.count
            // What could not be read now may be another time.
            let all = result.windows(of: jobs[index].block)
            if !all.contains(where: { result.store.state($0) == .unreadable }) {
                journal?.complete(jobs[index].index, all)
            }
            try afterBatch(done)
        }
        return result
    }

    /// What computes windows, no more than some at once.
    func predictor(largestBatch: Int) throws -> BlockPredictor {
        try BlockPredictor(
            model, batchSize: min(batchSize, largestBatch), windowStride: settings.stride, sharing: sharing)
    }

    /// How an image's windows are cut into blocks.
    func blocks(of grid: WindowGrid, _ reader: any BlockReader, _ sharing: SharingPlan?) -> BlockPlan {
        let side = largestSide(sharing, reader.pixelsRead)
        return BlockPlan(
            grid, largestWidth: side, largestHeight: min(side, reader.largestBlockHeight), phase: sharing?.stride ?? 1)
    }

    /// What the windows' values depend on beside the image and the model.
    private func layout(_ reader: any BlockReader, side: Int, _ tissue: TissueMap?) -> String {
        let trunk = sharingPlan.map { "\($0.trunk)" } ?? "none"
        return
            "\(reader.width) x \(reader.height) pixels for \(reader.imageWidth) x \(reader.imageHeight), tile \(tile), "
            + "stride \(settings.stride), edges \(settings.edges), blocks of \(side), shared layers \(trunk), "
            + "tissue \(tissue?.digest ?? "everywhere"), \(Kernels.instructions) instructions"
    }

    /// Pixels that a side of a block may have: the values of a block take 117 MB at most, and a block has no more
    /// windows than their borders leave room for. Where pixels are made of finer ones, those count.
    func largestSide(_ sharing: SharingPlan?, _ pixelsRead: Double) -> Int {
        let read = max(tile, Int(Double(largestBlock) / max(1, pixelsRead)))
        guard let sharing else { return read }
        return min(read, sharing.largestSide(bytes: 112 << 20), tile + 31 * settings.stride)
    }

    /// The same for an image in rows.
    package func probabilities(
        _ reader: any RowReader, afterBatch: (Int) throws -> Void
    ) throws -> ProbabilityGrid {
        try probabilities(RowBlockReader(reader), afterBatch: afterBatch)
    }

    /// Writes the mask of an image of some size: 255 where nuclei are, else 0, row by row.
    package func write(
        _ probabilities: ProbabilityGrid, width: Int, height: Int, to writer: any RowWriter
    ) throws(FileError) -> MaskSummary {
        let field = field(probabilities, width: width, height: height)
        var painter = MaskPainter(writer, windows: probabilities.grid.count)
        for row in field.rows.indices { try painter.add(field.band(ofRow: row, threshold: settings.threshold)) }
        try painter.finish()
        return painter.summary
    }

    /// The mean probabilities all over an image of some size.
    package func field(_ probabilities: ProbabilityGrid, width: Int, height: Int) -> ProbabilityField {
        ProbabilityField(probabilities, blend: settings.blend, width: width, height: height)
    }
}
