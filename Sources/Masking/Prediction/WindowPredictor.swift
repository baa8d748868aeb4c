import Foundations
import Imaging
import NeuralNetworks
import Tensors

/// How windows are laid and how their probabilities become a mask.
package struct MaskSettings: Codable, Equatable, Sendable {
    /// Pixels from one window to the next, 1 ... tile.
    package var stride = 128
    /// A pixel is white where its mean probability of nuclei is above this.
    package var threshold = 0.5
    package var edges = EdgeRule.clamp
    package var blend = Blend.uniform
    /// The numbers that networks compute with; nil for floats, as in records of earlier versions.
    package var precision: Precision?
    /// How pixels become nuclei; nil for a model that classifies windows.
    package var nuclei: NucleusSettings?
    /// Microns around nuclei that are white; nil for nuclei alone.
    package var within: Double?

    package init() {}
}

/// The windows of one image with their probabilities.
package struct Prediction: MaskFindings {
    package let windows: ProbabilityGrid
    /// The processed area; nil for all of the image.
    let tissue: TissueMap?
    let blend: Blend
    package let sharing: SharingPlan?
    package let computed: Int
    package let seconds: PredictionSeconds
    package let problem: FileError?
    package let brightness: BrightnessSample
    package var pale: Int { 0 }

    package var units: MaskRecord.Windows { .init(windows.grid, windows.counts(), sharing) }

    package func write(to outputs: OutputSet, _ progress: OutputProgress) throws -> MaskResults {
        let field = ProbabilityField(
            windows, blend: blend, width: outputs.width, height: outputs.height, tissue: tissue)
        return try outputs.write(windows, field, progress)
    }
}

/// Seconds of predicting the windows of an image.
package struct PredictionSeconds: Codable, Sendable {
    /// Reading blocks, on a thread of its own.
    package var reading = 0.0
    /// Waiting for a block that was not read yet.
    package var waiting = 0.0
    /// Applying the network to blocks.
    package var computing = 0.0
}

