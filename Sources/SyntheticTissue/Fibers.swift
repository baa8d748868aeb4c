import Glibc
import Tensors

/// Bundles of collagen fibers: noise in wavy coordinates, with a long wavelength along the bundle and a short one across.
struct Fibers: Sendable {
    private let warp: GradientNoise
    private let strands: GradientNoise
    private let cosine: Float
    private let sine: Float
    private let scale: Float

    init(layout: TissueLayout, scale: Float) {
        warp = GradientNoise(seed: layout.seed, purpose: 30)
        strands = GradientNoise(seed: layout.seed, purpose: 31)
        cosine = cos(layout.fiberAngle)
        sine = sin(layout.fiberAngle)
        self.scale = 1 / scale
    }

    /// The coordinate across the bundles, in pixels of an average slide. Fibers follow its level lines.
    func across(_ x: Float, _ y: Float) -> Float {
        let bend =
            7 * warp.value(x / 45, y / 45 + 20) + 26 * warp.value(x / 150, y / 150) + 120
            * warp.value(x / 620 + 40, y / 620)
        return ((y * cosine - x * sine) + bend) * scale
    }

    /// The coordinate along the bundles, in pixels of an average slide.
    func along(_ x: Float, _ y: Float) -> Float {
        ((x * cosine + y * sine) + 20 * warp.value(x / 140 + 90, y / 140)) * scale
    }

    /// The direction of the fibers at a place, in radians from the x axis.
    func angle(_ x: Float, _ y: Float) -> Float {
        let step: Float = 4
        let slopeX = across(x + step, y) - across(x - step, y)
        let slopeY = across(x, y + step) - across(x, y - step)
        return atan2(-slopeX, slopeY)
    }

    /// The density of the strands (mean 0, about -1 ... 1) and of the gaps between bundles (0 ... 1).
    @inline(__always)
    func texture(along u: Float, across v: Float, gaps: Float) -> (strand: Float, gap: Float) {
        let bundle = strands.value(u / 85, v / 13)
        let strand = strands.value(u / 42 + 31, v / 5.2)
        let fibril = strands.value(u / 20 + 77, v / 2.6 + 5)
        let slit = bundle + 0.45 * strand
        let limit = 0.95 - 0.75 * gaps
        return (0.5 * bundle + 0.7 * strand + 0.45 * fibril, smoothStep(limit, limit + 0.22, slit))
    }
}
