import Foundations
import Imaging
import NeuralNetworks
import Tensors

/// Outlines the nuclei of images with a model that classifies pixels, or an ensemble.
///
/// An image is processed in the blocks of a `NucleusGrid`, each with its margin, so that results do not depend on the order
/// of blocks, on threads or on an interruption.
package final class NucleusPredictor: MaskMethod {
    package let settings: MaskSettings
    package var unit: String { "blocks" }
    fileprivate let predictor: PixelPredictor
    /// Microns per pixel that the model works at.
    fileprivate let micronsPerPixel: Double
    private let largestBlock = NucleusGrid.core + 2 * NucleusGrid.margin

    /// Throws `malformed` where the models state no resolution. `settings.nuclei` says how pixels become nuclei.
    package init(_ models: MaskModels, settings: MaskSettings) throws {
        guard let micronsPerPixel = models.description.micronsPerPixel else {
            throw FileError(
                models.members[0].path, expected: "a model that states its microns per pixel", found: "none")
        }
        guard let nuclei = settings.nuclei else { preconditionFailure("no settings of nuclei") }
        self.settings = settings
        self.micronsPerPixel = micronsPerPixel
        predictor = try PixelPredictor(
            models.members.map(\.model), averagingFlips: nuclei.averagesFlips, precision: settings.precision ?? .float32
        )
    }

    package func plan(_ image: SlideImage, tissue: TissueMap?) throws(FileError) -> any MaskPlan {
        try NucleusPlan(self, image, tissue)
    }

    /// Measures blocks of noise of the usual size.
    package func measureSecondsPerUnit() throws -> Double {
        let side = largestBlock
        let probabilities = PixelProbabilities()
        return try secondsPerNoise(side: side) {
            try predictor.predict($0, width: side, height: side, into: probabilities)
        }
    }
}

/// The blocks of an image in which nuclei are outlined.
private struct NucleusPlan: MaskPlan {
    let method: NucleusPredictor
    let grid: NucleusGrid
    let tissue: TissueMap?
    /// The blocks that touch tissue.
    let pending: [Int]
    /// The parts of their cores around all tissue.
    private let parts: [Int: PixelRegion]
    /// At full resolution.
    let micronsPerPixel: (x: Double, y: Double)
    private let geometry: ImageGeometry

    /// Up to one and a half square millimeters of tissue. All are in memory at once.
    private static let surveyedBlocks = 6
    /// Bytes of evidence per pixel of a block, and of the memory in which nuclei are outlined.
    private static let (evidenceBytes, extractorBytes) = (15, 10)
    /// Nuclei in tissue, estimated, and the bytes that each takes in the store.
    private static let nucleiPerSquareMicron = 0.004
    private static let bytesPerNucleus = 300.0

    init(_ method: NucleusPredictor, _ image: SlideImage, _ tissue: TissueMap?) throws(FileError) {
        let blocks = image.blocks
        (self.method, self.tissue, geometry) = (method, tissue, blocks.geometry)
        grid = NucleusGrid(
            image: (image.width, image.height), laid: (blocks.width, blocks.height))
        micronsPerPixel = image.micronsPerPixel(assuming: method.micronsPerPixel)
        let rows = min(grid.core + 2 * grid.margin, blocks.height)
        guard !geometry.isSequential || geometry.bandBytes(rows: rows) <= PredictionPlan.largestBandInBytes else {
            let widest = PredictionPlan.largestBandInBytes / (geometry.bandBytes(rows: rows) / geometry.decodedWidth)
            throw FileError(image.path, expected: "at most \(widest) pixels per row", found: "\(geometry.decodedWidth)")
        }
        let laid = tissue?.scaled(width: blocks.width, height: blocks.height)
        let grid = grid
        let touched = (0..<grid.count).compactMap { block in
            let core = grid.core(of: block)
            return (laid.map { $0.bounds(in: core) } ?? core).map { (block, $0) }
        }
        pending = touched.map(\.0)
        // Where rows are read once, blocks of a row have the same rows.
        parts = geometry.isSequential ? [:] : Dictionary(uniqueKeysWithValues: touched)
    }

    /// Blocks that the contrast of the stain is measured in, in the order of reading: the first where rows are read once,
    /// else some that are spread over the image.
    var surveyed: [Int] {
        let order = geometry.isSequential ? pending : ReadingSurvey.spread(pending.map { _ in 1 }).map { pending[$0] }
        return Array(order.prefix(Self.surveyedBlocks))
    }

