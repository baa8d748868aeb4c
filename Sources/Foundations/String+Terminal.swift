extension Unicode.Scalar {
    /// Whether terminals and web pages act on the character instead of showing it: control characters, separators of
    /// lines and paragraphs, and characters that change the direction of text.
    package var isControl: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: properties.isBidiControl
        }
    }

    /// Whether a terminal shows the character in two columns, as most of East Asian scripts and emoji.
    fileprivate var isWide: Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}

extension Character {
    /// Columns on a terminal.
    package var columns: Int { unicodeScalars.first!.isWide ? 2 : 1 }
}

extension String {
    /// The text with control characters as escapes: `\n`, `\t`, `\r`, else `\u{1B}`. A name from outside can then
    /// neither command a terminal nor look like several lines.
    package var escapingControls: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        return unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.isControl:
                result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }

    /// The text with its middle replaced by "..", if it has more than `width` columns.
    package func shortened(to width: Int) -> String {
        guard columns > width else { return self }
        guard width > 2 else { return String(repeating: ".", count: max(0, width)) }
        var (head, tail) = (Substring(self), Substring(self))
        while head.columns > (width - 2) / 2 { head.removeLast() }
        while tail.columns > width - 2 - head.columns { tail.removeFirst() }
        return head + ".." + tail
    }
}

extension StringProtocol {
    /// Columns on a terminal.
    package var columns: Int { reduce(0) { $0 + $1.columns } }
}
