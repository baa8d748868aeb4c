import Foundation
import Tensors

/// Optical density of one unit of a dye, for red, green and blue.
package typealias OpticalDensity = SIMD3<Float>

/// The two dyes of H&E and a dark pigment, as a slide shows them.
///
/// Beer-Lambert: light falls off as exp(-OD), and the densities of dyes at one place add up
/// (Ruifrok & Johnston, "Quantification of histochemical staining by color deconvolution",
/// Anal. Quant. Cytol. Histol. 23, 2001).
package struct Stains: Sendable {
    /// Unit vectors of Ruifrok & Johnston 2001, and those of Macenko et al., "A method for normalizing histology
    /// slides for quantitative analysis", ISBI 2009, in the reference matrix that its users share.
    static let ruifrok = (hematoxylin: OpticalDensity(0.650, 0.704, 0.286), eosin: OpticalDensity(0.072, 0.990, 0.105))
    static let macenko = (
        hematoxylin: OpticalDensity(0.5626, 0.7201, 0.4062), eosin: OpticalDensity(0.2159, 0.8012, 0.5581)
    )

    /// Unit vectors.
    package let hematoxylin: OpticalDensity
    package let eosin: OpticalDensity
    package let pigment = OpticalDensity(0.50, 0.58, 0.64)

    /// Laboratories and scanners differ: a point between the two published pairs, a little to any side and,
    /// for orange eosins, somewhat beyond the second.
    init(_ random: inout SplitMix64) {
        func vary(_ from: OpticalDensity, _ to: OpticalDensity, _ part: Float, _ random: inout SplitMix64)
            -> OpticalDensity
        {
            var density = from + (to - from) * part
            for channel in 0..<3 { density[channel] = max(0.02, density[channel] + random.between(-0.035, 0.035)) }
            return density / (density * density).sum().squareRoot()
        }
        hematoxylin = vary(
            Stains.ruifrok.hematoxylin, Stains.macenko.hematoxylin, random.between(0.1, 1), &random)
        eosin = vary(Stains.ruifrok.eosin, Stains.macenko.eosin, random.between(0.55, 1.4), &random)
    }

    /// Optical density for the given amounts of the dyes.
    @inline(__always)
    package func density(hematoxylin h: Float, eosin e: Float, pigment p: Float) -> OpticalDensity {
        hematoxylin * h + eosin * e + pigment * p
    }
}

/// What the images of one slide share: dyes, light, sharpness, and the looks of its cells.
package struct SlideAppearance: Sendable {
    package let stains: Stains
    /// Amounts of dye, about 1.
    let hematoxylinStrength: Float
    let eosinStrength: Float
    /// Light that passes clear glass, for red, green and blue, as a part of full scale.
    let illumination: SIMD3<Float>
    /// Standard deviation of the optics' blur, in pixels.
    let blur: Float
    /// Standard deviation of the sensor's noise, in gray levels.
    let sensorNoise: Float
    /// Size of fibers and cells relative to the average slide.
    let scale: Float
    /// Height of the fine grain of the tissue.
    let grain: Float
    let population: NucleusPopulation

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        stains = Stains(&random)
        hematoxylinStrength = random.between(0.8, 1.3)
        eosinStrength = random.between(0.75, 1.45)
        // Most scanners balance white; plain microscope cameras leave glass gray and tinted.
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
