import Charts
import Mustache

/// Escaping of untrusted text for pages that are valid XHTML.
///
/// Mustache's own escaping compares characters, so a quote with a combining accent passes and ends an attribute. This
/// escaping compares Unicode scalars.
struct Markup: MustacheContentType {
    /// The name of the content type in templates.
    static let name: String = {
        MustacheContentTypes.register(Markup(), named: "XHTML")
        return "XHTML"
    }()

    func escapeText(_ text: String) -> String {
        var result = ""
        for scalar in text.printable(control: "\u{FFFD}").unicodeScalars {
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
}
