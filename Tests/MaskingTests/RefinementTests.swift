import Foundation
import Foundations
import Imaging
import Masking
import TestSupport
import Testing

struct RefinementTests {
    /// The color of given amounts of hematoxylin and eosin.
    private func stained(_ hematoxylin: Double, _ eosin: Double) -> [UInt8] {
        let (h, e) = ([0.650, 0.704, 0.286], [0.072, 0.990, 0.105])
        func unit(_ v: [Double]) -> [Double] { v.map { $0 / v.reduce(0) { $0 + $1 * $1 }.squareRoot() } }
        return zip(unit(h), unit(e)).map { UInt8((255 * pow(10, -($0 * hematoxylin + $1 * eosin))).rounded()) }
    }

    @Test func amountsOfHematoxylinAreRecovered() {
        let density = StainDensity(of: .hematoxylin)
        for hematoxylin in [0.0, 0.1, 0.5, 0.9] {
            for eosin in [0.0, 0.2, 0.5] {
                let pixel = stained(hematoxylin, eosin)
                let found = density.density(red: pixel[0], green: pixel[1], blue: pixel[2])
                #expect(abs(Double(found) - hematoxylin) < 0.02, "\(hematoxylin), \(eosin)")
            }
        }
        #expect(density.density(red: 0, green: 0, blue: 0).isFinite)
    }

    /// Discs of hematoxylin on eosin, with glass at the right.
    private func picture(_ width: Int, _ height: Int, _ discs: [(x: Int, y: Int, radius: Int)]) -> [UInt8] {
        let (nucleus, stroma) = (stained(0.6, 0.2), stained(0.12, 0.3))
        return (0..<width * height).flatMap { index -> [UInt8] in
            let (x, y) = (index % width, index / width)
            let inside = discs.contains { ($0.x - x) * ($0.x - x) + ($0.y - y) * ($0.y - y) <= $0.radius * $0.radius }
            return inside ? nucleus : x > width * 3 / 4 ? [250, 250, 250] : stroma
        }
    }

    /// Left windows are positive, right ones are not.
    private func field(_ width: Int, _ height: Int, positive: Float = 0.9) -> ProbabilityField {
        let grid = WindowGrid(width: width, height: height, tile: 32, stride: 32, edges: .clamp)
        let probabilities = ProbabilityGrid(grid)
        for _ in grid.rows.starts {
            for x in grid.columns.starts { probabilities.append(x < width / 2 ? positive : 0.1) }
        }
        return ProbabilityField(probabilities, blend: .uniform, width: width, height: height)
    }

    private func refine(
        _ pixels: [UInt8], _ field: ProbabilityField, _ settings: RefinementSettings, damage: PixelRegion? = nil
    ) throws -> (mask: [Bool], threshold: Double?) {
        let refinement = Refinement(field, threshold: 0.5, settings: settings)
        func reader() -> ArrayReader {
            ArrayReader(width: field.width, height: field.height, pixels: pixels, damage: damage)
        }
        let threshold = try refinement.densityThreshold(reader()) { _ in }
        var mask = [Bool]()
        var reported = 0
        try refinement.bands(reader(), above: threshold, afterRow: { reported = $0 }) { band in
            let y = mask.count / field.width
            // All damage is in the positive half.
            let lost = damage.map { $0.y..<$0.bottom ~= y ? $0.width : 0 } ?? 0
            try #require(band.rows == y..<y + 1 && band.blank.unreadable == lost && band.blank.total == lost)
            var row = [Bool](repeating: false, count: field.width)
            for run in band.white { for x in run { row[x] = true } }
            mask += row
        }
        try #require(reported == field.height && mask.count == field.width * field.height)
        return (mask, threshold)
    }

    @Test func nucleiInPositiveRegionsAreOutlined() throws {
        let discs = [(20, 20, 7), (45, 30, 6), (25, 70, 8), (100, 20, 7), (60, 60, 1)]
        let pixels = picture(128, 96, discs.map { (x: $0.0, y: $0.1, radius: $0.2) })
        var settings = RefinementSettings(micronsPerPixel: 0.5)
        settings.sigmaInPixels = 0.8
        let (mask, threshold) = try refine(pixels, field(128, 96), settings)
        let found = try #require(threshold)
        #expect((0.15...0.6).contains(found))
        // The speck is too small, and the disc at the right is outside the positive regions.
        var wrong = 0
        for index in mask.indices {
            let (x, y) = (index % 128, index / 128)
            let expected = discs.prefix(3).contains {
                ($0.0 - x) * ($0.0 - x) + ($0.1 - y) * ($0.1 - y) <= $0.2 * $0.2
            }
            if mask[index] != expected { wrong += 1 }
        }
        #expect(wrong < 40, "\(wrong) of 12288 pixels, those of outlines")
        #expect(!mask[20 * 128 + 100] && !mask[60 * 128 + 60] && mask[20 * 128 + 20])
    }

