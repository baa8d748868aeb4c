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
        let (width, height, rows) = (width, height, unreadable.count)
        result.withUnsafeMutableBufferPointer { result in
            ring.withUnsafeBufferPointer { ring in
                func row(_ y: Int) -> UnsafePointer<Float> {
                    ring.baseAddress! + min(max(y, 0), height - 1) % rows * width
                }
                for run in runs {
                    smooth(run, into: result.baseAddress!) { (row(y - $0), row(y + $0)) }
                }
            }
        }
        return unreadable[y % rows]
    }

    /// Writes weighted sums at some places. `lines` returns what is a distance before and after each place.
    @inline(__always)
    private func smooth(
        _ places: Range<Int>, into sums: UnsafeMutablePointer<Float>,
        _ lines: (_ distance: Int) -> (UnsafePointer<Float>, UnsafePointer<Float>)
    ) {
        typealias Vector = SIMD8<Float>
        func load(_ line: UnsafePointer<Float>, _ x: Int) -> Vector {
            UnsafeRawPointer(line + x).loadUnaligned(as: Vector.self)
        }
        weights.withUnsafeBufferPointer { weights in
            var x = places.lowerBound
            while x + Vector.scalarCount <= places.upperBound {
                var sum = weights[0] * load(lines(0).0, x)
                for distance in 1..<weights.count {
                    let (before, after) = lines(distance)
                    sum += weights[distance] * (load(before, x) + load(after, x))
                }
                UnsafeMutableRawPointer(sums + x).storeBytes(of: sum, as: Vector.self)
                x += Vector.scalarCount
            }
            while x < places.upperBound {
                sums[x] = weights[0] * lines(0).0[x]
                for distance in 1..<weights.count {
                    let (before, after) = lines(distance)
                    sums[x] += weights[distance] * (before[x] + after[x])
                }
                x += 1
            }
        }
    }

    private func fillRow(isNeeded: Bool) throws(FileError) {
        try picture.readRows(into: &pixels, count: 1)
        defer { filled += 1 }
        let place = filled % unreadable.count
        unreadable[place] = picture.unreadable
        guard isNeeded else { return }
        let (width, radius) = (width, radius)
        let (red, green, blue) = (stain.tables[0], stain.tables[1], stain.tables[2])
        padded.withUnsafeMutableBufferPointer { padded in
            pixels.withUnsafeBufferPointer { pixels in
                for x in 0..<width {
                    padded[radius + x] =
                        red[Int(pixels[3 * x])] + green[Int(pixels[3 * x + 1])] + blue[Int(pixels[3 * x + 2])]
                }
            }
            for columns in picture.unreadable { for x in columns { padded[radius + x] = 0 } }
            for x in 0..<radius {
                padded[x] = padded[radius]
                padded[radius + width + x] = padded[radius + width - 1]
            }
        }
        padded.withUnsafeBufferPointer { padded in
            let center = padded.baseAddress! + radius
            ring.withUnsafeMutableBufferPointer { ring in
                smooth(0..<width, into: ring.baseAddress! + place * width) { (center - $0, center + $0) }
            }
        }
    }
}
