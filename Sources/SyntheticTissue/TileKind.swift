import Tensors

/// The content of a synthetic tile.
package enum TileKind: String, CaseIterable, Sendable {
    /// At least one whole nucleus, and at least 1 % of the pixels in nuclei.
    case nuclei
    /// Connective tissue only. Some tiles are dark, smeared with hematoxylin, or out of focus.
    case stroma
    /// Clear glass, sometimes with dust.
    case glass
    /// Fat, or tissue with round empty holes.
    case vacuoles
    /// A mixture without nuclei: edges of tissue, red blood cells, torn tissue.
    case mixedEmpty

    package var hasNuclei: Bool { self == .nuclei }
}

extension TissueLayout {
    /// The layout of a tile of `size` pixels a side.
    init(tile kind: TileKind, size: Int, seed: UInt64, appearance: SlideAppearance) {
        var random = SplitMix64(seed: seed, stream: 60)
        self.init(seed: seed, random: &random)
        switch kind {
        case .nuclei: addNuclei(size: Float(size), appearance: appearance, &random)
        case .stroma: varyStroma(&random)
        case .glass:
            tissue.offset = -1
            speckShare = random.chance(0.3) ? 0.6 : 0.05
        case .vacuoles:
            if random.chance(0.5) {
                fat.offset = random.chance(0.6) ? 1 : 0.2
                fat.height = 0.6
            } else {
                vacuoleShare = random.between(0.25, 0.85)
                fiberHeight *= 0.6
            }
        case .mixedEmpty: mixEmpty(&random)
        }
    }

    private mutating func addNuclei(size: Float, appearance: SlideAppearance, _ random: inout SplitMix64) {
        let choice = random.unit()
        if choice < 0.12 {
            // A single, often faint nucleus. A classifier that counts blue pixels fails on such tiles.
            if random.chance(0.3) { fat.offset = 0.05; fat.height = 0.5 }
            placeNucleus(area: size * size * random.between(0.012, 0.018), size: size, appearance: appearance, &random)
        } else if choice < 0.36 {
            cellularity.offset = random.between(0.22, 0.34)
            cellularity.height = 0.1
        } else if choice < 0.62 {
            cellularity.offset = random.between(0.75, 1)
            cellularity.height = 0.25
            if random.chance(0.25) { vacuoleShare = random.between(0.05, 0.3) }
            if random.chance(0.5) { openGlands(&random) }
        } else if choice < 0.87 {
            cellularity.offset = random.between(0.3, 0.5)
            cellularity.height = 0.8
            cellularity.wavelength = random.between(130, 240)
            if random.chance(0.4) { openGlands(&random) }
            if random.chance(0.3) { tissue.offset = 0.3; tissue.height = 0.8 }
            if random.chance(0.2) { blood.offset = -0.25; blood.height = 0.7 }
        } else {
            cellularity.offset = 0.25
            lymphoid.offset = random.between(0, 0.4)
            lymphoid.height = 0.7
        }
        if random.chance(0.06) { haze = random.between(1.2, 2.2) }
    }

    /// Adds glands with an open lumen.
    mutating func openGlands(_ random: inout SplitMix64) {
        lumen.offset = random.between(-0.25, 0)
        lumen.height = 0.8
        lumen.wavelength = random.between(90, 170)
    }

    private mutating func varyStroma(_ random: inout SplitMix64) {
        let choice = random.unit()
        if choice < 0.14 {
            thickness.offset = random.between(1.4, 1.9)
            gaps *= 0.4
        } else if choice < 0.28 {
            smear.offset = random.between(0.2, 0.45)
            smear.height = 0.18
            smear.wavelength = random.between(50, 140)
        } else if choice < 0.42 {
            haze = random.between(2, 5)
        } else if choice < 0.56 {
            // Muscle and colloid are nearly uniform.
            fiberHeight = 0.12
            gaps = 0
            thickness.offset = random.between(1, 1.5)
        }
    }

    private mutating func mixEmpty(_ random: inout SplitMix64) {
        let choice = random.unit()
        if choice < 0.45 {
            tissue.offset = random.between(-0.15, 0.25)
            tissue.height = 0.9
            tissue.wavelength = random.between(160, 320)
        }
        if choice > 0.3 && choice < 0.75 {
            blood.offset = random.between(-0.3, 0.05)
            blood.height = 0.7
        }
        if choice > 0.65 {
            gaps = random.between(0.7, 1)
            vacuoleShare = random.between(0, 0.4)
        }
        if choice > 0.85 {
            fat.offset = 0
            fat.height = 0.8
        }
        if random.chance(0.1) { haze = random.between(1.5, 4) }
    }

    /// Adds one nucleus of `area` square pixels, entirely inside a square image of `size` pixels.
    mutating func placeNucleus(area: Float, size: Float, appearance: SlideAppearance, _ random: inout SplitMix64) {
        let types: [Nucleus.CellType] = [.epithelial, .lymphocyte, .fibroblast]
        let type = types[min(2, Int(random.unit() * 3))]
        let x = random.between(0.25, 0.75) * size
        let y = random.between(0.25, 0.75) * size
        let angle = Fibers(layout: self, scale: appearance.scale).angle(x, y)
        let nucleus = Nucleus(
            type, x: x, y: y, axis: angle, population: appearance.population, random: &random)
        placedNuclei.append(nucleus.resized(toArea: area))
    }
}