    /// Pixels that cannot be decoded have no nuclei and do not affect the threshold, whatever their value. A hole that
    /// damage makes is not filled; beyond the radius of the Gaussian, nuclei are unchanged.
    @Test func unreadablePlacesHaveNoNuclei() throws {
        let discs = [(20, 20, 7), (45, 30, 6), (25, 70, 8)]
        let pixels = picture(128, 96, discs.map { (x: $0.0, y: $0.1, radius: $0.2) })
        var settings = RefinementSettings(micronsPerPixel: 0.5)
        settings.sigmaInPixels = 0.8
        let (whole, threshold) = try refine(pixels, field(128, 96), settings)
        for damage in [
            PixelRegion(x: 24, y: 69, width: 2, height: 3), PixelRegion(x: 0, y: 0, width: 64, height: 40),
            PixelRegion(x: 10, y: 95, width: 50, height: 1),
        ] {
            var damaged = pixels
            for y in damage.y..<damage.bottom {
                for x in damage.x..<damage.right {
                    for channel in 0..<3 { damaged[(y * 128 + x) * 3 + channel] = 0 }
                }
            }
            let (mask, found) = try refine(damaged, field(128, 96), settings, damage: damage)
            #expect(abs(try #require(found) - #require(threshold)) < 0.1)
            let reach = PixelRegion(
                x: damage.x - 3, y: damage.y - 3, width: damage.width + 6, height: damage.height + 6)
            for index in mask.indices {
                let pixel = PixelRegion(x: index % 128, y: index / 128, width: 1, height: 1)
                if damage.intersects(pixel) {
                    try #require(!mask[index], "x \(pixel.x), y \(pixel.y)")
                } else if !reach.intersects(pixel) {
                    try #require(mask[index] == whole[index], "x \(pixel.x), y \(pixel.y)")
                }
            }
        }
    }

    @Test func withoutPositiveRegionsThereIsNothing() throws {
        let pixels = picture(40, 33, [(x: 10, y: 10, radius: 6)])
        let (mask, threshold) = try refine(pixels, field(40, 33, positive: 0.2), .init(micronsPerPixel: 0.25))
        #expect(threshold == nil && !mask.contains(true))
    }

    @Test func imagesOfOnePixel() throws {
        for (width, height) in [(1, 1), (1, 40), (40, 1)] {
            let grid = WindowGrid(
                width: max(32, width), height: max(32, height), tile: 32, stride: 32, edges: .clamp)
            let probabilities = ProbabilityGrid(grid)
            for _ in 0..<grid.count { probabilities.append(1) }
            let field = ProbabilityField(probabilities, blend: .hann, width: width, height: height)
            let pixels = picture(width, height, [(x: 0, y: 0, radius: 15)])
            _ = try refine(pixels, field, .init(micronsPerPixel: 0.25))
        }
    }

    @Test func settingsFollowTheResolution() throws {
        let (fine, coarse) = (RefinementSettings(micronsPerPixel: 0.25), RefinementSettings(micronsPerPixel: 1))
        #expect(fine.sigmaInPixels == 2 && fine.smallestNucleusInPixels == 96 && fine.smallestHoleInPixels == 192)
        #expect(coarse.sigmaInPixels == 0.5 && coarse.smallestNucleusInPixels == 6)
        #expect(RefinementSettings(micronsPerPixel: 100).smallestNucleusInPixels == 1)
        #expect(RefinementSettings(micronsPerPixel: 0.01).sigmaInPixels == 8)
        for value in [Double.leastNonzeroMagnitude, 1e-12, 0, -1, 0.009, 101, 1e200, .infinity, .nan] {
            let error = #expect(throws: FileError.self) { try RefinementSettings("a.svs", micronsPerPixel: value) }
            #expect(error?.kind == .malformed && error?.path == "a.svs")
        }
        #expect(try RefinementSettings("a.svs", micronsPerPixel: 0.25).sigmaInPixels == 2)
    }

