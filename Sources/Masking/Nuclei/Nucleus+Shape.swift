import Foundations
import Glibc

extension [Nucleus.Run] {
    /// The largest component that is connected by edges; of equal ones the first.
    func largestConnected() -> [Nucleus.Run] {
        var sets = UnionFind(count: count)
        var (first, parts) = (0, count)
        for run in indices {
            while first < run, self[first].row < self[run].row - 1 { first += 1 }
            var above = first
            while above < run, self[above].row < self[run].row {
                if self[above].pixels.overlaps(self[run].pixels) {
                    let (a, b) = (sets.root(of: above), sets.root(of: run))
                    if a != b {
                        sets.attach(Swift.max(a, b), to: Swift.min(a, b))
                        parts -= 1
                    }
                }
                above += 1
            }
        }
        if parts <= 1 { return self }
        let roots = indices.map { sets.root(of: $0) }
        var areas = [Int](repeating: 0, count: count)
        for run in indices { areas[roots[run]] += self[run].pixels.count }
        let largest = areas.argmax!
        return indices.filter { roots[$0] == largest }.map { self[$0] }
    }
}

extension Nucleus.Measurements {
    /// Measures the shape of pixels.
    package init(_ runs: [Nucleus.Run], micronsPerPixel: (x: Double, y: Double)) {
        let sums = PixelSums(runs)
        let count = Double(sums.count)
        let squareMicrons = micronsPerPixel.x * micronsPerPixel.y
        area = Float(count * squareMicrons)
        let (meanX, meanY) = (sums.x / count, sums.y / count)
        (x, y) = (meanX + Double(runs[0].pixels.lowerBound), meanY + Double(runs[0].row))
        // Pixels are squares, whose variance along a side is 1/12.
        let xx = (sums.xx / count - meanX * meanX + 1 / 12) * micronsPerPixel.x * micronsPerPixel.x
        let yy = (sums.yy / count - meanY * meanY + 1 / 12) * micronsPerPixel.y * micronsPerPixel.y
        let xy = (sums.xy / count - meanX * meanY) * squareMicrons
        let root = (((xx - yy) / 2) * ((xx - yy) / 2) + xy * xy).squareRoot()
        let (long, short) = ((xx + yy) / 2 + root, (xx + yy) / 2 - root)
        eccentricity = Float(max(0, 1 - short / long).squareRoot())
        orientation = root > 0 ? Float(atan2(2 * xy, xx - yy) / 2 * 180 / .pi) : 0
        let microns = PixelPairs(runs).perimeter(micronsPerPixel)
        perimeter = Float(microns)
        circularity = Float(min(1, 4 * .pi * count * squareMicrons / (microns * microns)))
        solidity = Float(min(1, count / hullArea(runs)))
    }
}

/// Moments of pixels. Positions are relative to the first run, and those of centers are half a pixel from a corner.
private struct PixelSums {
    var count = 0
    var (x, y, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0, 0.0)

    init(_ runs: [Nucleus.Run]) {
        for run in runs {
            let n = Double(run.pixels.count)
            let middle = Double(run.pixels.lowerBound + run.pixels.upperBound) / 2 - Double(runs[0].pixels.lowerBound)
            let row = Double(run.row - runs[0].row) + 0.5
            count += run.pixels.count
            x += n * middle
            y += n * row
            xx += n * middle * middle + n * (n * n - 1) / 12
            yy += n * row * row
            xy += n * middle * row
        }
    }
}

/// Numbers of pairs of neighbors that are both among some pixels.
private struct PixelPairs {
    var count = 0
    var (right, below, belowLeft, belowRight) = (0, 0, 0, 0)

    init(_ runs: [Nucleus.Run]) {
        var upper = 0
        for run in runs {
            count += run.pixels.count
            right += run.pixels.count - 1
            while runs[upper].row < run.row - 1 { upper += 1 }
            var index = upper
            while runs[index].row < run.row {
                let above = runs[index].pixels
                func overlap(_ shift: Int) -> Int {
                    max(
                        0,
                        min(above.upperBound + shift, run.pixels.upperBound)
                            - max(above.lowerBound + shift, run.pixels.lowerBound))
                }
                below += overlap(0)
                belowLeft += overlap(-1)
                belowRight += overlap(1)
                index += 1
            }
        }
    }

    /// Crofton's formula in microns: lines in four directions cross the outline twice for each run of pixels along them.
    /// Directions count by the angles to their neighbors, and crossings by the distance between lines.
    func perimeter(_ micronsPerPixel: (x: Double, y: Double)) -> Double {
        let (width, height) = micronsPerPixel
        let angle = atan2(height, width)
        let diagonal = width * height / (width * width + height * height).squareRoot()
        let rows = Double(count - right) * height * angle
        let columns = Double(count - below) * width * (.pi / 2 - angle)
        let diagonals = Double(2 * count - belowLeft - belowRight) * diagonal * .pi / 4
        return rows + columns + diagonals
    }
}

/// Square pixels of the convex hull.
private func hullArea(_ runs: [Nucleus.Run]) -> Double {
    var hull = ConvexHull()
    var index = 0
    while index < runs.count {
        let row = runs[index].row
        let start = runs[index].pixels.lowerBound
        var end = runs[index].pixels.upperBound
        while index < runs.count, runs[index].row == row {
            end = runs[index].pixels.upperBound
            index += 1
        }
        hull.add(row: row, first: start, last: end)
        hull.add(row: row + 1, first: start, last: end)
    }
    return Double(hull.doubledArea) / 2
}
