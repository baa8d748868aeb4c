/// How probabilities of pixels become nuclei.
package struct NucleusSettings: Codable, Equatable, Sendable {
    /// A pixel is of a nucleus where interior and boundary together are at least this probable.
    package var foreground: Float = 0.5
    /// A pixel is of a seed where its probability of interior, less `boundaryWeight` times that of boundary, is at least
    /// this. Seeds are connected by edges. Each grows to one nucleus.
    package var seed: Float = 0.5
    package var boundaryWeight: Float = 0
    /// Area from which a seed counts, in square microns.
    package var smallestSeed = 1.5
    /// Microns that a seed grows at most.
    package var reach = 6.0
    /// Area from which connected pixels without a seed are a nucleus, in square microns; nil for none.
    package var smallestUnseeded: Double?
    /// Limits of the area of a nucleus, in square microns. Larger objects are keratin or ink.
    package var smallest = 8.0
    package var largest = 300.0

    package init() {}
}