    /// The number of blocks whose nuclei are outlined at the same time, by a thread each.
    var concurrentBlocks: Int { min(Kernels.threadCount, 16) }

    /// The number of blocks that wait for their nuclei: several for each thread, where the memory of the surveyed blocks
    /// suffices, so that threads finish at about the same time.
    var waitingBlocks: Int { concurrentBlocks * max(1, Self.surveyedBlocks / concurrentBlocks) }

    /// Microns per pixel at the resolution of the model.
    var laidMicrons: Double {
        let laid = grid.laidMicrons(micronsPerPixel)
        return (laid.x * laid.y).squareRoot()
    }

    /// The part of the core of a block in which nuclei are searched.
    func part(_ block: Int) -> PixelRegion { parts[block] ?? grid.core(of: block) }

    /// The part of a block and the margin around it.
    func region(_ block: Int) -> PixelRegion { grid.region(of: block, around: part(block)) }

    /// The pixels of `region` that lie inside the image.
    func visible(_ block: Int) -> PixelRegion {
        region(block).intersection(grid.bounds)
    }

    /// Without the features of a block, which are part of the program's memory after `measureSecondsPerUnit`.
    var workload: Workload {
        let finer = geometry.pixelsRead * geometry.pixelsRead
        let side = grid.core + 2 * grid.margin
        let area = min(side, geometry.width) * min(side, geometry.height)
        let pixels = pending.reduce(0) { $0 + visible($1).area }
        let rows = geometry.isSequential ? min(side, geometry.height) : 0
        return Workload(
            windows: grid.count, withTissue: pending.count,
            wholeUnits: pending.reduce(0) { $0 + Double(region($1).area) / Double(side * side) }, blocks: grid.count,
            pixels: geometry.isSequential ? geometry.decodedArea : Int((Double(pixels) * finer).rounded()),
            bytes: geometry.blockBytes(area: area, rows: rows)
                + (Self.evidenceBytes * max(surveyed.count, min(waitingBlocks, pending.count))
                    + Self.extractorBytes * concurrentBlocks) * side * side)
    }

    var cacheBytes: Int {
        let tissue = pending.reduce(0.0) {
            let core = grid.imageRegion(grid.core(of: $1))
            return $0 + Double(core.width) * Double(core.height) * micronsPerPixel.x * micronsPerPixel.y
        }
        return Int(tissue * Self.nucleiPerSquareMicron * Self.bytesPerNucleus) + 1 << 16
    }

    func open(
        _ cache: FilePath, of image: ImageState, model: String, version: String
    ) throws(FileError) -> any MaskRun {
        let settings = method.settings
        // In fixed point, nuclei have the same bits with AVX2 and AVX-512, and other machines may continue.
        let precision = settings.precision ?? .float32
        let isExact = precision == .int16 && Kernels.instructions != .portable
        let numbers = isExact ? "\(precision)" : "\(precision), \(Kernels.instructions) instructions"
        let layout =
            "\(geometry.width) x \(geometry.height) pixels for \(grid.width) x \(grid.height), blocks of \(grid.core) and "
            + "\(grid.margin), \(micronsPerPixel) microns per pixel, \((try? JSON.text(settings.nuclei)) ?? ""), tissue "
            + "\(tissue?.digest ?? "everywhere") \(tissue?.outline?.digest ?? ""), \(numbers), version \(version)"
        let identity = NucleusStore.Identity(image: image, model: model, blocks: grid.count, layout: layout)
        return NucleusRun(plan: self, store: try NucleusStore(cache, identity))
    }

    func survey(_ image: any BlockReader) throws(FileError) -> ReadingSurvey {
        try ReadingSurvey(image, pending.map { (visible($0), part($0)) })
    }
}

private struct NucleusRun: MaskRun {
    let plan: NucleusPlan
    let store: NucleusStore

    var cache: any MaskCache { store }

