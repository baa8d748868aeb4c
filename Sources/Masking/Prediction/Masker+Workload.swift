import Foundations
import Foundation
import Imaging
import NeuralNetworks

/// What it takes to look at an image.
package struct Workload: Equatable, Sendable {
    package let windows: Int
    /// Windows that touch tissue: those that will be computed.
    package let withTissue: Int
    package let blocks: Int
    /// Pixels that will be decoded.
    package let pixels: Int
    /// Bytes that pixels take while they wait, with those that they are resampled from.
    package let pixelBytes: Int
    /// The part with the most tissue that can be read at once, of pixels that windows are laid on; nil without any.
    package let sample: PixelRegion?
}

/// Measures how fast windows are computed here and now.
package final class Rehearsal {
    private let masker: Masker
    private let predictor: BlockPredictor
    /// Median over some blocks.
    package let secondsPerWindow: Double

    /// Computes blocks of noise for about a second.
    package init(_ masker: Masker) throws {
        self.masker = masker
        let predictor = try masker.predictor(largestBatch: .max)
        self.predictor = predictor
        let (tile, step) = (masker.tile, masker.settings.stride)
        // As many windows as an image's blocks have, but not so many that it takes long.
        let count = min((masker.largestSide(predictor.sharing, 1) - tile) / step + 1, 32)
        let side = tile + (count - 1) * step
        let noise = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
        let corners = (0..<count * count).map { (x: $0 % count * step, y: $0 / count * step) }
        var seconds = [Double]()
        try noise.withUnsafeBytes { bytes in
            let block = BlockWindows(bytes: bytes, width: side, height: side, corners: corners)
            // The first time memory is new.
            try predictor.add(block) { _ in }
            let start = ContinuousClock.now
            repeat {
                let begin = ContinuousClock.now
                try predictor.add(block) { _ in }
                seconds.append((ContinuousClock.now - begin) / .seconds(1))
            } while ContinuousClock.now - start < .seconds(1) && seconds.count < 25
        }
        secondsPerWindow = seconds.sorted()[seconds.count / 2] / Double(corners.count)
    }

    /// The windows of an image, where a map of tissue may say where to look. Throws what `Masker.grid` throws.
    package func workload(_ reader: any BlockReader, tissue: TissueMap?) throws(FileError) -> Workload {
        let grid = try masker.grid(for: reader)
        let plan = masker.blocks(of: grid, reader, predictor.sharing)
        let tissue = tissue?.scaled(width: reader.width, height: reader.height)
        let windows = ProbabilityGrid(grid)
        let whole = PixelRegion(x: 0, y: 0, width: reader.width, height: reader.height)
        var (withTissue, pixels, largest, sample) = (0, 0, 0, PixelRegion?.none)
        for index in 0..<plan.count {
            let block = plan[index]
            let pending = block.rows.count * block.columns.count - windows.markBackground(in: block, tissue)
            guard pending > 0, let region = windows.pendingRegion(of: block, asHighAsBlock: reader.isSequential) else {
                continue
            }
            let read = region.intersection(whole)
            withTissue += pending
            pixels += read.width * read.height
            // Of an image in rows the first block is read with the least before it.
            if reader.isSequential ? sample == nil : pending > largest { (largest, sample) = (pending, read) }
        }
        let finer = reader.pixelsRead * reader.pixelsRead
        let side = masker.largestSide(predictor.sharing, reader.pixelsRead)
        let area = min(side, reader.width) * min(side, reader.height, reader.largestBlockHeight)
        let rows = reader.isSequential ? min(side, reader.height, reader.largestBlockHeight) : 0
        return Workload(
            windows: grid.count, withTissue: withTissue, blocks: plan.count,
            pixels: reader.isSequential
                ? reader.imageWidth * reader.imageHeight : Int((Double(pixels) * finer).rounded()),
            pixelBytes: 3 * (2 * area + (reader.pixelsRead == 1 ? 0 : Int(Double(area) * finer)))
                + 3 * Int((Double(rows) * reader.pixelsRead).rounded(.up)) * reader.imageWidth,
            sample: sample)
    }

    /// Seconds that decoding a workload's pixels takes, from reading its sample; nil when there is none. Also says what
    /// the decoder said of parts that it could not read.
    package static func reading(
        _ workload: Workload, from reader: any BlockReader
    ) throws(FileError) -> (seconds: Double, problem: FileError?)? {
        guard let sample = workload.sample else { return nil }
        let block = PixelBlock()
        let (start, before) = (ContinuousClock.now, reader.decodedPixels)
        try reader.read(sample, into: block)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let read = max(1, reader.decodedPixels - before)
        return (seconds / Double(read) * Double(workload.pixels), block.problem)
    }
}
