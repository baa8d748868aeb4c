import Datasets
import Foundations

/// The report on a data set before training.
package struct ExplorationReport {
    let exploration: Exploration
    let set: TileSet
    let scratch: FilePath

    /// `set` is the data set that was explored. Pictures are encoded in the folder `scratch`.
    package init(_ exploration: Exploration, _ set: TileSet, scratch: FilePath) {
        self.scratch = scratch
        self.exploration = exploration
        self.set = set
    }

    static let unlabeled = "unlabeled"
    /// Names of the classes as the page lists them, nuclei first, with a name for unlabeled tiles.
    static let classNames = TileLabel.names.reversed() + [unlabeled]

    /// Indices of the tiles of a class, or of the unlabeled ones.
    func tiles(of name: String) -> [Int] {
        exploration.tiles.indices.filter { (exploration.tiles[$0].label ?? Self.unlabeled) == name }
    }

    static func cells(_ counts: ClassCounts) -> [String] {
        [counts.nuclei, counts.noNucleus, counts.unlabeled].map(String.init)
    }
}
