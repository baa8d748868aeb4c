import Foundations
import Imaging
import NeuralNetworks
import Tensors

/// The evidence for nuclei in the pixels of a block: the probabilities of the network, and the density of hematoxylin.
///
/// Evidence keeps its memory from block to block and belongs to one thread at a time.
package final class NucleusEvidence {
    /// Standard deviation in microns of the Gaussian that smooths densities.
    private static let smoothing = 0.5
    /// Side in microns of the squares that are near nuclei: those with a pixel of a nucleus, and the squares around them.
    private static let nearness = 6.0

    private let pixels = PixelBlock()
    private let probabilities = PixelProbabilities()
    private let micronsPerPixel: Double

    package var region: PixelRegion { pixels.region }
    /// Parts without evidence, which could not be decoded.
    package var excluded: [PixelRegion] { pixels.unreadable }

    /// Evidence for pixels of `micronsPerPixel`, at first of none.
    package init(micronsPerPixel: Double) { self.micronsPerPixel = micronsPerPixel }

    /// Takes the pixels of a rectangle, in exchange for those so far, and lets `predict` write their probabilities.
    package func take(
        _ pixels: PixelBlock, _ predict: (PixelBlock, PixelProbabilities) throws -> Void
    ) rethrows {
        self.pixels.exchange(with: pixels)
        try predict(self.pixels, probabilities)
    }

    /// Calls `body` with smoothed densities of hematoxylin of rows of the region, from top to bottom.
    private func forEachRow(_ rows: Range<Int>, _ body: (_ y: Int, UnsafeBufferPointer<Float>) -> Void) {
        let reader = DensityReader(BlockRows(pixels), sigma: Self.smoothing / micronsPerPixel)
        var densities = [Float](repeating: 0, count: region.width)
        for y in rows {
            do { _ = try reader.read(row: y, at: [0..<region.width], into: &densities) } catch {
                preconditionFailure("rows in memory: \(error)")
            }
            densities.withUnsafeBufferPointer { body(y, $0) }
        }
    }

    /// Adds the densities of the pixels near nuclei in a part of the region.
    package func addDensities(in part: PixelRegion, to histogram: inout DensityHistogram) {
        let side = max(1, Int((Self.nearness / micronsPerPixel).rounded()))
        let (columns, rows) = ((part.width - 1) / side + 1, (part.height - 1) / side + 1)
        func index(_ x: Int, _ y: Int) -> Int {
            (part.y - region.y + y) * region.width + part.x - region.x + x
        }
        var hasNucleus = [Bool](repeating: false, count: columns * rows)
        probabilities.nucleus.withUnsafeBuffer { nucleus in
            for y in 0..<part.height {
                for x in 0..<part.width where nucleus[index(x, y)] > 0.5 {
                    hasNucleus[y / side * columns + x / side] = true
                }
            }
        }
        func isNear(_ row: Int, _ column: Int) -> Bool {
            (max(0, row - 1)...min(row + 1, rows - 1)).contains { row in
                hasNucleus[row * columns + max(0, column - 1)...row * columns + min(column + 1, columns - 1)]
                    .contains(true)
            }
        }
        let near = (0..<rows).map { row in (0..<columns).filter { isNear(row, $0) } }
        let top = part.y - region.y
        forEachRow(top..<top + part.height) { row, densities in
            for column in near[(row - top) / side] {
                for x in column * side..<min(column * side + side, part.width)
                where !excluded.contains(where: { $0.contains(x: part.x + x, y: region.y + row) }) {
                    histogram.add(densities[part.x - region.x + x])
                }
            }
        }
    }

    /// Changes the odds of a nucleus by the density of its stain.
    package func weigh(by contrast: StainContrast, weight: Float) {
        let factors = (0..<DensityHistogram.steps).map {
            contrast.oddsFactor((Float($0) + 0.5) / Float(DensityHistogram.steps), weight: weight)
        }
        let (width, height) = (region.width, region.height)
        probabilities.nucleus.withUnsafeMutableBuffer { nucleus in
            forEachRow(0..<height) { y, densities in
                Kernels.weighOdds(
                    .init(rebasing: nucleus[y * width..<(y + 1) * width]), densities, factors: factors)
            }
        }
    }

    /// Makes the density of the stain the only evidence.
    package func judge(by contrast: StainContrast, weight: Float) {
        probabilities.nucleus.fill(0.5)
        weigh(by: contrast, weight: weight)
        probabilities.interior.copy(from: probabilities.nucleus)
    }

    /// Calls `body` with the evidence as it is now.
    package func withField<Result>(_ body: (NucleusField) throws -> Result) rethrows -> Result {
        try probabilities.interior.withUnsafeBuffer { interior in
            try probabilities.nucleus.withUnsafeBuffer { nucleus in
                func call(_ deviation: UnsafeBufferPointer<Float>?) throws -> Result {
                    try body(
                        NucleusField(
                            region, interior: interior, nucleus: nucleus, deviation: deviation, pixels: pixels.bytes))
                }
                return try probabilities.deviation?.withUnsafeBuffer(call) ?? call(nil)
            }
        }
    }
}

/// The rows of a block in memory.
private final class BlockRows: RowReader {
    let path: FilePath = ""
    let width: Int
    let height: Int
    private(set) var nextRow = 0
    private let pixels: PixelBlock

    init(_ pixels: PixelBlock) { (self.pixels, width, height) = (pixels, pixels.region.width, pixels.region.height) }

    func readRows(into rows: inout MutableRawSpan, count: Int) {
        let part = pixels.bytes[nextRow * bytesPerRow..<(nextRow + count) * bytesPerRow]
        rows.withUnsafeMutableBytes { $0.copyBytes(from: part) }
        nextRow += count
    }
}
