/// A row of comma-separated values with its line end: RFC 4180, except that the line ends with "\n".
///
/// Spreadsheets evaluate cells that begin with `=`, `+`, `-`, `@`, a tab or a line break. Such a cell gets a leading
/// apostrophe unless it is a number, or the table `isInput` of this program.
package func csvLine(_ cells: [String], isInput: Bool = false) -> String {
    cells.map { csvCell($0, isInput) }.joined(separator: ",") + "\n"
}

/// Quotes a cell where its content requires it.
///
/// Looks at Unicode scalars: a comma or a quote with a combining mark is one character, but still a delimiter.
private func csvCell(_ text: String, _ isInput: Bool) -> String {
    var scalars = text.unicodeScalars[...]
    if !isInput, let first = scalars.first, "=+-@\t\r\n".unicodeScalars.contains(first), Double(text) == nil {
        scalars = ("'" + text).unicodeScalars[...]
    }
    let mustBeQuoted = scalars.contains { $0 == "," || $0 == "\"" || lineBreaks.contains($0) }
    guard mustBeQuoted else { return String(scalars) }
    var quoted = String.UnicodeScalarView("\"".unicodeScalars)
    for scalar in scalars {
        if scalar == "\"" { quoted.append(scalar) }
        quoted.append(scalar)
    }
    quoted.append("\"")
    return String(quoted)
}

/// The scalars that end a line for any common reader.
private let lineBreaks: Set<Unicode.Scalar> = [
    "\n", "\u{B}", "\u{C}", "\r", "\u{1C}", "\u{1D}", "\u{1E}", "\u{85}", "\u{2028}", "\u{2029}",
]
