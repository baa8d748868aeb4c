import Datasets
import Foundations

/// A CSV table with a row for each tile: filename, group, label, predicted class and probability of nuclei. The classes
/// of `probabilities` have the order of `TileLabel`.
package func predictionTable(_ probabilities: LabeledProbabilities, tiles: [Int], of set: TileSet) -> String {
    precondition(tiles.count == probabilities.targets.count)
    let nuclei = TileLabel.nuclei.rawValue
    let rows = zip(tiles, probabilities.predictions).enumerated().map { row, pair in
        let tile = set.tiles[pair.0]
        return csvLine([
            tile.filename, tile.group ?? "", tile.label?.name ?? "", TileLabel.names[pair.1],
            "\(probabilities.rows[row * probabilities.classes + nuclei])",
        ])
    }
    return csvLine(["filename", "group", "label", "predicted", "nuclei_probability"]) + rows.joined()
}