    func findings(in image: any BlockReader, _ observer: any MaskObserver) throws -> any MaskFindings {
        let (grid, method) = (plan.grid, plan.method)
        let touched = Set(plan.pending)
        for block in 0..<grid.count where !touched.contains(block) && !store.contains(block) {
            try store.append(NucleusBlock(), as: block)
        }
        // The contrast of the stain comes from the first blocks, which wait for it.
        let surveyed = plan.pending.allSatisfy(store.contains) ? [] : plan.surveyed
        let blocks = surveyed + plan.pending.filter { !surveyed.contains($0) && !store.contains($0) }
        let found = grid.count - plan.pending.count { !store.contains($0) }
        var (finished, computed, seconds) = (0, 0, PredictionSeconds())
        var problem: FileError?
        let finder = NucleusFinder(concurrent: plan.concurrentBlocks, micronsPerPixel: plan.laidMicrons) {
            NucleusExtractor(
                method.settings.nuclei!, grid, micronsPerPixel: plan.micronsPerPixel, tissue: plan.tissue)
        }
        func report() throws {
            try observer.progress(
                MaskProgress(
                    stage: .units(method.unit), done: found + finished, total: grid.count,
                    decodedPixels: image.decodedPixels, canResume: store.completeBlocks > 0))
        }
        try report()
        let threads = Kernels.threadCount
        let reader = Prefetcher(name: "read", count: blocks.count, slots: (PixelBlock(), PixelBlock())) {
            index, pixels, isAwaited in
            // While blocks are computed, more than one reading thread would slow down the computing ones.
            try image.read(plan.visible(blocks[index]), into: pixels, threads: isAwaited ? threads : 1)
            pixels.reflect(to: plan.region(blocks[index]))
        }
        try reader.forEach { index, pixels in
            let part = plan.part(blocks[index])
            problem = problem ?? pixels.problem
            var content = NucleusBlock()
            content.unreadable = pixels.unreadable.map { $0.intersection(part) }.filter { !$0.isEmpty }
                .map(grid.imageRegion)
            content.isOutside = pixels.isOutside(part)
            let hasPixels = !content.isOutside && !part.isCovered(by: pixels.unreadable)
            if hasPixels { content.brightness.add(part, of: pixels) }
            let start = ContinuousClock.now
            let waiting = finder.add(blocks[index], content)
            if hasPixels { try waiting.take(pixels, method.predictor) }
            let isComplete =
                index < surveyed.count ? index + 1 == surveyed.count : finder.count == plan.waitingBlocks
            if isComplete || index + 1 == blocks.count {
                if index < surveyed.count { finder.measureContrast(in: plan.part) }
                for found in finder.finish(where: { !store.contains($0) }) {
                    computed += found.hasPixels ? 1 : 0
                    try store.append(found.content, as: found.block)
                    finished += 1
                    try report()
                }
            } else {
                try report()
            }
            seconds.computing += start.secondsSince
        }
        (seconds.reading, seconds.waiting) = (reader.secondsProducing, reader.secondsWaiting)
        return try NucleusFindings(
            NucleiResult(store, grid, tissue: plan.tissue, micronsPerPixel: plan.micronsPerPixel),
            part: plan.part, within: method.settings.within, withoutTissue: grid.count - plan.pending.count,
            computed: computed,
            seconds: seconds, problem: problem)
    }
}

/// The nuclei of an image.
private struct NucleusFindings: MaskFindings {
    let nuclei: NucleiResult
    let within: Double?
    let units: MaskRecord.Windows
    let hasReadablePart: Bool
    let computed: Int
    let seconds: PredictionSeconds
    let problem: FileError?
    let brightness: BrightnessSample
    let pale: Int

    var sharing: SharingPlan? { nil }

    init(
        _ nuclei: NucleiResult, part: (_ block: Int) -> PixelRegion, within: Double?, withoutTissue: Int, computed: Int,
        seconds: PredictionSeconds,
        problem: FileError?
    ) throws(FileError) {
        (self.nuclei, self.within, self.computed, self.seconds) = (nuclei, within, computed, seconds)
        self.problem = problem
        var (outside, unreadable, lost, pale, brightness) = (0, 0, 0, 0, BrightnessSample())
        let grid = nuclei.grid
        for block in 0..<grid.count {
            let content = try nuclei.store.block(block)
            brightness += content.brightness
            pale += content.pale
            if content.isOutside { outside += 1 } else if !content.unreadable.isEmpty { unreadable += 1 }
            if grid.imageRegion(part(block)).isCovered(by: content.unreadable) { lost += 1 }
        }
        (self.brightness, self.pale) = (brightness, pale)
        units = .init(grid, withoutTissue: withoutTissue, outside: outside, unreadable: unreadable)
        // A block of which a part could not be decoded counts as unreadable, but has nuclei elsewhere.
        hasReadablePart = grid.count > withoutTissue + outside + lost
    }

    func write(to outputs: OutputSet, _ progress: OutputProgress) throws -> MaskResults {
        try outputs.write(nuclei, within: within, progress)
    }
}
