import Foundations
import Imaging
import Tensors

/// An optical density for red, green and blue.
package typealias OpticalDensity = SIMD3<Float>

/// The optical densities of one unit of hematoxylin, of eosin and of a dark pigment on a slide.
///
/// Transmitted light is exp(-density), and the densities at one place add up (Beer-Lambert). Source: Ruifrok and
/// Johnston, "Quantification of histochemical staining by color deconvolution", Analytical and Quantitative Cytology and
/// Histology 23, 2001.
package struct Stains: Sendable {
    /// Unit vectors.
    package let hematoxylin: OpticalDensity
    package let eosin: OpticalDensity
    package let pigment = OpticalDensity(0.50, 0.58, 0.64)

    /// Random stains of one laboratory and scanner: between the two published pairs with some variation, and also beyond
    /// the second pair for orange eosin.
    init(_ random: inout SplitMix64) {
        func vary(_ from: OpticalDensity, _ to: OpticalDensity, _ part: Float, _ random: inout SplitMix64)
            -> OpticalDensity
        {
            var density = from + (to - from) * part
            for channel in 0..<3 { density[channel] = max(0.02, density[channel] + random.between(-0.035, 0.035)) }
            return density / (density * density).sum().squareRoot()
        }
        let (ruifrok, macenko) = (StainVectors.ruifrok, StainVectors.macenko)
        hematoxylin = vary(
            OpticalDensity(ruifrok.hematoxylin), OpticalDensity(macenko.hematoxylin), random.between(0.1, 1), &random)
        eosin = vary(
            OpticalDensity(ruifrok.eosin), OpticalDensity(macenko.eosin), random.between(0.55, 1.4), &random)
    }

    /// The optical density of the given amounts.
    @inline(__always)
    package func density(hematoxylin h: Float, eosin e: Float, pigment p: Float) -> OpticalDensity {
        hematoxylin * h + eosin * e + pigment * p
    }
}

/// The properties that all images of a slide share: stains, light, sharpness, and the distribution of its nuclei.
package struct SlideAppearance: Sendable {
    package let stains: Stains
    /// Factors of the amounts of stain, about 1.
    let hematoxylinStrength: Float
    let eosinStrength: Float
    /// The light through clear glass for red, green and blue, as a share of full scale.
    let illumination: SIMD3<Float>
    /// The standard deviation of the optical blur, in pixels.
    let blur: Float
    /// The standard deviation of the sensor noise, in gray levels.
    let sensorNoise: Float
    /// The size of fibers and cells, relative to an average slide.
    let scale: Float
    /// The amplitude of the fine texture of the tissue.
    let grain: Float
    let population: NucleusPopulation

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        stains = Stains(&random)
        hematoxylinStrength = random.between(0.8, 1.3)
        eosinStrength = random.between(0.75, 1.45)
        // Most scanners balance white. Simple microscope cameras show glass gray and tinted.
        let balanced = random.chance(0.7)
        let level = balanced ? random.between(0.89, 0.97) : random.between(0.66, 0.82)
        let tint: Float = balanced ? 0.012 : 0.035
        illumination = SIMD3(
            level + random.between(-tint, tint), level + random.between(-tint, tint),
            level + random.between(-tint, tint))
        blur = random.between(0.55, balanced ? 1.1 : 1.7)
        sensorNoise = balanced ? random.between(0.8, 2) : random.between(2, 4.5)
        scale = random.between(0.85, 1.3)
        grain = random.between(0.5, 1.3)
        population = NucleusPopulation(&random, scale: scale)
    }
}
