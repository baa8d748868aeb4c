import Foundation
import Foundations
import Imaging
import Masking
import TestSupport
import Testing

struct FieldTests {
    private struct Case: CustomStringConvertible {
        let width: Int
        let height: Int
        let tile: Int
        let stride: Int
        let edges: EdgeRule
        let blend: Blend
        var description: String { "\(width)x\(height), tile \(tile), stride \(stride), \(edges), \(blend)" }
    }

    private static let cases: [Case] = Blend.allCases.flatMap { blend in
        EdgeRule.allCases.flatMap { edges in
            [(1, 1, 16, 8), (16, 16, 16, 16), (50, 33, 32, 8), (97, 131, 32, 13), (33, 200, 32, 31), (64, 64, 64, 5)]
                .map { Case(width: $0.0, height: $0.1, tile: $0.2, stride: $0.3, edges: edges, blend: blend) }
        }
    }

    private func probabilities(_ item: Case, seed: UInt64) -> ProbabilityGrid {
        let grid = WindowGrid(
            width: max(item.width, item.tile), height: max(item.height, item.tile), tile: item.tile,
            stride: item.stride, edges: item.edges)
        let result = ProbabilityGrid(grid)
        for value in Formula.values(seed: seed, count: grid.count) { result.append((value + 1) / 2) }
        return result
    }

    /// Weight at position `x` of a window that starts at `start`.
    private func weight(_ x: Double, _ start: Int, _ item: Case) -> Double {
        let t = (x - Double(start)) / Double(item.tile)
        guard t > 0, t < 1 else { return 0 }
        return item.blend == .uniform ? 1 : (1 - cos(2 * .pi * t)) / 2
    }

    /// Mean and variance over all windows at a position; nil where there is none.
    private func naive(_ x: Double, _ y: Double, _ grid: ProbabilityGrid, _ item: Case) -> (Double, Double)? {
        var (total, sum) = (0.0, 0.0)
        var terms = [(weight: Double, value: Double)]()
        for (row, top) in grid.grid.rows.starts.enumerated() {
            for (column, left) in grid.grid.columns.starts.enumerated() {
                let weight = weight(x, left, item) * weight(y, top, item)
                let value = Double(grid.values[row * grid.grid.columns.starts.count + column])
                terms.append((weight, value))
                total += weight
                sum += weight * value
            }
        }
        guard total > 0 else { return nil }
        let mean = sum / total
        return (mean, terms.reduce(0) { $0 + $1.weight * ($1.value - mean) * ($1.value - mean) } / total)
    }

    @Test func cellsHaveTheWeightedMeanAndVarianceOfTheirWindows() throws {
        try sweep(Self.cases) { item, seed in
            let grid = probabilities(item, seed: seed)
            let field = ProbabilityField(grid, blend: item.blend, width: item.width, height: item.height)
            for (cells, length) in [(field.columns, item.width), (field.rows, item.height)] {
                try #require(cells.first?.lowerBound == 0 && cells.last?.upperBound == length)
                try #require(zip(cells, cells.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
                try #require(cells.allSatisfy { !$0.isEmpty })
                // The last cell may be one that no window covers.
                try #require(item.blend == .uniform || cells.dropLast().allSatisfy { $0.count <= 8 })
            }
            for (row, pixels) in field.rows.enumerated() {
                let (averages, moments) = (field.averages(ofRow: row), field.moments(ofRow: row))
                try #require(averages.count == field.columns.count && moments.count == field.columns.count)
                for (column, cell) in field.columns.enumerated() {
                    let (x, y) = (
                        Double(cell.lowerBound + cell.upperBound) / 2, Double(pixels.lowerBound + pixels.upperBound) / 2
                    )
                    guard let expected = naive(x, y, grid, item) else {
                        try #require(averages[column] == nil && moments[column] == nil, "a cell without windows")
                        continue
                    }
                    let found = try #require(moments[column])
                    try #require(abs(found.mean - expected.0) < 1e-9 && abs(found.variance - expected.1) < 1e-9)
                    try #require(abs(try #require(averages[column]) - expected.0) < 1e-9)
                }
            }
        }
    }

