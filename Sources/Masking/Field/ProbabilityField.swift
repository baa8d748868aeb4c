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
        rowWindows = CellWindows(grid.rows, length: height, blend: blend)
        columnWindows = CellWindows(grid.columns, length: width, blend: blend)
        rows = rowWindows.cells
        columns = columnWindows.cells
    }

    /// Means in one row of cells, from left to right; nil where nothing was looked at.
    package func averages(ofRow row: Int) -> [Double?] {
        contents(ofRow: row).map { if case .average(let value) = $0 { value } else { nil } }
    }

    /// What is known of the cells of one row of cells, from left to right.
    package func contents(ofRow row: Int) -> [ProbabilityGrid.Content] {
        guard blend == .hann else {
            return Array(probabilities.contents(ofCellRow: row).prefix(columns.count))
        }
        return sums(ofRow: row).map(\.content)
    }

    /// Means and variances in one row of cells, from left to right; nil where nothing was looked at.
    package func moments(ofRow row: Int) -> [Moments?] {
        sums(ofRow: row).map(\.moments)
    }

    /// Weighted sums over the windows on each cell of a row of cells.
    private func sums(ofRow row: Int) -> [WindowSums] {
        let count = probabilities.grid.columns.starts.count
        // Over the windows of each column of windows.
        var sums = [WindowSums](repeating: WindowSums(), count: count)
        for (windowRow, weight) in rowWindows.windows(of: row) {
            for column in 0..<count {
                let window = windowRow * count + column
                sums[column].add(
                    probabilities.store.state(window), Double(probabilities.store.probability(window)), weight: weight)
            }
        }
        return columns.indices.map { cell in
            var total = WindowSums()
            for (window, weight) in columnWindows.windows(of: cell) { total.add(sums[window], weight: weight) }
            return total
        }
    }
}

/// Windows on a place, added up by their weights; those without tissue have no nuclei.
private struct WindowSums {
    private var weight = 0.0
    private var sum = 0.0
    private var square = 0.0
    private var predicted = 0.0
    private var background = 0.0
    private var outside = 0.0
    private var unreadable = 0.0

    mutating func add(_ state: WindowState, _ value: Double, weight: Double) {
        switch state {
        case .predicted:
            predicted += weight
            sum += weight * value
            square += weight * value * value
        case .background: background += weight
        case .outside: outside += weight
        case .unreadable, .pending:
            unreadable += weight
            return
        }
        self.weight += weight
    }

    mutating func add(_ other: WindowSums, weight factor: Double) {
        weight += factor * other.weight
        sum += factor * other.sum
        square += factor * other.square
        predicted += factor * other.predicted
        background += factor * other.background
        outside += factor * other.outside
        unreadable += factor * other.unreadable
    }

    var moments: ProbabilityField.Moments? {
        guard predicted > 0 else { return nil }
        let mean = sum / weight
        return ProbabilityField.Moments(mean: mean, variance: max(0, square / weight - mean * mean))
    }

    var content: ProbabilityGrid.Content {
        if let moments { return .average(moments.mean) }
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

    init(_ axis: WindowAxis, length: Int, blend: Blend) {
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
            let all = axis.starts.indices.map { axis.imagePixels(ofWindow: $0) }
            // Where windows end for good, cells end too.
            let covered = min(length, all[all.count - 1].upperBound)
            let cuts = Array(stride(from: 0, to: covered, by: ProbabilityField.hannCell)) + [covered, length]
            var window = 0
            for (from, to) in zip(cuts, cuts.dropFirst()) where from < to {
                let centre = Double(from + to) / 2
                while window < all.count, Double(all[window].upperBound) <= centre { window += 1 }
                var end = window
                while end < all.count, Double(all[end].lowerBound) < centre { end += 1 }
                add(from..<to, window..<end) { index in
                    let t = (centre - Double(all[index].lowerBound)) / Double(all[index].count)
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
