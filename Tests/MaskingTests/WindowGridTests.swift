import Masking
import TestSupport
import Testing

struct WindowGridTests {
    /// Starts of windows, computed independently.
    private func starts(_ length: Int, _ tile: Int, _ stride: Int, _ edges: EdgeRule) -> [Int] {
        var result = [Int]()
        var start = 0
        while start + tile <= length {
            result.append(start)
            start += stride
        }
        if edges == .clamp, result.last! + tile < length { result.append(length - tile) }
        return result
    }

    @Test func cellsArePixelsUnderTheSameWindows() throws {
        var cases = [(length: Int, tile: Int, stride: Int, edges: EdgeRule)]()
        for tile in [1, 2, 7, 16] {
            for length in [tile, tile + 1, tile + 5, 3 * tile, 3 * tile + 2, 61] where length >= tile {
                for stride in 1...tile where stride < 4 || stride > tile - 3 {
                    for edges in EdgeRule.allCases { cases.append((length, tile, stride, edges)) }
                }
            }
        }
        try sweep(cases) { item, _ in
            let axis = WindowAxis(length: item.length, tile: item.tile, stride: item.stride, edges: item.edges)
            try #require(axis.starts == starts(item.length, item.tile, item.stride, item.edges))
            try #require(axis.cells.first?.pixels.lowerBound == 0 && axis.cells.last?.pixels.upperBound == item.length)
            for (cell, next) in zip(axis.cells, axis.cells.dropFirst()) {
                try #require(cell.pixels.upperBound == next.pixels.lowerBound && !cell.pixels.isEmpty)
                try #require(cell.windows != next.windows, "neighbors under the same windows")
            }
            for cell in axis.cells {
                for pixel in cell.pixels {
                    let covering = axis.starts.indices.filter {
                        axis.starts[$0] <= pixel && pixel < axis.starts[$0] + item.tile
                    }
                    try #require(Array(cell.windows) == covering, "pixel \(pixel)")
                }
            }
            // Memory is proportional to the number of windows.
            #expect(axis.cells.count <= 2 * axis.starts.count + 1)
        }
    }

    @Test func averagesEqualThoseOfAPixelByPixelSum() throws {
        let cases: [(width: Int, height: Int, tile: Int, stride: Int)] = [
            (64, 64, 64, 64), (65, 64, 64, 64), (100, 73, 32, 1), (100, 73, 32, 5), (97, 131, 32, 13),
            (97, 131, 32, 32), (33, 200, 32, 16), (40, 40, 7, 3),
        ]
        for edges in EdgeRule.allCases {
            try sweep(cases) { item, seed in
                let grid = WindowGrid(
                    width: item.width, height: item.height, tile: item.tile, stride: item.stride, edges: edges)
                let values = Formula.values(seed: seed, count: grid.count).map { ($0 + 1) / 2 }
                let probabilities = ProbabilityGrid(grid)
                for value in values { probabilities.append(value) }
                try compare(
                    "averages", pixels(probabilities), naive(grid, values.map(Double.init), item.width, item.height),
                    Tolerance(absolute: 1e-12))
            }
        }
    }

    @Test func averagesEqualTheGoldenNumbers() throws {
        for golden in try Golden().cases(of: "window_average", atLeast: 4) {
            let edges = try #require(EdgeRule(rawValue: golden.string("edge")))
            let (width, height) = (try golden.int("w"), try golden.int("h"))
            let grid = WindowGrid(
                width: width, height: height, tile: try golden.int("tile"), stride: try golden.int("stride"),
                edges: edges)
            #expect(try grid.columns.starts == golden.ints("xs"))
            #expect(try grid.rows.starts == golden.ints("ys"))
            let probabilities = ProbabilityGrid(grid)
            for value in try golden.doubles(tensor: "p") { probabilities.append(Float(value)) }
            let averages = pixels(probabilities)
            var sample = [Double]()
            for y in stride(from: 3, to: height, by: 7) {
                for x in stride(from: 5, to: width, by: 11) { sample.append(averages[y * width + x]) }
            }
            // Uncovered pixels are 0 in the golden numbers.
            try compare(
                "\(golden)", sample.map { $0.isNaN ? 0 : $0 }, golden.doubles(tensor: "avg_sub"),
                Tolerance(absolute: 1e-6))
            #expect(try averages.count { $0 > 0.5 } == golden.int("white"))
        }
    }

    /// The average at every pixel; NaN where no window is.
    private func pixels(_ probabilities: ProbabilityGrid) -> [Double] {
        var result = [Double]()
        let grid = probabilities.grid
        let field = ProbabilityField(
            probabilities, blend: .uniform, width: grid.columns.cells.last?.pixels.upperBound ?? 0,
            height: grid.rows.cells.last?.pixels.upperBound ?? 0)
        for (index, pixels) in field.rows.enumerated() {
            let line = zip(field.columns, field.averages(ofRow: index)).flatMap { cell, average in
                Array(repeating: average ?? .nan, count: cell.count)
            }
            for _ in pixels { result += line }
        }
        return result
    }

    private func naive(_ grid: WindowGrid, _ values: [Double], _ width: Int, _ height: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: width * height)
        var counts = [Double](repeating: 0, count: width * height)
        for (row, y) in grid.rows.starts.enumerated() {
            for (column, x) in grid.columns.starts.enumerated() {
                for pixelY in y..<y + grid.tile {
                    for pixelX in x..<x + grid.tile {
                        sums[pixelY * width + pixelX] += values[row * grid.columns.starts.count + column]
                        counts[pixelY * width + pixelX] += 1
                    }
                }
            }
        }
        return zip(sums, counts).map { $1 == 0 ? .nan : $0 / $1 }
    }
}