/// Computes the calibrated probability of nuclei in the windows of images.
package final class WindowPredictor: MaskMethod {
    package var unit: String { "windows" }
    package let settings: MaskSettings
    /// How windows share features; nil if they are computed independently.
    package let sharing: SharingPlan?
    /// Pixels per side of a window.
    package let tile: Int
    /// Whether probabilities are means over several models.
    let isEnsemble: Bool
    private let members: [Member]
    private let largestBlock: Int

    /// A model of the ensemble.
    private struct Member {
        let scaling: TemperatureScaling
        let classCount: Int
        let nucleiIndex: Int
        let predictor: BlockPredictor

        /// The probabilities of nuclei in rows of logits.
        func probabilities(_ logits: UnsafeBufferPointer<Float>) -> [Float] {
            let rows = scaling.probabilities(logits, classes: classCount)
            return stride(from: nucleiIndex, to: rows.count, by: classCount).map { Float(rows[$0]) }
        }
    }

    /// Throws `malformed` where a model has no class of nuclei, `LayerError` where it cannot compute with the precision.
    ///
    /// `batchSize` is the largest number of windows computed at once without sharing. `largestBlock` limits the side of a
    /// block in pixels: the default takes 16 MB per block, and little is decoded twice.
    package init(
        _ models: MaskModels, settings: MaskSettings, batchSize: Int, sharing: SharingChoice = .automatic,
        largestBlock: Int = 2304
    ) throws {
        tile = models.description.tileSize
        isEnsemble = models.isEnsemble
        self.settings = settings
        self.largestBlock = largestBlock
        func members(_ sharing: SharingChoice) throws -> [Member] {
            let arena = Arena()
            return try models.members.map { member in
                let (classes, nuclei) = (member.model.description.classes, TileClass.nuclei.rawValue)
                guard let index = classes.firstIndex(of: nuclei) else {
                    throw FileError(
                        member.path, expected: "a model with a class \(nuclei)",
                        found: classes.joined(separator: ", "))
                }
                return Member(
                    scaling: member.scaling, classCount: classes.count, nucleiIndex: index,
                    predictor: try BlockPredictor(
                        member.model, batchSize: batchSize, windowStride: settings.stride, sharing: sharing,
                        precision: settings.precision ?? .float32, arena: arena))
            }
        }
        var made = try members(sharing)
        // Blocks are laid for one plan of sharing.
        if Set(made.map { $0.predictor.sharing?.trunk }).count > 1
            || Set(made.map { $0.predictor.sharing?.stride }).count > 1
        {
            made = try members(.none)
        }
        self.members = made
        self.sharing = made[0].predictor.sharing
    }

    package func plan(_ image: SlideImage, tissue: TissueMap?) throws(FileError) -> any MaskPlan {
        WindowPlan(predictor: self, windows: try plan(image.blocks, tissue: tissue), tissue: tissue)
    }

    /// Plans the windows of an image. `tissue` restricts them to the windows that touch it. Throws `malformed` where an
    /// image has too many windows or too wide rows.
    package func plan(_ image: any BlockReader, tissue: TissueMap? = nil) throws(FileError) -> PredictionPlan {
        try PredictionPlan(
            image, tissue: tissue, tile: tile, settings: settings, sharing: sharing, largestBlock: largestBlock,
            temperatures: members.map(\.scaling.temperature), instructions: "\(Kernels.instructions)")
    }

    /// Computes the planned windows of an image. The next block is read while a block is computed.
    ///
    /// Windows without tissue are not computed, nor are those outside the image or with pixels that cannot be decoded.
    /// Blocks that are complete in the cache are not computed again. Without a cache, windows are kept in memory.
    ///
    /// Throws what the image throws, what the observer throws, and `PredictionError`.
    package func predict(
        _ plan: PredictionPlan, from image: any BlockReader, into cache: WindowCache? = nil, tissue: TissueMap? = nil,
        _ observer: any MaskObserver
    ) throws -> Prediction {
        let windows = ProbabilityGrid(
            plan.grid, cache?.store ?? WindowStore(count: plan.grid.count, hasDeviations: isEnsemble))
        try cache?.readCompleteBlocks { windows.windows(of: plan.blocks[$0]) }
        let blocks = plan.pendingBlocks(in: windows)
        let pending = blocks.reduce(0) { $0 + $1.windowCount }
        var done = plan.grid.count - pending
        var (computed, seconds) = (0, PredictionSeconds())
        var (problem, brightness) = (FileError?.none, cache?.brightness ?? BrightnessSample())
        func report(_ done: Int) throws {
            try observer.progress(
                MaskProgress(
                    stage: .units(unit), done: done, total: plan.grid.count, decodedPixels: image.decodedPixels,
                    canResume: (cache?.completeBlocks ?? 0) > 0))
        }
        let threads = Kernels.threadCount
        let reader = Prefetcher(name: "read", count: blocks.count, slots: (PixelBlock(), PixelBlock())) {
            index, block, isAwaited in
            let region = blocks[index].region
            let whole = PixelRegion(x: 0, y: 0, width: image.width, height: image.height)
            // While windows are computed, more than one reading thread would slow down the computing ones.
            try image.read(region.intersection(whole), into: block, threads: isAwaited ? threads : 1)
            block.reflect(to: region)
        }
        try reader.forEach { index, pixels in
            let block = blocks[index]
            let waiting = windows.pendingWindows(of: block.block)
            let readable = windows.markMissing(waiting, in: pixels)
            done += waiting.count - readable.count
            problem = problem ?? pixels.problem
            var sample = BrightnessSample()
            for window in readable { sample.add(windows.region(of: window), of: pixels) }
            brightness += sample
            let start = ContinuousClock.now
            var next = 0
            try computeProbabilities(of: readable.map { windows.region(of: $0) }, in: pixels) { found in
                for (probability, deviation) in found {
                    windows.store.setProbability(readable[next], probability, deviation: deviation)
                    next += 1
                }
                try report(done + next)
            }
            seconds.computing += start.secondsSince
            done += readable.count
            computed += readable.count
            // A block with unreadable windows stays incomplete: another attempt may succeed.
            let all = windows.windows(of: block.block)
            if !all.contains(where: { windows.store.state($0) == .unreadable }) {
                try cache?.complete(block.index, all, sample)
            }
            try report(done)
        }
        (seconds.reading, seconds.waiting) = (reader.secondsProducing, reader.secondsWaiting)
        return Prediction(
            windows: windows, tissue: tissue, blend: settings.blend, sharing: sharing, computed: computed,
            seconds: seconds, problem: problem,
            brightness: brightness)
    }

    /// Delivers the probabilities of nuclei in some windows of a block of pixels, and their standard deviations between the
    /// models, in order, several at a time.
    private func computeProbabilities(
        of regions: [PixelRegion], in pixels: PixelBlock,
        deliver: ([(probability: Float, deviation: Float)]) throws -> Void
    ) throws {
        let block = BlockWindows(
            bytes: pixels.bytes, width: pixels.region.width, height: pixels.region.height,
            corners: regions.map { ($0.x - pixels.region.x, $0.y - pixels.region.y) })
        guard isEnsemble else {
            let member = members[0]
            return try member.predictor.add(block) { try deliver(member.probabilities($0).map { ($0, 0) }) }
        }
        var all = [[Float]](repeating: [], count: regions.count)
        for member in members {
            var window = 0
            try member.predictor.add(block) { logits in
                for probability in member.probabilities(logits) {
                    all[window].append(probability)
                    window += 1
                }
            }
        }
        try deliver(
            all.map { probabilities in
                let mean = probabilities.reduce(0, +) / Float(probabilities.count)
                let squares = probabilities.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                return (mean, (squares / Float(probabilities.count)).squareRoot())
            })
    }

    /// Computes the windows of a block with all models.
    func compute(_ block: BlockWindows) throws {
        for member in members { try member.predictor.add(block) { _ in } }
    }

    /// Largest side of a block in pixels, for an image whose pixels are resampled from `pixelsRead` pixels per axis.
    func largestSide(pixelsRead: Double) -> Int {
        PredictionPlan.largestSide(
            sharing, tile: tile, stride: settings.stride, pixelsRead: pixelsRead, largestBlock: largestBlock)
    }
}

