import Foundation

/// How much a window says about the pixels that it covers.
package enum Blend: String, CaseIterable, Codable, Sendable {
    /// The same about all of them.
    case uniform
    /// More about those in its middle: sin²(pi t) by the place t in 0 ... 1 across it, times the same down it.
    case hann
}

/// Mean probabilities of nuclei all over an image.
///
/// They are constant within cells, and made a row of cells at a time. With equal weights the cells are those that the
/// windows' edges cut the image into, and the means are exact at every pixel. With Hann weights they are squares of
/// 8 x 8 pixels, whose means are exact at their centres.
package struct ProbabilityField {
    /// Mean and variance over the windows on a place, by their weights.
    package struct Moments: Equatable, Sendable {
        package var mean: Double
        package var variance: Double
    }

    package static let hannCell = 8

    /// Size of the image in pixels.
    package let width: Int
    package let height: Int
    /// Pixels of the cells, ascending and without gaps; the image's own, without those of its padding.
    package let rows: [Range<Int>]
    package let columns: [Range<Int>]
    private let probabilities: ProbabilityGrid
    private let blend: Blend
    private let rowWindows: CellWindows
    private let columnWindows: CellWindows

    package init(_ probabilities: ProbabilityGrid, blend: Blend, width: Int, height: Int) {
        self.probabilities = probabilities
        self.blend = blend
        self.width = width
        self.height = height
        let grid = probabilities.grid
        rowWindows = CellWindows(grid.rows, tile: grid.tile, length: height, blend: blend)
        columnWindows = CellWindows(grid.columns, tile: grid.tile, length: width, blend: blend)
        rows = rowWindows.cells
        columns = columnWindows.cells
    }

    /// Means in one row of cells, from left to right; nil where no window is.
    package func averages(ofRow row: Int) -> [Double?] {
        guard blend == .hann else {
            return Array(probabilities.averages(ofCellRow: row).prefix(columns.count))
        }
        return moments(ofRow: row).map { $0?.mean }
    }

    /// Means and variances in one row of cells, from left to right; nil where no window is.
    package func moments(ofRow row: Int) -> [Moments?] {
        let count = probabilities.grid.columns.starts.count
        // Sums over the windows of each column: of weights, of values and of their squares.
        var (weights, sums) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        var squares = sums
        for (window, weight) in rowWindows.windows(of: row) {
            for column in 0..<count {
                let value = Double(probabilities.values[window * count + column])
                weights[column] += weight
                sums[column] += weight * value
                squares[column] += weight * value * value
            }
        }
        return columns.indices.map { cell in
            var (total, sum, square) = (0.0, 0.0, 0.0)
            for (window, weight) in columnWindows.windows(of: cell) {
                total += weight * weights[window]
                sum += weight * sums[window]
                square += weight * squares[window]
            }
            guard total > 0 else { return nil }
            let mean = sum / total
            return Moments(mean: mean, variance: max(0, square / total - mean * mean))
        }
    }
}

/// The cells of one axis, and the windows over each with their weights.
private struct CellWindows {
    let cells: [Range<Int>]
    private let first: [Int]
    /// Weights of the windows over all cells, one cell after the other; `place` says where a cell's begin.
    private let weights: [Double]
    private let place: [Int]

    init(_ axis: WindowAxis, tile: Int, length: Int, blend: Blend) {
        var (cells, first, weights, place) = ([Range<Int>](), [Int](), [Double](), [Int]())
        func add(_ pixels: Range<Int>, _ windows: Range<Int>, _ weight: (Int) -> Double) {
            cells.append(pixels)
            first.append(windows.lowerBound)
            place.append(weights.count)
            weights += windows.map(weight)
        }
        switch blend {
        case .uniform:
            for cell in axis.cells where cell.pixels.lowerBound < length {
                add(cell.pixels.clamped(to: 0..<length), cell.windows) { _ in 1 }
            }
        case .hann:
            // Where windows end for good, cells end too.
            let covered = min(length, axis.starts[axis.starts.count - 1] + tile)
            let cuts = Array(stride(from: 0, to: covered, by: ProbabilityField.hannCell)) + [covered, length]
            var window = 0
            for (from, to) in zip(cuts, cuts.dropFirst()) where from < to {
                let centre = Double(from + to) / 2
                while window < axis.starts.count, Double(axis.starts[window] + tile) <= centre { window += 1 }
                var end = window
                while end < axis.starts.count, Double(axis.starts[end]) < centre { end += 1 }
                add(from..<to, window..<end) { index in
                    let t = (centre - Double(axis.starts[index])) / Double(tile)
                    return sin(.pi * t) * sin(.pi * t)
                }
            }
        }
        place.append(weights.count)
        (self.cells, self.first, self.weights, self.place) = (cells, first, weights, place)
    }

    /// Indices and weights of the windows over a cell.
    func windows(of cell: Int) -> some Sequence<(Int, Double)> {
        zip(first[cell]..., weights[place[cell]..<place[cell + 1]])
    }
}
