/// The classes of tiles and windows. Raw values are the names in label files and model files.
package enum TileClass: String, CaseIterable, Codable, Sendable {
    case noNucleus = "NO_NUCLEUS"
    case nuclei = "NUCLEI"
}
