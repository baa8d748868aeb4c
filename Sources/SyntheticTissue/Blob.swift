import Foundation
import Tensors

/// An ellipse whose outline is deformed by low harmonics: the shape of nuclei, vacuoles and red cells.
struct Blob: Sendable {
    /// Center, in image pixels.
    var x: Float
    var y: Float
    /// Half-axes, in pixels.
    var longHalf: Float
    var shortHalf: Float
    /// Direction of the long axis, in radians from the x axis.
    var angle: Float
    /// Relative heights of the second to fourth harmonic of the outline: cosine and sine parts.
    var harmonics: SIMD8<Float> = .zero

    /// Round outline of equal area.
    var radius: Float { (longHalf * shortHalf).squareRoot() }

    /// No pixel of the blob is further than this from the center, in pixels.
    var reach: Float {
        let deviation = harmonics.replacing(with: -harmonics, where: harmonics .< 0).sum()
        return max(longHalf, shortHalf) * (1 + deviation) + 1
    }

    mutating func deform(_ amount: Float, _ random: inout SplitMix64) {
        for index in 0..<6 {
            // Higher harmonics are weaker: outlines stay smooth.
            harmonics[index] = random.bell() * amount / Float(1 + index / 2)
        }
    }

    /// Calls `body` with the index (row by row in `rect`) of every pixel up to `margin` pixels outside the outline and
    /// its depth below the outline, in pixels (negative outside; exact near the ends of the short axis).
    @inline(__always)
    func forEachPixel(in rect: PixelRect, margin: Float, _ body: (_ index: Int, _ depth: Float) -> Void) {
        let cosine = cos(angle)
        let sine = sin(angle)
        let far = reach + margin * longHalf / shortHalf
        let (rows, columns) = rect.overlap(x: x, y: y, radius: far)
        for row in rows {
            let dy = Float(row + rect.y) - y
            for column in columns {
                let dx = Float(column + rect.x) - x
                let along = (dx * cosine + dy * sine) / longHalf
                let across = (dy * cosine - dx * sine) / shortHalf
                let square = along * along + across * across
                let depth = (1 - square.squareRoot() / outline(along, across, square)) * shortHalf
                if depth > -margin { body(row * rect.width + column, depth) }
            }
        }
    }

    /// Radius of the outline in the direction of (along, across), in units of the half-axes.
    ///
    /// cos(k phi) and sin(k phi) are powers of the unit direction: no trigonometry for each pixel.
    @inline(__always)
    private func outline(_ along: Float, _ across: Float, _ square: Float) -> Float {
        guard square > 1e-6 else { return 1 }
        let scale = 1 / square.squareRoot()
        let c1 = along * scale
        let s1 = across * scale
        let c2 = c1 * c1 - s1 * s1
        let s2 = 2 * c1 * s1
        let c3 = c2 * c1 - s2 * s1
        let s3 = s2 * c1 + c2 * s1
        let c4 = c2 * c2 - s2 * s2
        let s4 = 2 * c2 * s2
        let second = harmonics[0] * c2 + harmonics[1] * s2
        let third = harmonics[2] * c3 + harmonics[3] * s3
        let fourth = harmonics[4] * c4 + harmonics[5] * s4
        return max(0.5, 1 + second + third + fourth)
    }
}

/// One random place in each square of a grid over the plane, with a stream of random numbers of its own.
///
/// A place depends on the seed and its square only, so that neighboring blocks see the same places.
struct Scatter: Sendable {
    let seed: UInt64
    /// Side of a square, in pixels.
    let spacing: Float
    /// How far places stray in their squares: 0 on a grid, 1 anywhere.
    var stray: Float = 0.8

    struct Place {
        let x: Float
        let y: Float
        var random: SplitMix64
    }

    /// The places in the squares that touch `rect`, in row order.
    func places(in rect: PixelRect) -> [Place] {
        func squares(_ origin: Int, _ count: Int) -> ClosedRange<Int> {
            Int((Float(origin) / spacing).rounded(.down))...Int((Float(origin + count) / spacing).rounded(.down))
        }
        var places: [Place] = []
        for row in squares(rect.y, rect.height) {
            for column in squares(rect.x, rect.width) {
                var random = SplitMix64(
                    seed: seed, stream: UInt64(bitPattern: Int64(column)), UInt64(bitPattern: Int64(row)))
                let x = (Float(column) + 0.5 + stray * (random.unit() - 0.5)) * spacing
                let y = (Float(row) + 0.5 + stray * (random.unit() - 0.5)) * spacing
                places.append(Place(x: x, y: y, random: random))
            }
        }
        return places
    }
}
