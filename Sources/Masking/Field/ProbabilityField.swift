import Glibc
import Imaging

/// The weights of windows in the mean probability of a pixel.
package enum Blend: String, CaseIterable, Codable, Sendable {
    /// Equal weights.
    case uniform
    /// Larger weights near the middle of a window: sin²(πt) at position t in 0 ... 1 across it, times the same along it.
    case hann
}

/// Mean probabilities of nuclei over an image, computed one row of cells at a time.
///
/// The mean of a cell is that of the predicted windows over it. Only the processed pixels of a cell have it.
///
/// The mean is constant within a cell. With uniform weights, cells are the rectangles that the edges of the windows divide
/// the image into, and the mean is exact at every pixel. With Hann weights, cells are squares of 8 x 8 pixels, and the
/// mean is exact at their centers.
package struct ProbabilityField {
    /// Weighted mean and variance of the probabilities of the windows over a cell, by all models.
    package struct Moments: Equatable, Sendable {
        package var mean: Double
        package var variance: Double
    }

    /// State of a cell.
    package enum Content: Equatable, Sendable {
        /// The mean probability of the windows that were predicted.
        case average(Double)
        /// No window was predicted, and at least one could not be read.
        case unreadable
        /// No window has tissue.
        case background
        /// No window has pixels of the image.
        case outside
        /// No window covers the cell.
        case uncovered
    }

    /// Side of a cell with Hann weights, in pixels.
    package static let hannCell = 8

    /// Size of the image in pixels.
    package let width: Int
    package let height: Int
    /// The processed area; nil for all of the image.
    let tissue: TissueMap?
    /// Pixels of the cells, ascending and without gaps. They end with the image, not with its padding.
    package let rows: [Range<Int>]
    package let columns: [Range<Int>]
    private let probabilities: ProbabilityGrid
    private let rowWindows: CellWindows
    private let columnWindows: CellWindows

    /// `tissue` is the processed area at full resolution; nil for all of the image.
    package init(
        _ probabilities: ProbabilityGrid, blend: Blend, width: Int, height: Int, tissue: TissueMap? = nil
    ) {
        self.probabilities = probabilities
        self.tissue = tissue
        self.width = width
        self.height = height
        let grid = probabilities.grid
        rowWindows = CellWindows(grid.rows, length: height, blend: blend)
        columnWindows = CellWindows(grid.columns, length: width, blend: blend)
        rows = rowWindows.cells
        columns = columnWindows.cells
    }

    /// The rows of the image, in strips with the same cells and processed pixels.
    package var strips: FieldStrips { FieldStrips(self) }

    /// Means in a row of cells, from left to right; nil where no window was predicted.
    package func averages(ofRow row: Int) -> [Double?] {
        contents(ofRow: row).map { if case .average(let value) = $0 { value } else { nil } }
    }

    /// Contents of a row of cells, from left to right.
    package func contents(ofRow row: Int) -> [Content] { sums(ofRow: row).map(\.content) }

    /// Means and variances in a row of cells, from left to right; nil where no window was predicted.
    package func moments(ofRow row: Int) -> [Moments?] { sums(ofRow: row).map(\.moments) }

    /// Weighted sums over the windows on each cell of a row of cells.
    private func sums(ofRow row: Int) -> [WindowSums] {
        let count = probabilities.grid.columns.starts.count
        // Sums down each column of windows first: the cells above one column share them.
        var sums = [WindowSums](repeating: WindowSums(), count: count)
        for (windowRow, weight) in rowWindows.windows(of: row) {
            for column in 0..<count {
                let window = windowRow * count + column
                sums[column].add(
                    probabilities.store.state(window), Double(probabilities.store.probability(window)),
                    deviation: Double(probabilities.store.deviation(window)), weight: weight)
            }
        }
        return columns.indices.map { cell in
            var total = WindowSums()
            for (window, weight) in columnWindows.windows(of: cell) { total.add(sums[window], weight: weight) }
            return total
        }
    }
}

/// Weighted sums over windows.
private struct WindowSums {
    private var sum = 0.0
    private var square = 0.0
    private var predicted = 0.0
    private var background = 0.0
    private var outside = 0.0
    private var unreadable = 0.0

    mutating func add(_ state: WindowState, _ value: Double, deviation: Double, weight: Double) {
        switch state {
        case .predicted:
            predicted += weight
            sum += weight * value
            square += weight * (value * value + deviation * deviation)
        case .background: background += weight
        case .outside: outside += weight
        case .unreadable, .pending: unreadable += weight
        }
    }

    mutating func add(_ other: WindowSums, weight factor: Double) {
        sum += factor * other.sum
        square += factor * other.square
        predicted += factor * other.predicted
        background += factor * other.background
        outside += factor * other.outside
        unreadable += factor * other.unreadable
    }

    var moments: ProbabilityField.Moments? {
        guard predicted > 0 else { return nil }
        let mean = sum / predicted
        return ProbabilityField.Moments(mean: mean, variance: max(0, square / predicted - mean * mean))
    }

    var content: ProbabilityField.Content {
        if let moments { return .average(moments.mean) }
        if unreadable > 0 { return .unreadable }
        if background > 0 { return .background }
        return outside > 0 ? .outside : .uncovered
    }
}

/// The cells along one axis, with the windows over each and their weights.
private struct CellWindows {
    let cells: [Range<Int>]
    private let first: [Int]
    /// Weights of the windows over all cells, one cell after the other. Those of a cell start at its `place`.
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
            // Cells end where the last window ends.
            let covered = min(length, all[all.count - 1].upperBound)
            let cuts = Array(stride(from: 0, to: covered, by: ProbabilityField.hannCell)) + [covered, length]
            var window = 0
            for (from, to) in zip(cuts, cuts.dropFirst()) where from < to {
                let center = Double(from + to) / 2
                while window < all.count, Double(all[window].upperBound) <= center { window += 1 }
                var end = window
                while end < all.count, Double(all[end].lowerBound) < center { end += 1 }
                add(from..<to, window..<end) { index in
                    let t = (center - Double(all[index].lowerBound)) / Double(all[index].count)
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
