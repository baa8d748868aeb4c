import Foundations

/// The class of a labeled tile. Its raw value is the index of the class among a model's outputs.
package enum TileLabel: Int, Codable, CaseIterable, Sendable {
    case noNucleus = 0
    case nuclei = 1

    private var tileClass: TileClass { self == .nuclei ? .nuclei : .noNucleus }

    /// The name in label files and model files: "NUCLEI" or "NO_NUCLEUS".
    package var name: String { tileClass.rawValue }

    /// The names of all labels, in the order of a model's outputs.
    package static let names = allCases.map(\.name)

    /// The label with a name; nil for unknown names.
    init?(name: String) {
        guard let label = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = label
    }
}
