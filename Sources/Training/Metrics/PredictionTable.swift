import Datasets
import Foundations

/// Comma-separated values with a row for each tile: filename, group, label, what is predicted, and the probability of
/// nuclei. `probabilities`: classes in the order of `TileLabel`.
package func predictionTable(_ probabilities: LabelledProbabilities, tiles: [Int], of set: TileSet) -> String {
    precondition(tiles.count == probabilities.targets.count)
    let nuclei = TileLabel.nuclei.rawValue
    let rows = zip(tiles, probabilities.predictions).enumerated().map { row, pair in
        let tile = set.tiles[pair.0]
        let cells = [
            tile.filename, tile.group ?? "", tile.label?.name ?? "", TileLabel.names[pair.1],
            "\(probabilities.rows[row * probabilities.classes + nuclei])",
        ]
        return csvLine(cells)
    }
    return "filename,group,label,predicted,nuclei_probability\n" + rows.joined()
}
