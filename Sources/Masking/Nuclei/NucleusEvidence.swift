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

    package private(set) var region = PixelRegion(x: 0, y: 0, width: 0, height: 0)
    /// Parts without evidence.
    package private(set) var excluded = [PixelRegion]()
    private var pixels = [UInt8]()
    private var interior = [Float]()
    /// Probabilities of the interior and the boundary together.
    private var nucleus = [Float]()
    /// Deviation of the probability of a nucleus between the models of an ensemble, before the stain counts; nil for one
    /// model.
    private var deviation: [Float]?
    private let micronsPerPixel: Double

    /// Evidence for pixels of `micronsPerPixel`, at first of none.
    package init(micronsPerPixel: Double) { self.micronsPerPixel = micronsPerPixel }

    /// Copies probabilities and 8-bit RGB pixels of a rectangle, in the place of the evidence so far.
    package func take(
        _ region: PixelRegion, _ probabilities: PixelProbabilities, pixels: UnsafeRawBufferPointer,
        excluding excluded: [PixelRegion] = []
    ) {
        let count = region.width * region.height
        (self.region, self.excluded) = (region, excluded)
        self.pixels.overwrite(count: 3 * count) {
            copyInParallel(pixels, to: UnsafeMutableRawBufferPointer($0))
        }
        interior.overwrite(count: count) {
            copyInParallel(UnsafeRawBufferPointer(probabilities.interior), to: UnsafeMutableRawBufferPointer($0))
        }
        nucleus.overwrite(count: count) {
            copyInParallel(UnsafeRawBufferPointer(probabilities.nucleus), to: UnsafeMutableRawBufferPointer($0))
        }
        deviation = probabilities.deviation.map { Array($0[..<count]) }
    }

    /// Calls `body` with smoothed densities of hematoxylin of rows of the region, from top to bottom.
    private func forEachRow(_ rows: Range<Int>, _ body: (_ y: Int, UnsafeBufferPointer<Float>) -> Void) {
        let reader = DensityReader(BlockRows(pixels, region), sigma: Self.smoothing / micronsPerPixel)
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
        for y in 0..<part.height {
            for x in 0..<part.width where nucleus[index(x, y)] > 0.5 {
                hasNucleus[y / side * columns + x / side] = true
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
        nucleus.withUnsafeMutableBufferPointer { nucleus in
            forEachRow(0..<height) { y, densities in
                Kernels.weighOdds(
                    .init(rebasing: nucleus[y * width..<(y + 1) * width]), densities, factors: factors)
            }
        }
    }

    /// Makes the density of the stain the only evidence.
    package func judge(by contrast: StainContrast, weight: Float) {
        nucleus.overwrite(count: nucleus.count) { $0.update(repeating: 0.5) }
        weigh(by: contrast, weight: weight)
        interior = nucleus
    }

    /// Calls `body` with the evidence as it is now.
    package func withField<Result>(_ body: (NucleusField) throws -> Result) rethrows -> Result {
        try interior.withUnsafeBufferPointer { interior in
            try nucleus.withUnsafeBufferPointer { nucleus in
                try pixels.withUnsafeBytes { pixels in
                    func call(_ deviation: UnsafeBufferPointer<Float>?) throws -> Result {
                        try body(
                            NucleusField(
                                region, interior: interior, nucleus: nucleus, deviation: deviation, pixels: pixels))
                    }
                    return try deviation?.withUnsafeBufferPointer(call) ?? call(nil)
                }
            }
        }
    }
}

extension Array where Element: AdditiveArithmetic {
    /// Lets `body` write `count` elements, in the same memory if they fit.
    fileprivate mutating func overwrite(count: Int, _ body: (UnsafeMutableBufferPointer<Element>) -> Void) {
        if self.count < count { append(contentsOf: repeatElement(.zero, count: count - self.count)) }
        removeLast(self.count - count)
        withUnsafeMutableBufferPointer { body($0) }
    }
}

/// Copies bytes on all threads of the kernels.
private func copyInParallel(_ source: UnsafeRawBufferPointer, to destination: UnsafeMutableRawBufferPointer) {
    precondition(source.count >= destination.count)
    // Each thread has a part of its own.
    nonisolated(unsafe) let (source, destination) = (source, destination)
    let parts = Kernels.threadCount
    Kernels.forEach(parts) { part, _ in
        let range = destination.count * part / parts..<destination.count * (part + 1) / parts
        UnsafeMutableRawBufferPointer(rebasing: destination[range])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
    }
}

/// The rows of a block in memory.
private final class BlockRows: RowReader {
    let path: FilePath = ""
    let width: Int
    let height: Int
    private(set) var nextRow = 0
    private let pixels: [UInt8]

    init(_ pixels: [UInt8], _ region: PixelRegion) {
        (self.pixels, width, height) = (pixels, region.width, region.height)
    }

    func readRows(into rows: inout MutableRawSpan, count: Int) {
        let part = pixels[nextRow * bytesPerRow..<(nextRow + count) * bytesPerRow]
        rows.withUnsafeMutableBytes { $0.copyBytes(from: part) }
        nextRow += count
    }
}