    /// Masks, maps and heat maps end where the tissue or the outline does.
    @Test func onlyProcessedPixelsHaveAProbability() throws {
        let (width, height) = (50, 40)
        let grid = ProbabilityGrid(WindowGrid(width: width, height: height, tile: 16, stride: 8, edges: .clamp))
        for window in 0..<grid.grid.count { grid.store.setProbability(window, 0.75) }
        let cells = TissueMap(
            imageWidth: width, imageHeight: height, width: 2, height: 4,
            isTissue: (0..<8).map { [1, 2, 5].contains($0) })
        let triangle: [TissueOutline.Point] = [.init(x: 3.2, y: 2), .init(x: 41, y: 11.5), .init(x: 9, y: 37.9)]
        let hole: [TissueOutline.Point] = [
            .init(x: 12, y: 10), .init(x: 20, y: 10), .init(x: 20, y: 18), .init(x: 12, y: 18),
        ]
        var outlined = cells
        let ignored: [TissueOutline.Point] = [.init(x: 22, y: 12), .init(x: 60, y: -1e290), .init(x: 60, y: 60)]
        outlined.outline = PixelOutline(
            [[triangle, hole]], excluding: [[ignored]], width: width, height: height)
        func isInside(_ x: Int, _ y: Int, _ tissue: TissueMap?) -> Bool {
            guard let tissue else { return true }
            guard tissue.outline != nil else { return tissue.isTissue[y / 10 * 2 + x / 25] }
            let (x, y) = (Double(x) + 0.5, Double(y) + 0.5)
            func contains(_ ring: [TissueOutline.Point]) -> Bool {
                zip(ring, ring.dropFirst() + ring.prefix(1)).count { a, b in
                    (a.y <= y) != (b.y <= y) && a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x) <= x
                } % 2 == 1
            }
            return contains(triangle) && !contains(hole) && !contains(ignored)
        }
        for tissue in [nil, cells, outlined] {
            let inside = (0..<width * height).map { isInside($0 % width, $0 / width, tissue) }
            for blend in Blend.allCases {
                let field = ProbabilityField(grid, blend: blend, width: width, height: height, tissue: tissue)
                let mask = ArrayWriter(width: width, height: height, channels: 1)
                var summary = MaskSummary(width: width, height: height)
                for band in MaskBands(field, threshold: 0.5) {
                    summary.add(band)
                    try mask.write(band)
                }
                #expect(mask.pixels.map { $0 == 255 } == inside)
                let count = inside.count { $0 }
                #expect(summary.nuclei == count && summary.processed == count && summary.noNuclei == 0)
                let map = ArrayWriter(width: width, height: height, channels: 4)
                try FieldMap(field, .probability, side: 1).write(to: map)
                let values = map.pixels.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
                #expect(values.map { $0 == 0.75 } == inside && values.map { !$0.isNaN } == inside)
                let heat = ArrayWriter(width: width, height: height, channels: 3)
                let gray = [UInt8](repeating: 200, count: width * height * 3)
                let picture = ArrayReader(width: width, height: height, pixels: gray)
                try HeatMap.write(field, over: picture, to: heat) { _ in }
                #expect((0..<width * height).map { heat.pixels[3 * $0] != 200 } == inside)
            }
        }
    }

    /// Hann weights avoid steps where windows start and end.
    @Test func hannHasNoSteps() throws {
        func largestStep(_ blend: Blend) -> Double {
            let item = Case(width: 1024, height: 256, tile: 256, stride: 64, edges: .clamp, blend: blend)
            let field = ProbabilityField(probabilities(item, seed: 3), blend: blend, width: 1024, height: 256)
            let row = field.averages(ofRow: field.rows.count / 2).compactMap { $0 }
            return zip(row, row.dropFirst()).map { abs($0 - $1) }.max()!
        }
        #expect(largestStep(.uniform) > 0.1 && largestStep(.hann) < 0.06)
    }

    @Test func mapsAreMeansOverSquares() throws {
        try sweep(Self.cases) { item, seed in
            let field = ProbabilityField(
                probabilities(item, seed: seed), blend: item.blend, width: item.width, height: item.height)
            for quantity in [FieldMap.Quantity.probability, .variance] {
                for side in [1, 7, item.stride, 300] {
                    let size = FieldMap.size(width: item.width, height: item.height, side: side)
                    let writer = ArrayWriter(width: size.width, height: size.height, channels: 4)
                    try FieldMap(field, quantity, side: side).write(to: writer)
                    let values = writer.pixels.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
                    var (sums, counts) = (
                        [Double](repeating: 0, count: values.count), [Double](repeating: 0, count: values.count)
                    )
                    for (row, rows) in field.rows.enumerated() {
                        let moments = field.moments(ofRow: row)
                        for (moment, columns) in zip(moments, field.columns) {
                            guard let moment else { continue }
                            for y in rows {
                                for x in columns {
                                    sums[y / side * size.width + x / side] +=
                                        quantity == .probability ? moment.mean : moment.variance
                                    counts[y / side * size.width + x / side] += 1
                                }
                            }
                        }
                    }
                    for index in values.indices {
                        if counts[index] == 0 {
                            try #require(values[index].isNaN)
                        } else {
                            try #require(abs(Double(values[index]) - sums[index] / counts[index]) < 1e-6)
                        }
                    }
                }
            }
        }
    }

    @Test func windowsBecomeATable() throws {
        let item = Case(width: 40, height: 16, tile: 16, stride: 16, edges: .clamp, blend: .uniform)
        let grid = probabilities(item, seed: 5)
        grid.store.setState(2, .unreadable)
        let path = NSTemporaryDirectory() + "windows-\(UUID().uuidString).csv"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try AtomicFile(FilePath(path))
        try grid.writeTable(to: file)
        try file.commit()
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines[0] == "x,y,width,height,probability,state" && lines.count == 4)
        for (line, (x, value)) in zip(lines.dropFirst().dropLast(), zip([0, 16], grid.values)) {
            let fields = line.split(separator: ",").map(String.init)
            #expect(Array(fields.prefix(4)) == ["\(x)", "0", "16", "16"])
            #expect(Float(fields[4]) == value && fields[5] == "predicted")
        }
        #expect(lines[3] == "24,0,16,16,,unreadable")
    }
}
