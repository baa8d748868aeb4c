import Foundations
import Glibc
import Imaging

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
    /// Horizontally smoothed rows; row y is at y modulo their number.
    private var ring: [[Float]]
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
        ring = Array(repeating: [Float](repeating: 0, count: width), count: 2 * radius + 1)
        unreadable = Array(repeating: [], count: ring.count)
    }

    /// Writes the densities of row `y` at some pixels to `result`, which is as wide as the picture; returns the columns of
    /// the row that cannot be decoded. Rows are read from top to bottom; some may be left out.
    func read(row y: Int, at runs: [Range<Int>], into result: inout [Float]) throws(FileError) -> [Range<Int>] {
        while filled <= min(y + radius, height - 1) { try fillRow(isNeeded: filled >= y - radius) }
        for run in runs {
            for x in run { result[x] = 0 }
            for offset in -radius...radius {
                let row = min(max(y + offset, 0), height - 1)
                let weight = weights[abs(offset)]
                ring[row % ring.count].withUnsafeBufferPointer { source in
                    result.withUnsafeMutableBufferPointer { sums in
                        for x in run { sums[x] += weight * source[x] }
                    }
                }
            }
        }
        return unreadable[y % ring.count]
    }

    private func fillRow(isNeeded: Bool) throws(FileError) {
        try picture.readRows(into: &pixels, count: 1)
        defer { filled += 1 }
        unreadable[filled % ring.count] = picture.unreadable
        guard isNeeded else { return }
        let (red, green, blue) = (stain.tables[0], stain.tables[1], stain.tables[2])
        for x in 0..<width {
            padded[radius + x] = red[Int(pixels[3 * x])] + green[Int(pixels[3 * x + 1])] + blue[Int(pixels[3 * x + 2])]
        }
        for columns in picture.unreadable { for x in columns { padded[radius + x] = 0 } }
        for x in 0..<radius {
            padded[x] = padded[radius]
            padded[radius + width + x] = padded[radius + width - 1]
        }
        let width = width
        ring[filled % ring.count].withUnsafeMutableBufferPointer { sums in
            padded.withUnsafeBufferPointer { source in
                for x in 0..<width { sums[x] = 0 }
                for offset in 0..<2 * radius + 1 {
                    let weight = weights[abs(offset - radius)]
                    for x in 0..<width { sums[x] += weight * source[x + offset] }
                }
            }
        }
    }
}