/// The windows of an image, as the plan of a mask.
private struct WindowPlan: MaskPlan {
    let predictor: WindowPredictor
    let windows: PredictionPlan
    let tissue: TissueMap?

    var workload: Workload { windows.workload }
    var cacheBytes: Int {
        WindowCache.byteCount(
            windows: windows.grid.count, blocks: windows.blocks.count, hasDeviations: predictor.isEnsemble)
    }

    func open(
        _ cache: FilePath, of image: ImageState, model: String, version: String
    ) throws(FileError) -> any MaskRun {
        let identity = WindowCache.Identity(
            image: image, model: model, windows: windows.grid.count,
            layout: "\(windows.fingerprint), version \(version)")
        return WindowRun(
            plan: self,
            windowCache: try WindowCache(
                cache, identity, blocks: windows.blocks.count, hasDeviations: predictor.isEnsemble))
    }

    func survey(_ image: any BlockReader) throws(FileError) -> ReadingSurvey { try windows.survey(image) }
}

private struct WindowRun: MaskRun {
    let plan: WindowPlan
    let windowCache: WindowCache

    var cache: any MaskCache { windowCache }

    func findings(in image: any BlockReader, _ observer: any MaskObserver) throws -> any MaskFindings {
        try plan.predictor.predict(plan.windows, from: image, into: windowCache, tissue: plan.tissue, observer)
    }
}
