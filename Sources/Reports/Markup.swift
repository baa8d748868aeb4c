import Mustache

/// Texts of others, made fit for a page that an XML parser reads too.
///
/// Mustache's own escaping compares whole characters, so that a quote with an accent over it passes through and ends an
/// attribute; this one looks at each scalar.
struct Markup: MustacheContentType {
    /// The name that templates ask for it by.
    static let name: String = {
        MustacheContentTypes.register(Markup(), named: "XHTML")
        return "XHTML"
    }()

    func escapeText(_ text: String) -> String {
        var result = ""
        for scalar in Self.printable(text, control: "\u{FFFD}").unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The text with a sign in the place of what XML 1.0 has no way to write, and of what breaks lines or their order.
    static func printable(_ text: String, control sign: Unicode.Scalar) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: result.append(scalar == "\n" ? " " : sign)
            default: result.append(isBidirectionalControl(scalar) || isNoncharacter(scalar) ? sign : scalar)
            }
        }
        return String(result)
    }

    private static func isBidirectionalControl(_ scalar: Unicode.Scalar) -> Bool {
        (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
    }

    private static func isNoncharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value == 0xFFFE || scalar.value == 0xFFFF
    }
}
