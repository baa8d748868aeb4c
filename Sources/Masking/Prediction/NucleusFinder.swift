import Imaging
import NeuralNetworks
import Synchronization
import Tensors

/// Finds the nuclei of several blocks at the same time: what follows the network has work for one thread per block.
final class NucleusFinder {
    private let micronsPerPixel: Double
    private let extractors: [NucleusExtractor]
    private var settings: NucleusSettings { extractors[0].settings }
    private var contrast: StainContrast?
    /// The first `count` wait for their nuclei. The others are kept for their memory.
    private var blocks = [WaitingBlock]()
    private(set) var count = 0

    /// At most `concurrent` blocks are outlined at the same time. `micronsPerPixel` is that of their pixels.
    init(concurrent: Int, micronsPerPixel: Double, _ makeExtractor: () -> NucleusExtractor) {
        self.micronsPerPixel = micronsPerPixel
        extractors = (0..<concurrent).map { _ in makeExtractor() }
    }

    /// Adds a block without pixels. The result is valid until the next call of `finish`.
    func add(_ block: Int, _ content: NucleusBlock) -> WaitingBlock {
        if count == blocks.count { blocks.append(WaitingBlock(micronsPerPixel: micronsPerPixel)) }
        blocks[count].begin(block, content)
        count += 1
        return blocks[count - 1]
    }

    /// Measures the contrast of the stain in a part of each block that waits.
    func measureContrast(in part: (_ block: Int) -> PixelRegion) {
        if settings.stainWeight == 0 { return }
        let work = Work(blocks: blocks[..<count].filter(\.hasPixels), extractors: [])
        let parts = work.blocks.map { part($0.block) }
        let densities = Mutex(DensityHistogram())
        Kernels.forEach(parts.count) { index, _ in
            var own = DensityHistogram()
            work.blocks[index].evidence.addDensities(in: parts[index], to: &own)
            densities.withLock { $0 += own }
        }
        contrast = densities.withLock(\.contrast)
    }

    /// Finds the nuclei of the blocks that wait and are `wanted`. Returns these, in the order in which they were added.
    func finish(where isWanted: (_ block: Int) -> Bool) -> [WaitingBlock] {
        let wanted = blocks[..<count].filter { isWanted($0.block) }
        count = 0
        let work = Work(blocks: wanted, extractors: extractors)
        let (contrast, weight) = (contrast, settings.stainWeight)
        // One extractor per call, not per thread: there may be more threads than extractors. Blocks have different numbers
        // of nuclei, so a call takes the next block when it has finished one.
        let next = Atomic(0)
        Kernels.forEach(extractors.count) { extractor, _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < work.blocks.count else { break }
                work.blocks[index].findNuclei(work.extractors[extractor], contrast, weight: weight)
            }
        }
        return wanted
    }

    /// Each block and each extractor is used by one thread at a time.
    private struct Work: @unchecked Sendable {
        let blocks: [WaitingBlock]
        let extractors: [NucleusExtractor]
    }
}

/// A block between its classified pixels and its nuclei. It keeps its memory from block to block.
final class WaitingBlock {
    let evidence: NucleusEvidence
    private(set) var block = 0
    private(set) var content = NucleusBlock()
    /// Whether `evidence` is that of the block. A block that cannot be read has none.
    private(set) var hasPixels = false

    init(micronsPerPixel: Double) { evidence = NucleusEvidence(micronsPerPixel: micronsPerPixel) }

    func begin(_ block: Int, _ content: NucleusBlock) {
        (self.block, self.content, hasPixels) = (block, content, false)
    }

    /// Takes the pixels of the block, in exchange for others, and predicts their probabilities.
    func take(_ pixels: PixelBlock, _ predictor: PixelPredictor) throws {
        try evidence.take(pixels) {
            try predictor.predict($0.bytes, width: $0.region.width, height: $0.region.height, into: $1)
        }
        hasPixels = true
    }

    func findNuclei(_ extractor: NucleusExtractor, _ contrast: StainContrast?, weight: Float) {
        guard hasPixels else { return }
        if let contrast { evidence.weigh(by: contrast, weight: weight) }
        (content.nuclei, content.pale) = evidence.withField {
            extractor.nuclei(of: block, in: $0, excluding: evidence.excluded)
        }
    }
}
