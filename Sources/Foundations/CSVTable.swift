/// The rows of a text of comma-separated values (RFC 4180).
///
/// A cell in quotes may contain commas, line breaks and doubled quotes. Lines end with "\n", "\r\n" or "\r". The text is
/// read byte by byte: a comma with a combining mark is one character, but still a delimiter.
package struct CSVTable {
    package struct Row: Equatable {
        package var cells: [String]
        /// The line of the text where the row begins, from 1.
        package let line: Int
    }

    /// A quoted cell that does not end where a cell can end.
    package struct QuoteError: Error, Equatable {
        /// The line where the quote opens.
        package let line: Int
        /// Description of the content that was found.
        package let found: String
    }

    package private(set) var rows = [Row]()
    /// The place of an error; the rows before it are valid.
    package private(set) var problem: QuoteError?

    /// Parses a text. A byte order mark at its beginning is skipped.
    package init(_ text: String) {
        var bytes = Array(text.utf8)[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        var line = 1
        while !bytes.isEmpty, problem == nil {
            let first = line
            var cells = [String]()
            while let cell = readCell(&bytes, &line) {
                cells.append(cell)
                guard bytes.first == UInt8(ascii: ",") else { break }
                bytes.removeFirst()
            }
            if problem != nil { return }
            rows.append(Row(cells: cells, line: first))
            Self.skipLineBreak(&bytes, &line)
        }
    }

    /// Reads a cell up to its delimiter. Nil after a quote that is not closed properly.
    private mutating func readCell(_ bytes: inout ArraySlice<UInt8>, _ line: inout Int) -> String? {
        let quote = UInt8(ascii: "\"")
        let content = bytes.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard content.first == quote else {
            let cell = bytes.prefix { !Self.endsCell($0) }
            bytes = bytes[cell.endIndex...]
            return String(decoding: cell, as: UTF8.self)
        }
        bytes = content.dropFirst()
        let first = line
        var cell = [UInt8]()
        while let byte = bytes.popFirst() {
            if byte == quote {
                guard bytes.first == quote else {
                    let rest = bytes.prefix { !Self.endsCell($0) }
                    bytes = bytes[rest.endIndex...]
                    if rest.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) {
                        problem = QuoteError(line: first, found: "text after a closing quote")
                        return nil
                    }
                    return String(decoding: cell, as: UTF8.self)
                }
                bytes.removeFirst()
            } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") && bytes.first != UInt8(ascii: "\n") {
                line += 1
            }
            cell.append(byte)
        }
        problem = QuoteError(line: first, found: "an unclosed quote")
        return nil
    }

    private static func endsCell(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private static func skipLineBreak(_ bytes: inout ArraySlice<UInt8>, _ line: inout Int) {
        guard let byte = bytes.popFirst() else { return }
        if byte == UInt8(ascii: "\r"), bytes.first == UInt8(ascii: "\n") { bytes.removeFirst() }
        line += 1
    }
}
