import Foundation

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// The elements and text of a page, read by an XML parser.
final class PageReader: NSObject, XMLParserDelegate {
    struct Element {
        let name: String
        let attributes: [String: String]
        /// Text of the element itself, without that of its children.
        var text = ""
    }

    private(set) var problem: (any Error)?
    private(set) var elements = [Element]()
    private(set) var text = ""
    private var open = [Int]()

    init(_ html: String) {
        super.init()
        let parser = XMLParser(data: Data(html.utf8))
        parser.delegate = self
        if !parser.parse(), problem == nil { problem = parser.parserError ?? CocoaError(.formatting) }
    }

    func all(_ name: String, kind: String? = nil) -> [Element] {
        elements.filter { $0.name == name && (kind == nil || $0.attributes["class"]?.hasPrefix(kind!) == true) }
    }

    /// All URLs that a browser would load or link to.
    var references: [String] {
        let names = ["src", "href", "xlink:href", "srcset", "data", "action", "poster"]
        let styles = elements.compactMap { $0.attributes["style"] } + all("style").map(\.text)
        return elements.flatMap { element in names.compactMap { element.attributes[$0] } }
            + styles.filter { $0.contains("url(") || $0.contains("@import") }
    }

    var outsideReferences: [String] { references.filter { !$0.hasPrefix("data:image/") && !$0.hasPrefix("#") } }

    /// Duplicate identifiers, and references to missing ones.
    var brokenNames: [String] {
        let names = elements.compactMap { $0.attributes["id"] }
        let twice = Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys
        let wanted = references.filter { $0.hasPrefix("#") }.map { String($0.dropFirst()) }
        return Array(twice) + wanted.filter { !Set(names).contains($0) }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String] = [:]
    ) {
        open.append(elements.count)
        elements.append(Element(name: name, attributes: attributes))
    }

    func parser(
        _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
        open.removeLast()
    }

    func parser(_ parser: XMLParser, parseErrorOccurred error: any Error) { problem = error }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        text += string
        if let last = open.last { elements[last].text += string }
    }
}
