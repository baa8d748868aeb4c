import Datasets

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
        return cells.map(quoted).joined(separator: ",") + "\n"
    }
    return "filename,group,label,predicted,nuclei_probability\n" + rows.joined()
}

/// A cell with quotes where its content needs them (RFC 4180).
private func quoted(_ cell: String) -> String {
    guard cell.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return cell }
    return "\"\(cell.replacing("\"", with: "\"\""))\""
}
