import Foundation
import Foundations
import Imaging
import Masking
import TestSupport

/// An ellipse in pixels at the resolution of the model.
struct Ellipse {
    var x: Double
    var y: Double
    var a: Double
    var b: Double
    /// Of the first axis to the x axis, in radians.
    var angle = 0.0

    var area: Double { .pi * a * b }

    /// About the distance of a point to the outline; positive inside.
    func distance(_ px: Double, _ py: Double) -> Double {
        let (dx, dy) = (px - x, py - y)
        let u = dx * cos(angle) + dy * sin(angle)
        let v = dy * cos(angle) - dx * sin(angle)
        return (1 - (u * u / (a * a) + v * v / (b * b)).squareRoot()) * min(a, b)
    }
}

/// The probabilities and colors of an image at the resolution of the model.
struct SampleImage {
    let width: Int
    let height: Int
    var interior: [Float]
    var boundary: [Float]
    var pixels: [UInt8]
    /// The color of dense hematoxylin.
    static let stained: [UInt8] = [130, 110, 180]

    init(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
        interior = [Float](repeating: 0, count: width * height)
        boundary = interior
        pixels = (0..<width * height).flatMap { _ in Self.stained }
    }

    /// Probabilities of ellipses, with a boundary two pixels wide where they end or meet.
    init(width: Int, height: Int, _ ellipses: [Ellipse]) {
        self.init(width: width, height: height)
        func sigmoid(_ value: Double) -> Double { 1 / (1 + exp(-value)) }
        for y in 0..<height {
            for x in 0..<width {
                let near = ellipses.filter { hypot($0.x - Double(x) - 0.5, $0.y - Double(y) - 0.5) < $0.a + $0.b + 8 }
                let distances = near.map { $0.distance(Double(x) + 0.5, Double(y) + 0.5) }.sorted(by: >)
                guard let first = distances.first, first > -8 else { continue }
                let foreground = sigmoid(first / 0.6)
                let gap = distances.count > 1 ? first - distances[1] : .infinity
                let inside = foreground * sigmoid((min(first, gap) - 1.5) / 0.3)
                interior[y * width + x] = Float(inside)
                boundary[y * width + x] = Float(foreground - inside)
            }
        }
    }

    private static func mirrored(_ index: Int, _ count: Int) -> Int {
        if count == 1 { return 0 }
        let place = ((index % (2 * count - 2)) + 2 * count - 2) % (2 * count - 2)
        return place < count ? place : 2 * count - 2 - place
    }

    /// Calls `body` with a region of the image, mirrored beyond it.
    func withField<Result>(_ region: PixelRegion, _ body: (NucleusField) throws -> Result) rethrows -> Result {
        var part = SampleImage(width: region.width, height: region.height)
        for y in 0..<region.height {
            for x in 0..<region.width {
                let from = Self.mirrored(region.y + y, height) * width + Self.mirrored(region.x + x, width)
                let to = y * region.width + x
                (part.interior[to], part.boundary[to]) = (interior[from], boundary[from])
                for channel in 0..<3 { part.pixels[3 * to + channel] = pixels[3 * from + channel] }
            }
        }
        let nucleus = zip(part.interior, part.boundary).map { $0 + $1 }
        return try part.interior.withUnsafeBufferPointer { interior in
            try nucleus.withUnsafeBufferPointer { nucleus in
                try part.pixels.withUnsafeBytes {
                    try body(NucleusField(region, interior: interior, nucleus: nucleus, pixels: $0))
                }
            }
        }
    }

    /// The nuclei of each block of a grid of cores, at `scale` pixels of the full resolution per pixel.
    func blocks(
        core: Int = NucleusGrid.core, margin: Int = 40, scale: Double = 1, settings: NucleusSettings = .halves,
        tissue: TissueMap? = nil, excluding: [PixelRegion] = []
    ) -> (grid: NucleusGrid, nuclei: [[Nucleus]]) {
        let image = (width: Int((Double(width) * scale).rounded()), height: Int((Double(height) * scale).rounded()))
        let grid = NucleusGrid(image: image, laid: (width, height), core: core, margin: margin)
        let extractor = NucleusExtractor(
            settings, grid, micronsPerPixel: (0.5 / scale, 0.5 / scale), tissue: tissue)
        let nuclei = (0..<grid.count).map { block in
            withField(grid.region(of: block)) { extractor.nuclei(of: block, in: $0, excluding: excluding).nuclei }
        }
        return (grid, nuclei)
    }

    /// Ellipses of the size of nuclei at random places; many touch.
    static func random(seed: UInt64, count: Int, width: Int, height: Int) -> [Ellipse] {
        let values = Formula.values(seed: seed, count: 5 * count, scale: 0.5).map { Double($0) + 0.5 }
        var ellipses = [Ellipse]()
        for index in 0..<count {
            let v = values[5 * index..<5 * index + 5].map { $0 }
            let item = Ellipse(
                x: v[0] * Double(width), y: v[1] * Double(height), a: 5 + 6 * v[2], b: 4 + 3 * v[3], angle: 3 * v[4])
            // Nuclei may touch, but do not cover each other.
            if ellipses.allSatisfy({ hypot($0.x - item.x, $0.y - item.y) > max($0.b, item.b) + 4 }) {
                ellipses.append(item)
            }
        }
        return ellipses
    }
}

extension NucleusSettings {
    /// Thresholds of one half, at which the ellipses have their sizes.
    static var halves: Self {
        var settings = Self()
        (settings.foreground, settings.seedLevels, settings.largest) = (0.5, [0.5], 300)
        return settings
    }
}

extension [[Nucleus]] {
    /// In the order of their first pixels.
    var sorted: [Nucleus] {
        joined().sorted {
            ($0.runs[0].row, $0.runs[0].pixels.lowerBound) < ($1.runs[0].row, $1.runs[0].pixels.lowerBound)
        }
    }
}

extension Nucleus {
    /// Its pixels as row times width plus column.
    func places(width: Int) -> [Int] { runs.flatMap { run in run.pixels.map { run.row * width + $0 } } }
}
