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

    /// Means in one row of cells, from left to right; nil where no window was predicted.
    package func averages(ofRow row: Int) -> [Double?] {
        contents(ofRow: row).map { if case .average(let value) = $0 { value } else { nil } }
    }

    /// What is known of the cells of one row, from left to right.
    package func contents(ofRow row: Int) -> [ProbabilityGrid.Content] {
        guard blend == .hann else {
            return Array(probabilities.contents(ofCellRow: row).prefix(columns.count))
        }
        return sums(ofRow: row).map(\.content)
    }

    /// Means and variances in one row of cells, from left to right; nil where no window was predicted.
    package func moments(ofRow row: Int) -> [Moments?] {
        sums(ofRow: row).map { sums in
            guard case .average(let mean) = sums.content else { return nil }
            return Moments(mean: mean, variance: max(0, sums.square / sums.known - mean * mean))
        }
    }

    private func sums(ofRow row: Int) -> [WeightedSums] {
        let count = probabilities.grid.columns.starts.count
        var ofColumns = [WeightedSums](repeating: WeightedSums(), count: count)
        for (window, weight) in rowWindows.windows(of: row) {
            for column in 0..<count {
                let index = window * count + column
                let value = Double(probabilities.store.probability(index))
                ofColumns[column].add(probabilities.store.state(index), value, weight)
            }
        }
        return columns.indices.map { cell in
            var sums = WeightedSums()
            for (window, weight) in columnWindows.windows(of: cell) { sums.add(ofColumns[window], weight) }
            return sums
        }
    }
}

/// What the windows over a place come to, by their weights. Those without tissue or without pixels have no nuclei; of
/// those that could not be read nothing is known.
private struct WeightedSums {
    var predicted = 0.0
    var background = 0.0
    var outside = 0.0
    var unreadable = 0.0
    var sum = 0.0
    var square = 0.0

    var known: Double { predicted + background + outside }

    mutating func add(_ state: WindowState, _ value: Double, _ weight: Double) {
        switch state {
        case .predicted:
            predicted += weight
            sum += weight * value
            square += weight * value * value
        case .background: background += weight
        case .outside: outside += weight
        case .unreadable, .pending: unreadable += weight
        }
    }

    mutating func add(_ other: WeightedSums, _ weight: Double) {
        predicted += weight * other.predicted
        background += weight * other.background
        outside += weight * other.outside
        unreadable += weight * other.unreadable
        sum += weight * other.sum
        square += weight * other.square
    }

    var content: ProbabilityGrid.Content {
        if predicted > 0 { return .average(sum / known) }
        if unreadable > 0 { return .unreadable }
        if background > 0 { return .background }
        return outside > 0 ? .outside : .uncovered
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
