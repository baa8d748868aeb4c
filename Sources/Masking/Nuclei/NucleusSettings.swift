import Foundations

/// How probabilities of pixels become nuclei.
package struct NucleusSettings: Codable, Equatable, Sendable {
    /// A pixel is of a nucleus where interior and boundary together are at least this probable.
    package var foreground: Float = 0.5
    /// The weight of the density of hematoxylin against the network's probability, see `StainContrast`; 0 for none.
    package var stainWeight: Float = 3
    /// Probabilities of interior at which touching nuclei are told apart. A nucleus has a part above the lowest: without
    /// it, dense stain alone would count as a nucleus.
    package var seedLevels: [Float] = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9]
    /// Area from which a part counts as a nucleus of its own, in square microns.
    package var smallestSeed = 2.5
    /// Microns that a seed grows at most.
    package var reach = 12.0
    /// Which touching parts are one nucleus; nil for none, as in records of earlier versions.
    package var joining: Joining? = Joining()
    /// Limits of the area of a nucleus, in square microns. Larger objects are keratin or ink.
    package var smallest = 8.0
    package var largest = 600.0
    /// Least mean density of hematoxylin of a nucleus; nil for any, as in records of earlier versions.
    package var leastHematoxylin: Float? = StainDensity.leastInNuclei

    /// Whether probabilities are means over the pixels of a block and their mirror images, for four times the work.
    package var averagesFlips = false

    /// Limits for touching parts of a nucleus.
    package struct Joining: Codable, Equatable, Sendable {
        /// Least share of their convex hull that both cover together.
        package var solidity = 0.95
        /// Least length of their border, as a share of the diameter of a disc with the area of the smaller one.
        package var contact = 0.5
        /// Largest area of both, in square microns.
        package var largest = 250.0

        package init() {}
    }

    package init() {}
}
