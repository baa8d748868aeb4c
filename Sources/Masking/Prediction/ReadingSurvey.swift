import Foundations
import Imaging

/// Findings about an image from reading some of its blocks.
package struct ReadingSurvey: Sendable {
    /// Estimated seconds of decoding all blocks on one thread.
    package fileprivate(set) var seconds = 0.0
    /// Windows or blocks that were read: those that can be predicted, and those that cannot be decoded. Blocks can be both,
    /// in parts.
    package fileprivate(set) var readable = 0
    package fileprivate(set) var unreadable = 0
    /// The decoder's error for the first part that cannot be decoded.
    package fileprivate(set) var problem: FileError?
    package fileprivate(set) var brightness = BrightnessSample()
    /// Whether all blocks were read.
    package fileprivate(set) var isComplete = true
}

extension PredictionPlan {
    /// Reads blocks of the image for about half a second. Throws what the image throws.
    package func survey(_ image: any BlockReader) throws(FileError) -> ReadingSurvey {
        let windows = ProbabilityGrid(grid)
        let whole = PixelRegion(x: 0, y: 0, width: image.width, height: image.height)
        let blocks = pendingBlocks(in: windows)
        let parts = blocks.map { (region: $0.region.intersection(whole), units: $0.windowCount) }
        return try ReadingSurvey(image, parts: parts) { (index, pixels, survey: inout ReadingSurvey) in
            let block = blocks[index]
            pixels.reflect(to: block.region)
            let waiting = windows.pendingWindows(of: block.block)
            let readable = windows.markMissing(waiting, in: pixels)
            survey.readable += readable.count
            survey.unreadable += waiting.count { windows.store.state($0) == .unreadable }
            for window in readable { survey.brightness.add(windows.region(of: window), of: pixels) }
        }
    }
}

extension ReadingSurvey {
    /// Seconds after which no further block is read. Where nothing could be decoded yet, more blocks are tried.
    private static let enough = 0.5
    private static let enoughWithoutPixels = 5.0

    /// Reads blocks, whose cores are what counts.
    init(_ image: any BlockReader, _ blocks: [(region: PixelRegion, core: PixelRegion)]) throws(FileError) {
        let parts = blocks.map { (region: $0.region, units: 1) }
        try self.init(image, parts: parts) { (index, pixels, survey: inout ReadingSurvey) in
            let core = blocks[index].core
            if pixels.isUnreadable(core) { survey.unreadable += 1 }
            if !pixels.isOutside(core), !core.isCovered(by: pixels.unreadable) {
                survey.readable += 1
                survey.brightness.add(core, of: pixels)
            }
        }
    }

    /// Reads blocks for about half a second: from the top where the image is stored in rows, else evenly spread from the
    /// one with the most units of work on. `count` adds what a block shows.
    fileprivate init(
        _ image: any BlockReader, parts blocks: [(region: PixelRegion, units: Int)],
        count: (_ index: Int, PixelBlock, inout ReadingSurvey) -> Void
    ) throws(FileError) {
        let total = blocks.reduce(0) { $0 + $1.region.area }
        let order = image.isSequential ? Array(blocks.indices) : Self.spread(blocks.map(\.units))
        let (pixels, start) = (PixelBlock(), ContinuousClock.now)
        var read = 0
        for (done, index) in order.enumerated() {
            guard done == 0 || start.secondsSince < (readable > 0 ? Self.enough : Self.enoughWithoutPixels) else {
                isComplete = false
                break
            }
            try image.read(blocks[index].region, into: pixels, threads: 1)
            read += blocks[index].region.area
            problem = problem ?? pixels.problem
            count(index, pixels, &self)
        }
        if read > 0 { seconds = start.secondsSince * Double(total) / Double(read) }
    }

    /// The blocks in an order of which every beginning is spread over the image, the block with the most units first.
    static func spread(_ units: [Int]) -> [Int] {
        let largest = units.indices.max { units[$0] < units[$1] } ?? 0
        return units.indices.map { index in
            // Multiples of the golden ratio, without their whole parts, are spread evenly.
            let distance = Double((index - largest + units.count) % units.count)
            return ((distance * 0.618_033_988_75).truncatingRemainder(dividingBy: 1), index)
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
