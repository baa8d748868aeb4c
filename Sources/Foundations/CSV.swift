/// A row of comma-separated values (RFC 4180, but for the end of the line), with its end.
package func csvLine(_ cells: [String]) -> String { cells.map(csvCell).joined(separator: ",") + "\n" }

/// In quotes where its content needs them.
private func csvCell(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"\(text.replacing("\"", with: "\"\""))\""
}
