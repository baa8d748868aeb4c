/// A row of comma-separated values with its line end: RFC 4180, except that the line ends with "\n".
package func csvLine(_ cells: [String]) -> String { cells.map(csvCell).joined(separator: ",") + "\n" }

/// Quotes a cell where its content requires it.
private func csvCell(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"\(text.replacing("\"", with: "\"\""))\""
}
