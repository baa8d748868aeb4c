import Foundations

extension String {
    /// The text with `sign` in place of control characters and noncharacters, which XML 1.0 cannot represent or which
    /// break lines or reverse their direction. Line feeds become spaces.
    package func printable(control sign: Unicode.Scalar) -> String {
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            let isNoncharacter = scalar.value == 0xFFFE || scalar.value == 0xFFFF
            result.append(scalar == "\n" ? " " : scalar.isControl || isNoncharacter ? sign : scalar)
        }
        return String(result)
    }
}
