/// Published optical densities of stains in red, green and blue, as unit vectors to three decimals or more.
package enum StainVectors {
    /// Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution", Analytical and
    /// Quantitative Cytology and Histology 23, 2001.
    package static let ruifrok = (
        hematoxylin: SIMD3(0.650, 0.704, 0.286), eosin: SIMD3(0.072, 0.990, 0.105), dab: SIMD3(0.268, 0.570, 0.776)
    )

    /// The widely used reference matrix of Macenko et al., "A method for normalizing histology slides for quantitative
    /// analysis", ISBI 2009.
    package static let macenko = (hematoxylin: SIMD3(0.5626, 0.7201, 0.4062), eosin: SIMD3(0.2159, 0.8012, 0.5581))
}
