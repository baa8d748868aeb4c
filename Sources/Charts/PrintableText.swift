extension String {
    /// The text with `sign` in place of control characters, which XML 1.0 cannot represent, and of characters that break
    /// lines or reverse their direction. Line feeds become spaces.
    package func printable(control sign: Unicode.Scalar) -> String {
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: result.append(scalar == "\n" ? " " : sign)
            default: result.append(scalar.isBidirectionalControl || scalar.isNoncharacter ? sign : scalar)
            }
        }
        return String(result)
    }
}

extension Unicode.Scalar {
    fileprivate var isBidirectionalControl: Bool {
        (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
    }

    fileprivate var isNoncharacter: Bool { value == 0xFFFE || value == 0xFFFF }
}
