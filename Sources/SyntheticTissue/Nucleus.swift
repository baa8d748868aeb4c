import Glibc
import Tensors

/// The distribution of the properties of the nuclei of a slide.
struct NucleusPopulation: Sendable {
    /// The mean radius of epithelial nuclei, in pixels. Lymphocytes are smaller, and fibroblasts thinner.
    let radius: Float
    /// The relative standard deviation of the radius.
    let spread: Float
    /// The share of epithelial nuclei that are pale inside, with a dark rim and nucleoli.
    let vesicularShare: Float
    /// The amount of hematoxylin in an average nucleus.
    let darkness: Float
    /// The relative amplitude of the chromatin texture.
    let coarseness: Float
    /// The mean ratio of the half-axes of epithelial nuclei.
    let elongation: Float
    /// The share of nuclei with a pale gap around them, where tissue shrank.
    let haloShare: Float

    init(_ random: inout SplitMix64, scale: Float) {
        radius = random.between(6.8, 9.2) * scale
        spread = random.between(0.07, 0.2)
        vesicularShare = random.chance(0.4) ? random.between(0.5, 0.9) : random.between(0, 0.25)
        darkness = random.between(0.95, 1.4)
        coarseness = random.between(0.25, 0.6)
        elongation = random.between(1.1, 1.5)
        haloShare = random.between(0, 0.25)
    }
}

/// One nucleus: its outline and the staining of its chromatin.
struct Nucleus: Sendable {
    enum CellType { case epithelial, lymphocyte, fibroblast }

    var blob: Blob
    let type: CellType
    let isVesicular: Bool
    /// The amount of hematoxylin.
    let darkness: Float
    let coarseness: Float
    let hasHalo: Bool
    /// The softness of the edge, in pixels. Nuclei above or below the focal plane are less sharp.
    let softness: Float
    let seed: UInt64
    /// Decides between two nuclei that overlap: the one with the higher priority stays.
    let priority: Float

    /// A random nucleus. `axis` is its approximate direction in radians; nil for any direction.
    init(
        _ type: CellType, x: Float, y: Float, axis: Float?, population: NucleusPopulation,
        random: inout SplitMix64
    ) {
        let spread = max(0.6, 1 + population.spread * random.approximateNormal())
        var ratio = mix(1, population.elongation, 2 * random.unit())
        var angle = random.between(0, .pi)
        if let axis { angle = axis + 0.15 * random.approximateNormal() }
        var radius = population.radius * spread
        var deformation: Float = 0.035
        switch type {
        case .epithelial:
            break
        case .lymphocyte:
            radius *= 0.68
            ratio = random.between(1, 1.2)
        case .fibroblast:
            radius *= random.between(0.62, 0.8)
            ratio = random.between(2.4, 5)
            deformation = 0.05
        }
        radius = max(4.6, min(14, radius))
        let stretch = ratio.squareRoot()
        blob = Blob(x: x, y: y, longHalf: radius * stretch, shortHalf: radius / stretch, angle: angle)
        blob.deform(deformation, &random)
        self.type = type
        isVesicular = type == .epithelial && random.chance(population.vesicularShare)
        let typical = type == .epithelial ? population.darkness : population.darkness * 1.25
        darkness = typical * random.between(0.78, 1.2)
        coarseness = population.coarseness * random.between(0.7, 1.3)
        hasHalo = type != .fibroblast && random.chance(population.haloShare)
        softness = random.chance(0.2) ? random.between(1.5, 2.6) : random.between(0.7, 1.3)
        seed = random.next()
        priority = random.unit()
    }

    /// The same nucleus with another area, in square pixels.
    func resized(toArea area: Float) -> Nucleus {
        var copy = self
        let factor = (area / (.pi * blob.longHalf * blob.shortHalf)).squareRoot()
        copy.blob.longHalf *= factor
        copy.blob.shortHalf *= factor
        return copy
    }

    /// Draws the nucleus over the canvas, and marks its pixels in the mask.
    func draw(on canvas: inout Canvas) {
        let chromatin = GradientNoise(seed: seed, purpose: 1)
        var random = SplitMix64(seed: seed, stream: 2)
        let nucleoli =
            isVesicular
            ? (0..<(random.chance(0.4) ? 2 : 1)).map { _ in
                SIMD2(random.between(-0.4, 0.4), random.between(-0.4, 0.4)) * blob.shortHalf
            } : []
        // Clumps scale with the nucleus, but stay large enough for the optics to resolve.
        let clump = 1 / max(2.6, blob.shortHalf * 0.42)
        let left = Float(canvas.rect.x)
        let top = Float(canvas.rect.y)
        let width = canvas.rect.width
        let margin: Float = hasHalo ? 4 : softness
        canvas.paint(blob, margin: margin) { canvas, index, depth in
            let x = left + Float(index % width) - blob.x
            let y = top + Float(index / width) - blob.y
            if hasHalo && depth < 0 && canvas.truth[index] == 0 {
                // The gap is wider on one side than on the other.
                let tear = smoothStep(-0.3, 0.5, chromatin.value(x / (1.5 * blob.radius), y / (1.5 * blob.radius)))
                let gap = 0.6 * tear * smoothStep(-3.5, -1.2, depth)
                canvas.hematoxylin.values[index] *= 1 - gap
                canvas.eosin.values[index] *= 1 - gap
            }
            let cover = smoothStep(-softness, softness, depth)
            guard cover > 0 else { return }
            let texture =
                chromatin.value(x * clump, y * clump) + 0.5 * chromatin.value(x * clump * 2.1 + 9, y * clump * 2.1)
            let rim = exp(-(depth - 0.8) * (depth - 0.8) / 1.7)
            var amount: Float
            if isVesicular {
                amount = 0.5 + 0.42 * rim + coarseness * 0.9 * texture
                for nucleolus in nucleoli {
                    let dx = x - nucleolus.x
                    let dy = y - nucleolus.y
                    amount += 0.7 * exp(-(dx * dx + dy * dy) / 2.6)
                }
            } else {
                amount = 0.9 + 0.18 * rim + coarseness * texture
            }
            amount = max(0.25, amount) * darkness
            let under = canvas.hematoxylin.values[index]
            canvas.hematoxylin.values[index] = mix(under, max(under, amount), cover)
            canvas.eosin.values[index] *= 1 - 0.5 * cover
            if depth > 0 { canvas.truth[index] = 255 }
        }
    }
}
