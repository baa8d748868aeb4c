import Glibc
import Imaging
import Tensors

/// An ellipse with an outline deformed by low harmonics: the shape of nuclei, vacuoles and red blood cells.
struct Blob: Sendable {
    /// The center, in image pixels.
    var x: Float
    var y: Float
    /// The half-axes, in pixels.
    var longHalf: Float
    var shortHalf: Float
    /// The direction of the long axis, in radians from the x axis.
    var angle: Float
    /// The relative amplitudes of the second to fourth harmonic of the outline: pairs of cosine and sine.
    var harmonics: SIMD8<Float> = .zero

    /// The radius of a circle of equal area.
    var radius: Float { (longHalf * shortHalf).squareRoot() }

    /// An upper bound of the distance of the outline from the center, in pixels.
    var reach: Float {
        let deviation = harmonics.replacing(with: -harmonics, where: harmonics .< 0).sum()
        return max(longHalf, shortHalf) * (1 + deviation) + 1
    }

    /// Deforms the outline at random, with relative amplitudes of about `amount`.
    mutating func deform(_ amount: Float, _ random: inout SplitMix64) {
        for index in 0..<6 {
            // Higher harmonics are weaker, so that outlines stay smooth.
            harmonics[index] = random.approximateNormal() * amount / Float(1 + index / 2)
        }
    }

    /// Calls `body` for every pixel inside the outline or up to `margin` pixels outside it. `index` counts row by row in
    /// `rect`. `depth` is the distance from the outline in pixels, negative outside, and exact near the ends of the
    /// short axis.
    @inline(__always)
    func forEachPixel(in rect: PixelRegion, margin: Float, _ body: (_ index: Int, _ depth: Float) -> Void) {
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

    /// The radius of the outline in the direction of (along, across), in units of the half-axes.
    ///
    /// Computes cos(k phi) and sin(k phi) as powers of the unit direction, without trigonometry for each pixel.
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

/// A jittered grid over the plane: one random place in each square, with its own random stream.
///
/// A place depends only on the seed and its square, so that neighboring blocks get the same places.
struct JitteredGrid: Sendable {
    let seed: UInt64
    /// The side of a square, in pixels.
    let spacing: Float
    /// The range of places in their squares: 0 for the center only, 1 for the whole square.
    var jitter: Float = 0.8

    struct Place {
        let x: Float
        let y: Float
        var random: SplitMix64
    }

    /// The places in the squares that touch `rect`, in row order.
    func places(in rect: PixelRegion) -> [Place] {
        func squares(_ origin: Int, _ count: Int) -> ClosedRange<Int> {
            Int((Float(origin) / spacing).rounded(.down))...Int((Float(origin + count) / spacing).rounded(.down))
        }
        var places: [Place] = []
        for row in squares(rect.y, rect.height) {
            for column in squares(rect.x, rect.width) {
                var random = SplitMix64(
                    seed: seed, stream: UInt64(bitPattern: Int64(column)), UInt64(bitPattern: Int64(row)))
                let x = (Float(column) + 0.5 + jitter * (random.unit() - 0.5)) * spacing
                let y = (Float(row) + 0.5 + jitter * (random.unit() - 0.5)) * spacing
                places.append(Place(x: x, y: y, random: random))
            }
        }
        return places
    }
}
