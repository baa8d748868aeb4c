import Tensors

/// A quantity that varies smoothly over an image.
struct SmoothField: Sendable {
    var offset: Float
    var height: Float
    /// Pixels.
    var wavelength: Float
    let noise: GradientNoise

    /// The value at a place, in image pixels.
    func at(_ x: Float, _ y: Float) -> Float {
        height == 0 ? offset : offset + height * noise.octaves(3, x / wavelength, y / wavelength)
    }
}

/// Where an image has which kind of tissue. Distances are in image pixels.
struct TissueLayout: Sendable {
    let seed: UInt64
    /// Above 0 tissue, below 0 glass.
    var tissue: SmoothField
    /// Below 0 no nuclei, about 0.3 stroma with fibroblasts, from 0.6 packed epithelium.
    var cellularity: SmoothField
    /// Above 0 lymphocytes lie densely.
    var lymphoid: SmoothField
    /// Above 0 fat: thin walls around empty cells.
    var fat: SmoothField
    /// Above 0 red blood cells.
    var blood: SmoothField
    /// Above 0, and well inside epithelium, the open middle of a gland.
    var lumen: SmoothField
    /// Relative thickness of the section: multiplies both dyes.
    var thickness: SmoothField
    /// Amount of hematoxylin that lies diffusely over the tissue.
    var smear: SmoothField
    /// Part of the squares of 40 pixels that hold a vacuole.
    var vacuolePart: Float = 0
    /// Part of the squares of 128 pixels that hold a speck of dirt.
    var speckPart: Float = 0.03
    /// 0 dense tissue ... 1 torn by many gaps.
    var gaps: Float
    /// Mean direction of the fibers, in radians.
    var fiberAngle: Float
    /// Height of the fibers' texture.
    var fiberHeight: Float
    /// Blur beyond the slide's own, standard deviation in pixels.
    var haze: Float = 0
    /// No pixel in here belongs to a nucleus.
    var emptyWindow: PixelRect?
    /// Packed nuclei around here.
    var packedCenter: SIMD2<Float>?
    /// Nuclei at places of their own.
    var placedNuclei: [Nucleus] = []

    /// Even stroma without nuclei: where every kind of image starts.
    init(seed: UInt64, random: inout SplitMix64) {
        self.seed = seed
        func field(_ purpose: UInt64, _ offset: Float, _ height: Float, _ wavelength: Float) -> SmoothField {
            let noise = GradientNoise(seed: seed, purpose: purpose)
            return SmoothField(offset: offset, height: height, wavelength: wavelength, noise: noise)
        }
        tissue = field(1, 1, 0, 300)
        cellularity = field(2, -1, 0, 260)
        lymphoid = field(3, -1, 0, 220)
        fat = field(4, -1, 0, 300)
        blood = field(5, -1, 0, 110)
        thickness = field(6, random.between(0.8, 1.25), 0.25, 190)
        smear = field(7, random.between(0, 0.12), 0.08, 130)
        lumen = field(8, -1, 0, 130)
        gaps = random.unit() * random.unit()
        fiberAngle = random.between(0, .pi)
        fiberHeight = random.between(0.35, 1)
    }

    var hasBlood: Bool { blood.offset + blood.height > 0 }

    /// Distance to the edge of the tissue (positive inside) or of fat, roughly.
    func edgeDistance(_ field: SmoothField, _ x: Float, _ y: Float) -> Float {
        field.at(x, y) * field.wavelength * 0.4
    }

    func cellularity(_ x: Float, _ y: Float) -> Float {
        var value = cellularity.at(x, y)
        if packedCenter != nil { value = max(value, 0.4 + packedDistance(x, y) / 160) }
        if let window = emptyWindow {
            value = min(value, window.distance(x, y) / 90 - 0.2)
        }
        return value
    }

    /// Distance to the uneven edge of the packed place, in pixels; positive inside.
    private func packedDistance(_ x: Float, _ y: Float) -> Float {
        guard let center = packedCenter else { return -.infinity }
        let dx = x - center.x
        let dy = y - center.y
        return 125 + 75 * cellularity.noise.value(x / 110 + 60, y / 110) - (dx * dx + dy * dy).squareRoot()
    }

    /// Above 0 tissue; the surroundings of packed nuclei are always tissue.
    func tissueDistance(_ x: Float, _ y: Float) -> Float {
        let distance = max(edgeDistance(tissue, x, y), packedDistance(x, y))
        return min(distance, -lumenDepth(x, y))
    }

    /// Above 0 in the open middle of a gland, with a layer of epithelium all around.
    private func lumenDepth(_ x: Float, _ y: Float) -> Float {
        guard lumen.offset + lumen.height > 0 else { return -1000 }
        return min(2 * edgeDistance(lumen, x, y), (cellularity(x, y) - 0.62) * 150)
    }
}

extension PixelRect {
    func contains(_ px: Float, _ py: Float) -> Bool {
        px >= Float(x) && px < Float(x + width) && py >= Float(y) && py < Float(y + height)
    }

    /// Chebyshev distance of a place to the rectangle, in pixels; 0 inside.
    func distance(_ px: Float, _ py: Float) -> Float {
        let dx = max(Float(x) - px, px - Float(x + width), 0)
        let dy = max(Float(y) - py, py - Float(y + height), 0)
        return max(dx, dy)
    }
}
