/// The two classes of tiles and windows, as label files and model files name them.
package enum TileClass: String, CaseIterable, Codable, Sendable {
    case noNucleus = "NO_NUCLEUS"
    case nuclei = "NUCLEI"
}
