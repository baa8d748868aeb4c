import Datasets
import Foundations
import NeuralNetworks

extension Trainer {
    /// The accepted labels of unlabeled tiles, by index.
    func accepted(_ labels: [PseudoLabel]) -> [Int: TileLabel] {
        // Paths are compared by their bytes, unlike strings.
        let names = Dictionary(
            labels.filter { $0.verdict == .kept }.map { (FilePath($0.filename), $0.label) }
        ) { _, last in last }
        let pairs = split.unlabeled.compactMap { index in
            names[FilePath(set.tiles[index].filename)].map { (index, $0) }
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// Labels the pixels of the training tiles that have nuclei, by a given label or an accepted one, and no outlines.
    /// Empty for a network that classifies tiles.
    func pixelLabels(
        by model: Model, knowsOutlines: Bool, _ pseudoLabels: [PseudoLabel],
        onEvent: (TrainingEvent) throws -> Void
    ) throws -> [Int: PixelLabels] {
        guard settings.architecture.outlinesNuclei else { return [:] }
        let given = split.train.filter { set.tiles[$0].truth == .any }
        let accepted = accepted(pseudoLabels).filter { $0.value == .nuclei && set.tiles[$0.key].outlines == nil }
        let tiles = given + accepted.keys.sorted()
        return try PixelTeacher(model, set, knowsOutlines: knowsOutlines).labels(of: tiles) {
            try onEvent(.prediction(done: $0, of: tiles.count))
        }
    }

    /// The numbers of pixel labels, in the order of tiles.
    func records(_ labels: [Int: PixelLabels], cycle: Int) -> [PixelLabelRecord] {
        labels.sorted { $0.key < $1.key }.map {
            PixelLabelRecord(cycle: cycle, filename: set.tiles[$0.key].filename, $0.value)
        }
    }
}