    @Test func theThresholdIsOtsusThreshold() {
        for seed in 1...20 as ClosedRange<UInt64> {
            var counts = Formula.integers(seed: seed, count: 16, below: 50)
            if seed == 1 { counts = [Int](repeating: 0, count: 16) }
            if seed == 2 { counts = [0, 7] + [Int](repeating: 0, count: 14) }
            var (best, largest) = (Int?.none, -1.0)
            for cut in 0..<16 {
                let (low, high) = (counts[...cut], counts[(cut + 1)...])
                let (n, m) = (Double(low.reduce(0, +)), Double(high.reduce(0, +)))
                if n == 0 || m == 0 { continue }
                func mean(_ part: ArraySlice<Int>, _ total: Double) -> Double {
                    part.indices.reduce(0) { $0 + Double($1 * part[$1]) } / total
                }
                let between = n * m * pow(mean(low, n) - mean(high, m), 2)
                if between > largest * (1 + 1e-12) { (best, largest) = (cut, between) }
            }
            #expect(otsuThreshold(counts) == (seed == 2 ? 0 : best), "seed \(seed)")
        }
    }
}

/// The component filter against a flood fill of the whole mask.
struct RunFilterTests {
    private func naive(_ mask: [[Bool]], smallest: Int, diagonal: Bool, keepsEdges: Bool) -> [[Bool]] {
        let (height, width) = (mask.count, mask[0].count)
        var (left, result) = (mask, mask)
        for y in 0..<height {
            for x in 0..<width where left[y][x] {
                var (open, all) = ([(x, y)], [(x, y)])
                left[y][x] = false
                while let (a, b) = open.popLast() {
                    for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)] {
                        let (c, d) = (a + dx, b + dy)
                        if !diagonal, dx != 0, dy != 0 { continue }
                        guard (0..<width).contains(c), (0..<height).contains(d), left[d][c] else { continue }
                        left[d][c] = false
                        open.append((c, d))
                        all.append((c, d))
                    }
                }
                let touches = all.contains { $0.0 == 0 || $0.1 == 0 || $0.0 == width - 1 || $0.1 == height - 1 }
                if all.count < smallest, !(keepsEdges && touches) { for (a, b) in all { result[b][a] = false } }
            }
        }
        return result
    }

    private struct Case: CustomStringConvertible {
        let width: Int
        let height: Int
        let share: Double
        let smallest: Int
        let diagonal: Bool
        let keepsEdges: Bool
        var description: String { "\(width)x\(height), \(share), \(smallest), \(diagonal), \(keepsEdges)" }
    }

    @Test func smallComponentsAreRemoved() throws {
        var cases = [Case]()
        for (width, height) in [(1, 1), (1, 30), (30, 1), (24, 31)] {
            for share in [0.2, 0.45, 0.6, 0.8] {
                for smallest in [1, 2, 5, 30] {
                    for (diagonal, keeps) in [(false, false), (true, false), (true, true)] {
                        cases.append(
                            Case(
                                width: width, height: height, share: share, smallest: smallest, diagonal: diagonal,
                                keepsEdges: keeps))
                    }
                }
            }
        }
        try sweep(cases) { item, seed in
            let mask = (0..<item.height).map { y in
                (0..<item.width).map { x in
                    Double(Formula.bits(seed, y * item.width + x) >> 11) / Double(1 << 53) < item.share
                }
            }
            var filter = RunFilter(
                smallest: item.smallest, diagonal: item.diagonal,
                keepingEdges: item.keepsEdges ? (item.width, item.height) : nil)
            var found = [[Bool]]()
            var largestDelay = 0
            var added = 0
            func take(_ row: Int, _ runs: [Range<Int>]) {
                largestDelay = max(largestDelay, added - row)
                precondition(row == found.count)
                found.append((0..<item.width).map { x in runs.contains { $0.contains(x) } })
            }
            for row in mask {
                var runs = [Range<Int>]()
                for x in 0..<item.width where row[x] {
                    if let last = runs.last, last.upperBound == x {
                        runs[runs.count - 1] = last.lowerBound..<x + 1
                    } else {
                        runs.append(x..<x + 1)
                    }
                }
                try filter.add(runs, emit: take)
                added += 1
            }
            try filter.finish(emit: take)
            try #require(
                found
                    == naive(
                        mask, smallest: item.smallest, diagonal: item.diagonal, keepsEdges: item.keepsEdges))
            try #require(largestDelay <= item.smallest, "rows are held back no longer than a component can stay small")
        }
    }
}
