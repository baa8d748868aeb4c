import Foundations
import Glibc
import Imaging
import Tensors

/// Rows of the density of hematoxylin, smoothed by a Gaussian. Pixels at the edge are repeated beyond it.
final class DensityReader {
    private let picture: any RowReader
    private let stain = StainDensity(of: .hematoxylin)
    /// Weights of the Gaussian at a distance of 0, 1, ... pixels.
    private let weights: [Float]
    private var radius: Int { weights.count - 1 }
    private let width: Int
    private let height: Int
    private var pixels: [UInt8]
    /// A row of densities with `radius` more pixels at either end.
    private var padded: [Float]
    /// Horizontally smoothed rows, one after the other; row y is at y modulo their number.
    private var ring: [Float]
    /// Columns of these rows that cannot be decoded. They count as without hematoxylin.
    private var unreadable: [[Range<Int>]]
    private var filled = 0

    /// Takes a picture of which no row was read. `sigma` is in pixels; 0 does not smooth.
    init(_ picture: any RowReader, sigma: Double) {
        precondition(picture.nextRow == 0 && sigma >= 0)
        self.picture = picture
        let radius = Int((3 * sigma).rounded(.up))
        let bell = (0...radius).map { sigma > 0 ? exp(-Double($0 * $0) / (2 * sigma * sigma)) : 1 }
        let total = bell[0] + 2 * bell.dropFirst().reduce(0, +)
        weights = bell.map { Float($0 / total) }
        (width, height) = (picture.width, picture.height)
        pixels = [UInt8](repeating: 0, count: width * 3)
        padded = [Float](repeating: 0, count: width + 2 * radius)
        ring = [Float](repeating: 0, count: width * (2 * radius + 1))
        unreadable = Array(repeating: [], count: 2 * radius + 1)
    }

    /// Writes the densities of row `y` at some pixels to `result`, which is as wide as the picture; returns the columns of
    /// the row that cannot be decoded. Rows are read from top to bottom; some may be left out.
    func read(row y: Int, at runs: [Range<Int>], into result: inout [Float]) throws(FileError) -> [Range<Int>] {
        while filled <= min(y + radius, height - 1) { try fillRow(isNeeded: filled >= y - radius) }
        let (width, height, lines) = (width, height, unreadable.count)
        result.withUnsafeMutableBufferPointer { result in
            ring.withUnsafeBufferPointer { ring in
                for run in runs {
                    let rows: [UnsafePointer<Float>?] = (-radius...radius).map { distance in
                        let line = min(max(y + distance, 0), height - 1) % lines
                        return ring.baseAddress! + line * width + run.lowerBound
                    }
                    Kernels.smoothRows(.init(rebasing: result[run]), rows, weights: weights)
                }
            }
        }
        return unreadable[y % lines]
    }

    private func fillRow(isNeeded: Bool) throws(FileError) {
        try picture.readRows(into: &pixels, count: 1)
        defer { filled += 1 }
        let place = filled % unreadable.count
        unreadable[place] = picture.unreadable
        guard isNeeded else { return }
        let (width, radius) = (width, radius)
        padded.withUnsafeMutableBufferPointer { padded in
            pixels.withUnsafeBufferPointer {
                Kernels.stainRow(.init(rebasing: padded[radius..<radius + width]), $0, table: stain.table)
            }
            for columns in picture.unreadable { for x in columns { padded[radius + x] = 0 } }
            for x in 0..<radius {
                padded[x] = padded[radius]
                padded[radius + width + x] = padded[radius + width - 1]
            }
        }
        padded.withUnsafeBufferPointer { padded in
            let rows: [UnsafePointer<Float>?] = (0...2 * radius).map { padded.baseAddress! + $0 }
            ring.withUnsafeMutableBufferPointer { ring in
                let line = ring[place * width..<(place + 1) * width]
                Kernels.smoothRows(.init(rebasing: line), rows, weights: weights)
            }
        }
    }
}
