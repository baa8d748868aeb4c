import Foundations
import Imaging

/// What reading some blocks of an image shows about masking it.
package struct ReadingSurvey: Sendable {
    /// Estimated seconds of decoding all blocks on one thread.
    package fileprivate(set) var seconds = 0.0
    /// Windows of the blocks that were read: those that can be predicted, and those that cannot be decoded.
    package fileprivate(set) var readable = 0
    package fileprivate(set) var unreadable = 0
    /// The decoder's error for the first part that cannot be decoded.
    package fileprivate(set) var problem: FileError?
    package fileprivate(set) var brightness = BrightnessSample()
    /// Whether all blocks were read.
    package fileprivate(set) var isComplete = true
}

extension PredictionPlan {
    /// Seconds after which no further block is read. Where nothing could be decoded yet, more blocks are tried.
    private static let enough = 0.5
    private static let enoughWithoutPixels = 5.0

    /// Reads blocks of the image for about half a second: from the top where the image is stored in rows, else evenly spread
    /// from the block with the most windows on. Throws what the image throws.
    package func survey(_ image: any BlockReader) throws(FileError) -> ReadingSurvey {
        let windows = ProbabilityGrid(grid)
        let whole = PixelRegion(x: 0, y: 0, width: image.width, height: image.height)
        var blocks = pendingBlocks(in: windows)
        let total = blocks.reduce(0) { $0 + $1.region.area }
        if !image.isSequential { blocks = Self.spread(blocks) }
        let (pixels, start) = (PixelBlock(), ContinuousClock.now)
        var (survey, read) = (ReadingSurvey(), 0)
        for (count, block) in blocks.enumerated() {
            guard count == 0 || start.secondsSince < (survey.readable > 0 ? Self.enough : Self.enoughWithoutPixels)
            else {
                survey.isComplete = false
                break
            }
            try image.read(block.region.intersection(whole), into: pixels, threads: 1)
            pixels.reflect(width: block.region.width, height: block.region.height)
            read += block.region.area
            let waiting = windows.pendingWindows(of: block.block)
            let readable = windows.markMissing(waiting, in: pixels)
            survey.readable += readable.count
            survey.unreadable += waiting.count { windows.store.state($0) == .unreadable }
            survey.problem = survey.problem ?? pixels.problem
            for window in readable { survey.brightness.add(windows.region(of: window), of: pixels) }
        }
        if read > 0 { survey.seconds = start.secondsSince * Double(total) / Double(read) }
        return survey
    }

    /// The blocks in an order of which every beginning is spread over the image, the block with the most windows first.
    private static func spread(_ blocks: [PendingBlock]) -> [PendingBlock] {
        let largest = blocks.indices.max { blocks[$0].windowCount < blocks[$1].windowCount } ?? 0
        return blocks.indices.map { index in
            // Multiples of the golden ratio, without their whole parts, are spread evenly.
            let distance = Double((index - largest + blocks.count) % blocks.count)
            return ((distance * 0.618_033_988_75).truncatingRemainder(dividingBy: 1), blocks[index])
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

extension PixelRegion {
    fileprivate var area: Int { width * height }
}
