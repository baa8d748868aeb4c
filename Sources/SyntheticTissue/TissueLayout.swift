import Imaging
import Tensors

/// A quantity that varies smoothly over an image.
struct SmoothField: Sendable {
    var offset: Float
    /// The amplitude of the variation.
    var height: Float
    /// The wavelength, in pixels.
    var wavelength: Float
    let noise: GradientNoise

    /// The value at a position in image pixels.
    func at(_ x: Float, _ y: Float) -> Float {
        height == 0 ? offset : offset + height * noise.octaves(3, x / wavelength, y / wavelength)
    }
}

/// The kinds of tissue in an image, by position. Distances are in image pixels.
struct TissueLayout: Sendable {
    let seed: UInt64
    /// Tissue where positive, else glass.
    var tissue: SmoothField
    /// The density of cells: below 0 no nuclei, about 0.3 stroma with fibroblasts, from 0.6 dense epithelium.
    var cellularity: SmoothField
    /// Dense lymphocytes where positive.
    var lymphoid: SmoothField
    /// Fat where positive: thin walls around empty cells.
    var fat: SmoothField
    /// Red blood cells where positive.
    var blood: SmoothField
    /// The lumen of a gland where positive and well inside epithelium.
    var lumen: SmoothField
    /// The relative thickness of the section, a factor of both stains.
    var thickness: SmoothField
    /// The amount of diffuse hematoxylin over the tissue.
    var smear: SmoothField
    /// The share of squares of 40 pixels with a vacuole.
    var vacuoleShare: Float = 0
    /// The share of squares of 128 pixels with a speck of dirt.
    var speckShare: Float = 0.03
    /// The amount of gaps between fibers: 0 for dense tissue, 1 for torn tissue.
    var gaps: Float
    /// The mean direction of the fibers, in radians.
    var fiberAngle: Float
    /// The amplitude of the texture of the fibers.
    var fiberHeight: Float
    /// The standard deviation of an additional blur, in pixels.
    var haze: Float = 0
    /// An area without nuclei.
    var emptyWindow: PixelRegion?
    /// The center of an area of dense nuclei.
    var packedCenter: SIMD2<Float>?
    /// Nuclei at fixed places.
    var placedNuclei: [Nucleus] = []

    /// Uniform stroma without nuclei, the basis of every kind of image.
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

    /// The approximate distance to the zero line of a field, positive inside.
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

    /// The distance to the irregular edge of the area of dense nuclei, in pixels, positive inside.
    private func packedDistance(_ x: Float, _ y: Float) -> Float {
        guard let center = packedCenter else { return -.infinity }
        let dx = x - center.x
        let dy = y - center.y
        return 125 + 75 * cellularity.noise.value(x / 110 + 60, y / 110) - (dx * dx + dy * dy).squareRoot()
    }

    /// The distance to the edge of the tissue, positive inside. The area of dense nuclei is always tissue.
    func tissueDistance(_ x: Float, _ y: Float) -> Float {
        let distance = max(edgeDistance(tissue, x, y), packedDistance(x, y))
        return min(distance, -lumenDepth(x, y))
    }

    /// Positive in the lumen of a gland, which a layer of epithelium surrounds.
    private func lumenDepth(_ x: Float, _ y: Float) -> Float {
        guard lumen.offset + lumen.height > 0 else { return -1000 }
        return min(2 * edgeDistance(lumen, x, y), (cellularity(x, y) - 0.62) * 150)
    }
}
